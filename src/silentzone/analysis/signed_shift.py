"""A metric with direction: how far the margin of the gold answer moved, judged out of sample.

The signed shift of a candidate is the mean over items of its margin minus the reference's (margin:
log-likelihood of the gold answer minus that of the best other, nats). It uses the labels, so its
fair rival is the net change of the same items. All predictors are made of one half of the items
and correlated, over candidates, with the net change on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, estimate_as_json, interval_as_json
from silentzone.analysis.scores import COMPOSITE
from silentzone.analysis.seeds import seeded
from silentzone.analysis.signed_splits import (
    ITEM_KLD,
    KLD,
    NET,
    SHIFT,
    WEIGHTED,
    Judged,
    Splits,
    composite,
    judged,
)
from silentzone.stats.estimates import null_estimate
from silentzone.stats.reliability import column_spearman
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.prompt_data import PromptData

N_SPLITS = 200
FEWEST_CLUSTERS, FEWEST_MODELS, FEWEST_FOR_VERDICT = 4, 3, 8
FEW_ITEMS = 100
FULL = "full"
PREDICTORS = (SHIFT, WEIGHTED, KLD, ITEM_KLD, NET)
WORDS = {
    SHIFT: "mean change of the gold margin from reference to candidate",
    WEIGHTED: "mean change of the gold margin, items near the reference's boundary counting most: "
    "weight exp(-|reference margin| / its median)",
    KLD: "mean KLD on the corpus: no item and no label used",
    ITEM_KLD: "mean KLD along the same items: no label used",
    NET: "net change of the score on the same items: the rival that uses the labels too",
}
SHORT = {
    WEIGHTED: "the weighted signed shift",
    KLD: "mean KLD",
    ITEM_KLD: "mean KLD along the items",
    NET: "the net change of the same items",
}
TARGET = "net on the other half"
METHOD = "mean aligned Spearman over random halves of the items; interval: central 95 % over splits"
SPREAD = "the spread is that of the splits: the candidates are held"


def signed_shift_section(
    data: Sequence[PromptData],
    *,
    seed: int,
    entering: Sequence[str] | None = None,
    zones: Mapping[str, Sequence[str]] | None = None,
    n_splits: int = N_SPLITS,
) -> tuple[list[JsonObject], JsonObject]:
    """Sections ``signed_shift`` and ``signed_shift_summary`` of ``analysis.json``.

    Parameters
    ----------
    data : sequence of PromptData
        Benchmarks without margins of the reference and of candidates give no row.
    seed : int
        Of the study.
    entering : sequence of str, optional
        Benchmarks of the composite; all with margins where not given.
    zones : mapping of str to sequence of str, optional
        Members by zone, beside the full cohort.
    n_splits : int

    Returns
    -------
    rows : list of JsonObject
        Per benchmark and for the composite of two or more, per zone and predictor; for the full
        cohort also with the predictor from few items. ``rho`` is aligned (positive ranks well),
        ``spearman`` is the raw one.
    summary : JsonObject
        Whether the weighted shift beats KLD and net by more than the spread over splits.
    """
    splits = [
        Splits.of(own, n_splits, seeded(seed, "signed shift", own.benchmark))
        for own in data
        if own.margin is not None and own.reference_margin is not None
        if own.models and own.clusters.n_clusters >= FEWEST_CLUSTERS
    ]
    found = [judged(own) for own in splits]
    wanted = {own.benchmark for own in data} if entering is None else set(entering)
    pairs = [(s, own) for s, own in zip(splits, found, strict=True) if own.name in wanted]
    told = [own for _, own in pairs] or found
    if len(pairs) > 1:
        left_out = sorted(wanted - {own.name for own in told})
        cautions = (f"without margins, not in it: {', '.join(left_out)}",) if left_out else ()
        found = [*found, composite([split for split, _ in pairs], told, COMPOSITE, cautions)]
        told = found[-1:]
    rows = [row for own in found for row in _judged_rows(own, zones or {})]
    return rows, _summary(told[0] if told else None)


def _judged_rows(own: Judged, zones: Mapping[str, Sequence[str]]) -> Iterator[JsonObject]:
    for zone, members in {FULL: own.models, **zones}.items():
        for name in PREDICTORS:
            if name in own.predictors:
                yield _row(own, zone, members, (name, own.n_half, own.predictors[name]))
    for size, predictors in own.subsets.items():
        for name in PREDICTORS:
            if name in predictors:
                yield _row(own, FULL, own.models, (name, size, predictors[name]))


def _row(
    own: Judged,
    zone: str,
    members: Sequence[str],
    predictor: tuple[str, int, NDArray[np.float64]],
) -> JsonObject:
    name, n_items, values = predictor
    rows = _usable_rows(own, members, values)
    rhos = _aligned(name, values[rows], own.target[rows])
    estimate = _over_splits(rhos, len(rows), own.n_clusters)
    missing = len(members) - len(rows)
    cautions = list(own.cautions)
    if missing:
        cautions.append(f"{missing} of {len(members)} candidates have no value and are left out")
    return {
        "benchmark": own.name,
        "zone": zone,
        "n": len(rows),
        "items": n_items,
        "predictor": name,
        "words": WORDS[name],
        "rho": estimate_as_json(estimate),
        "spearman": None if estimate.value is None else _sign(name) * estimate.value,
        "target": TARGET,
        "cautions": cautions,
    }


def _usable_rows(own: Judged, members: Sequence[str], values: NDArray[np.float64]) -> list[int]:
    """Rows of the members that have the predictor and the target in most splits."""
    known = np.mean(np.isfinite(values) & np.isfinite(own.target), axis=1) > 0.5
    places = {name: row for row, name in enumerate(own.models)}
    return [places[name] for name in members if name in places and known[places[name]]]


def _sign(name: str) -> float:
    return -1.0 if name in {KLD, ITEM_KLD} else 1.0


def _aligned(
    name: str, values: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rank correlation of each split, positive where the predictor ranks well, of shape (R,)."""
    if len(values) < FEWEST_MODELS:
        return np.full(target.shape[1], np.nan)
    return _sign(name) * column_spearman(values, target)


def _over_splits(values: NDArray[np.float64], n_models: int, n_clusters: int) -> Estimate:
    usable = values[np.isfinite(values)]
    if n_models < FEWEST_MODELS:
        reason = f"n = {n_models}: a correlation needs three candidates"
        return null_estimate(METHOD, reason, n_observations=n_models)
    if len(usable) <= len(values) / 2:
        reason = "most splits have no correlation: candidates equal or without a value"
        return null_estimate(METHOD, reason, n_observations=n_models)
    low, high = np.quantile(usable, (0.025, 0.975))
    cautions = [SPREAD]
    if n_models < FEWEST_FOR_VERDICT:
        cautions.insert(
            0, f"n = {n_models}, fewer than {FEWEST_FOR_VERDICT}: read no order into it"
        )
    if len(usable) < len(values):
        cautions.append(f"{len(values) - len(usable)} of {len(values)} splits have no correlation")
    return Estimate(
        value=float(usable.mean()),
        standard_error=None,
        interval=(float(low), float(high)),
        method=METHOD,
        n_observations=n_models,
        n_clusters=n_clusters,
        cautions=tuple(cautions),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """The weighted shift beside its rivals, on the candidates that have them all."""

    n: int
    found: Mapping[str, Estimate]
    """rho by predictor."""
    ahead: Mapping[str, Estimate]
    """rho of the weighted shift minus that of each rival, split by split."""


def _compared(
    own: Judged, predictors: Mapping[str, NDArray[np.float64]], rivals: Sequence[str]
) -> _Comparison:
    names = (WEIGHTED, *rivals)
    usable = [set(_usable_rows(own, own.models, predictors[name])) for name in names]
    rows = sorted(set.intersection(*usable))
    rhos = {name: _aligned(name, predictors[name][rows], own.target[rows]) for name in names}
    ahead = {name: rhos[WEIGHTED] - rhos[name] for name in rivals}
    return _Comparison(
        n=len(rows),
        found={n: _over_splits(rho, len(rows), own.n_clusters) for n, rho in rhos.items()},
        ahead={n: _over_splits(gain, len(rows), own.n_clusters) for n, gain in ahead.items()},
    )


def _summary(own: Judged | None) -> JsonObject:
    """Judge the weighted shift, chosen beforehand, against KLD and against net."""
    if own is None:
        sentence = "No benchmark has gold margins of the reference and of candidates."
        return {"sentence": sentence, "works": None, "benchmark": None, "against": []}
    has_kld = np.isfinite(own.predictors[KLD]).all(axis=1).sum() >= FEWEST_MODELS
    kld = KLD if has_kld else ITEM_KLD
    whole = _compared(own, own.predictors, [n for n in (kld, NET) if n in own.predictors])
    few = [size for size in own.subsets if size <= FEW_ITEMS]
    works = _works(whole)
    sentence = _sentence(own, whole, works)
    if few and whole.found[WEIGHTED].value is not None:
        sentence += _few_words(few[-1], _compared(own, own.subsets[few[-1]], [NET]))
    return {
        "sentence": sentence,
        "works": works,
        "benchmark": own.name,
        "against": [
            {
                "predictor": name,
                "difference": gain.value,
                "interval": interval_as_json(gain.interval),
            }
            for name, gain in whole.ahead.items()
        ],
    }


def _works(compared: _Comparison) -> bool | None:
    """Whether every rival is beaten; null with few candidates, or where one cannot be compared."""
    if compared.n < FEWEST_FOR_VERDICT:
        return None
    known = [gain for gain in compared.ahead.values() if gain.interval is not None]
    if not all(_is_ahead(gain) for gain in known):
        return False
    return True if len(known) == 2 else None


def _sentence(own: Judged, compared: _Comparison, works: bool | None) -> str:
    found, ahead = compared.found, compared.ahead
    where = "the composite" if own.name == COMPOSITE else own.name
    if found[WEIGHTED].value is None:
        why = found[WEIGHTED].cautions[0]
        return f"The signed gold-margin shift could not be judged on {where}: {why}."
    rivals = ", ".join(f"{SHORT[name]} with {_rho(found[name])}" for name in ahead)
    return (
        f"On {where}, the weighted signed gold-margin shift of one half of the items ranks "
        f"{compared.n} candidates by their net change on the other half with "
        f"{_rho(found[WEIGHTED])}; {rivals}. So {_verdict(compared, works)}."
    )


def _verdict(compared: _Comparison, works: bool | None) -> str:
    if compared.n < FEWEST_FOR_VERDICT:
        return f"{compared.n} candidates are too few to say whether it is better"
    if works is None:
        return "whether it is better cannot be said: a rival is missing"
    gains = "; ".join(
        f"{_difference(gain)} against {SHORT[name]}" for name, gain in compared.ahead.items()
    )
    names = [SHORT[name] for name, gain in compared.ahead.items() if _is_ahead(gain) == works]
    if works:
        return f"it works: it beats {' and '.join(names)} by more than the spread ({gains})"
    return (
        f"it does not work: it does not beat {' or '.join(names)} by more than the spread ({gains})"
    )


def _few_words(n_items: int, compared: _Comparison) -> str:
    own, net = compared.found[WEIGHTED], compared.found[NET]
    if own.value is None or net.value is None:
        return ""
    gain = _difference(compared.ahead[NET])
    return (
        f" From {n_items} items alone it has {_rho(own)}, the net change of the same {n_items} "
        f"items {_rho(net)}: {gain}."
    )


def _difference(gain: Estimate) -> str:
    return "no difference known" if gain.value is None else f"{gain.value:+.2f}{_range(gain)}"


def _is_ahead(gain: Estimate) -> bool:
    return gain.interval is not None and gain.interval[0] > 0.0


def _rho(estimate: Estimate) -> str:
    if estimate.value is None:
        return "no rho"
    return f"rho {estimate.value:+.2f}{_range(estimate)}"


def _range(estimate: Estimate) -> str:
    if estimate.interval is None:
        return ""
    return f" ({estimate.interval[0]:+.2f} to {estimate.interval[1]:+.2f})"
