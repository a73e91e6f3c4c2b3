# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.analysis.studies import FOUR

from silentzone.analysis.fidelity import METRICS, RANKED
from silentzone.analysis.metric_axes import metric_axes
from silentzone.analysis.positions import read_corpus
from silentzone.analysis.replicates import N_DRAWS, N_SPLITS
from silentzone.records.tables import TOKENS
from silentzone.store.current import CurrentParts


@pytest.fixture
def read(study, plan):
    """Corpus of a study of four candidates, and the tables it came from."""

    def from_plan(**changes):
        folder = study(plan(names=FOUR, **changes))
        sha256 = {name: name for name in ("F16", *FOUR)}
        parts = CurrentParts(folder=folder, sha256=sha256, reference="F16")
        return read_corpus(parts, "text", FOUR, seed=3), parts

    return from_plan


def test_a_window_without_a_usable_position_keeps_every_other_window_at_its_weight(read):
    # The first window of Q64 is lost as a whole.
    corpus, parts = read(bad_positions={"Q64": 20})
    table = parts.read_table(TOKENS, "text", "Q64")
    kld, is_there = table.floats("kl_divergence")
    windows = table.integers("window")[0]
    sums = np.bincount(windows[is_there], kld[is_there], minlength=12)
    sizes = np.bincount(windows[is_there], minlength=12)
    assert sizes[0] == 0
    weights = corpus.weights.weights_BG
    expected = (weights @ sums) / (weights @ sizes)
    assert corpus.models["Q64"].replicates["kld_mean"] == pytest.approx(expected)


def test_all_candidates_share_their_draws(read):
    corpus, _ = read()
    assert corpus.weights.weights_BG.shape == (2 * N_SPLITS + N_DRAWS, 12)
    klds = np.stack([corpus.models[name].replicates["kld_mean"] for name in FOUR])
    windows = np.stack([corpus.models[name].kld.reshape(12, 20).mean(axis=1) for name in FOUR])
    draws = klds[:, 2 * N_SPLITS :]
    assert np.corrcoef(draws) == pytest.approx(np.corrcoef(windows), abs=0.1)


def test_documents_are_what_is_drawn_where_ten_or_more_are_known(read):
    corpus, _ = read(documents=10)
    assert corpus.clusters.unit == "document"
    assert corpus.weights.weights_BG.shape[1] == 10


def test_one_window_leaves_nothing_to_draw(read):
    corpus, _ = read(windows=1)
    assert corpus.weights is None
    (first, *_) = metric_axes(corpus, 512)
    assert first.axis.noise is None
    assert first.axis.reliability(FOUR).cautions == ("one window only: nothing to draw again",)


def test_every_metric_that_ranks_has_an_axis_of_its_estimates(read):
    corpus, _ = read()
    axes = metric_axes(corpus, 512)
    assert tuple(one.metric for one in axes) == RANKED
    for one in axes:
        assert (one.corpus, one.context_length) == ("text", 512)
        assert one.axis.is_loss == METRICS[one.metric].is_loss
        for name in FOUR:
            assert one.axis.values[name] == corpus.models[name].fidelity[one.metric].value


def test_an_axis_knows_the_deviations_of_its_draws_from_the_sample_and_both_halves(read):
    corpus, _ = read()
    own = next(one.axis for one in metric_axes(corpus, 512) if one.metric == "kld_mean")
    replicates = np.stack([corpus.models[name].replicates["kld_mean"] for name in FOUR])
    values = np.array([own.values[name] for name in FOUR])
    assert own.noise.deviations == pytest.approx(replicates[:, 2 * N_SPLITS :] - values[:, None])
    assert own.noise.halves[0] == pytest.approx(replicates[:, :N_SPLITS])
    assert own.noise.halves[1] == pytest.approx(replicates[:, N_SPLITS : 2 * N_SPLITS])


def test_a_candidate_without_a_metric_is_not_on_its_axis(read):
    corpus, _ = read(identical=("Q64",))
    own = next(one.axis for one in metric_axes(corpus, 512) if one.metric == "kld_geomean")
    assert set(own.values) == set(own.noise.models) == set(FOUR[1:])
