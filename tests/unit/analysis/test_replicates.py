# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.analysis.fidelity import RANKED, fidelity_of_columns
from silentzone.analysis.replicates import (
    N_DRAWS,
    N_SPLITS,
    QUANTILES,
    ClusterWeights,
    metric_replicates,
)
from silentzone.stats.clusters import ClusterPartition

GROUPS, N = 30, 6000
READ_OFF = {**dict.fromkeys(QUANTILES, 0.02), "kld_p999": 0.06, "kld_trimmed": 2e-3}
"""Relative error of what is read off a grid of 33 order statistics."""


def positions(seed=4):
    """Columns of a tokens table with unequal clusters, and the clusters' codes."""
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, GROUPS, N))
    level = rng.normal(0.0, 0.5, GROUPS)[codes]
    kld = np.exp(rng.normal(-4.0, 1.2, N) + level)
    reference = rng.gamma(2.0, 1.0, N)
    columns = {
        "reference_nll": reference,
        "candidate_nll": reference + rng.normal(0.0, 0.3, N) + kld,
        "kl_divergence": np.where(rng.random(N) < 0.1, 0.0, kld),
        "reverse_kl_divergence": 1.3 * kld,
        "js_divergence": kld / 4.0,
        "total_variation": np.minimum(np.sqrt(kld / 2.0), 1.0),
        "delta_p": rng.normal(-0.001, 0.05, N),
        "reference_entropy": rng.gamma(1.5, 1.0, N),
        "top1_match": (rng.random(N) > kld).astype(float),
        "top5_match": (rng.random(N) > kld / 5.0).astype(float),
    }
    return columns, codes


def repeated(columns, codes, row):
    """The sample in which cluster g is there row[g] times."""
    times = row.astype(int)[codes]
    return {name: np.repeat(values, times) for name, values in columns.items()}, np.repeat(
        codes, times
    )


def estimated(columns, codes):
    clusters = ClusterPartition.of(codes, unit="window")
    found = fidelity_of_columns(columns, clusters)
    return {key: found[key].value for key in RANKED}


def replicate(columns, codes, row):
    weights = ClusterWeights(weights_BG=row[None], n_splits=0)
    return {key: found[0] for key, found in metric_replicates(columns, codes, weights).items()}


ROWS = {
    "the sample itself": np.ones(GROUPS),
    "half of the clusters": (np.arange(GROUPS) % 2).astype(float),
    "a bootstrap draw": np.bincount(
        np.random.default_rng(3).integers(0, GROUPS, GROUPS), minlength=GROUPS
    ).astype(float),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("key", RANKED)
def test_a_replicate_is_the_estimate_of_the_sample_it_stands_for(key, row):
    columns, codes = positions()
    found = replicate(columns, codes, row)[key]
    exact = estimated(*repeated(columns, codes, row))[key]
    assert found == pytest.approx(exact, rel=READ_OFF.get(key, 1e-9))


def test_weights_are_halves_their_complements_and_draws():
    weights = ClusterWeights.of(7, rng=np.random.default_rng(1))
    (first, second), draws = weights.parts(weights.weights_BG.T)
    assert first.shape == second.shape == (7, N_SPLITS)
    assert (first + second == 1.0).all()
    assert (first.sum(axis=0) == 3.0).all()
    assert draws.shape == (7, N_DRAWS)
    assert (draws.sum(axis=0) == 7.0).all()


def test_draws_spread_as_the_clustered_standard_error_says():
    columns, codes = positions()
    weights = ClusterWeights.of(GROUPS, rng=np.random.default_rng(1))
    found = metric_replicates(columns, codes, weights)
    clusters = ClusterPartition.of(codes, unit="window")
    estimates = fidelity_of_columns(columns, clusters)
    for key in RANKED:
        error = estimates[key].standard_error
        if error is not None:
            spread = np.std(weights.parts(found[key])[1])
            # The bootstrap lacks CR1's factor; an interval read off the order statistics, as the
            # quantiles have it, is itself good to a fifth with 30 clusters.
            assert spread == pytest.approx(error, rel=0.25 if key in QUANTILES else 0.12), key


def test_an_infinite_divergence_takes_the_metrics_it_makes_infinite_and_spares_the_others():
    columns, codes = positions()
    columns["kl_divergence"][5] = np.inf
    found = replicate(columns, codes, np.ones(GROUPS))
    assert not {"kld_mean", "kld_rms", "kld_geomean", "kld_max", "kld_entropy_weighted"} & set(
        found
    )
    assert found["kld_share_above"] == pytest.approx(estimated(columns, codes)["kld_share_above"])
    assert found["js_mean"] == pytest.approx(columns["js_divergence"].mean())


def test_a_replicate_without_a_usable_position_is_nan_and_no_position_gives_no_metric():
    columns, codes = positions()
    keep = codes < 3
    own = {name: values[keep] for name, values in columns.items()}
    rows = np.zeros((2, GROUPS))
    rows[0, 0], rows[1, 9] = 1.0, 1.0
    found = metric_replicates(own, codes[keep], ClusterWeights(weights_BG=rows, n_splits=0))
    assert all(np.isfinite(values[0]) for values in found.values())
    assert all(np.isnan(values[1]) for values in found.values())
    nothing = {name: values[:0] for name, values in columns.items()}
    assert metric_replicates(nothing, codes[:0], ClusterWeights(weights_BG=rows, n_splits=0)) == {}


def test_positions_that_agree_everywhere_have_a_divergence_of_zero_and_no_geometric_mean():
    columns, codes = positions()
    columns["kl_divergence"][:] = 0.0
    found = replicate(columns, codes, np.ones(GROUPS))
    assert found["kld_mean"] == found["kld_p99"] == found["kld_trimmed"] == 0.0
    assert "kld_geomean" not in found
