"""Whether the lower divergence tells which of two candidates to trust where they disagree.

A decision is one pair of candidates on one item that exactly one of them got right. Rules vote +1
for the first of the pair, -1 for the second, and 0 where they cannot choose: half right.
Array shapes: M candidates, n items; a block holds the pairs of one candidate with all later ones,
B = M - 1 - first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.prompt_data import ALL, PASS_MARK, PASS_RULE, stacked
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.dyads import PairTally, difference_estimate, item_order, share_estimate
from silentzone.stats.estimates import with_cautions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.prompt_data import PromptData
    from silentzone.stats.results import Estimate

LOWER_KLD, LOWER_MEAN = "lower_kld", "lower_mean_kld"
HIGHER_CONFIDENCE, BETTER_MODEL = "higher_confidence", "better_model"
RULES = (LOWER_KLD, LOWER_MEAN, HIGHER_CONFIDENCE, BETTER_MODEL)
CHANCE = "chance"
WORDS = {
    LOWER_KLD: "trust the candidate with the lower KLD on this item",
    LOWER_MEAN: "always trust the candidate with the lower mean KLD on the corpus",
    HIGHER_CONFIDENCE: "trust the candidate with the higher confidence on this item",
    BETTER_MODEL: "always trust the candidate that is right on more of these items (an upper "
    "benchmark: it knows the answers)",
}
MEAN_OF_ITEMS = "always trust the candidate with the lower mean KLD over the benchmark's items"
IN_SAMPLE = "chosen on the items it is judged on: an upper benchmark, not a rule to use"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Field:
    """One benchmark with its items in cluster order, as the rules read it."""

    clusters: ClusterPartition
    right: NDArray[np.int8]
    """1 where a candidate passed, of shape (M, n)."""
    known: NDArray[np.bool_]
    """Where it has a score, of shape (M, n)."""
    by_item: Mapping[str, NDArray[np.float64]]
    """Of shape (M, n), for rules that choose item by item: the larger value is trusted."""
    by_model: Mapping[str, NDArray[np.float64]]
    """Of shape (M,), for rules that choose once for all items; NaN where a candidate has none."""

    def outcome(self, first: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """+1 where the first is right, -1 where the other is; and 1 where there is a decision."""
        outcome = self.right[first] - self.right[first + 1 :]
        outcome *= self.known[first] & self.known[first + 1 :]
        return outcome, np.abs(outcome)

    def vote(self, rule: str, first: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Vote of a rule, and 1 where it has one; both broadcast to (B, n)."""
        if rule in self.by_item:
            own, others = self.by_item[rule][first], self.by_item[rule][first + 1 :]
        else:
            own = self.by_model[rule][first : first + 1]
            others = self.by_model[rule][first + 1 :, None]
        known = ~(np.isnan(own) | np.isnan(others))
        return (own > others).view(np.int8) - (own < others).view(np.int8), known.view(np.int8)


def router_rows(data: Sequence[PromptData]) -> list[JsonObject]:
    """Section ``router`` of ``analysis.json``: one row per benchmark, and one over all.

    Parameters
    ----------
    data : sequence of PromptData
        Benchmarks without any divergence give no row.

    Returns
    -------
    list of JsonObject
        Shares of the decisions each rule gets right, with intervals by item and by model, and the
        differences of ``lower_kld`` to chance and to the other rules on decisions both can take.
    """
    usable = [own for own in data if own.divergence is not None and len(own.models) > 1]
    rows = [router_row(own) for own in usable]
    if len(usable) > 1:
        rows.append(router_row(stacked(usable)))
    return rows


def router_row(data: PromptData) -> JsonObject:
    """Row of one benchmark, or of several that were stacked."""
    field, words = _field(data)
    tallies, against, n_items = _tallied(field)
    shares = {
        rule: share_estimate(tally, label="share of decisions, ties half")
        for rule, tally in tallies.items()
    }
    shares[BETTER_MODEL] = with_cautions(shares[BETTER_MODEL], IN_SAMPLE)
    differences = {
        rule: difference_estimate(tally, label="difference of two shares of the same decisions")
        for rule, tally in against.items()
    }
    own = tallies[LOWER_KLD]
    return {
        "benchmark": data.benchmark,
        "pairs": own.n_pairs,
        "items": n_items,
        "decisions": own.n_decisions,
        "rules": [
            {
                "rule": rule,
                "words": words[rule],
                "accuracy": estimate_as_json(shares[rule]),
                "ties": tallies[rule].n_ties,
            }
            for rule in RULES
        ],
        "comparisons": [
            {"rule": LOWER_KLD, "against": rule, "difference": estimate_as_json(difference)}
            for rule, difference in differences.items()
        ],
        "cautions": _cautions(data, own),
        "sentence": _sentence(data.benchmark, shares, differences),
    }


def _field(data: PromptData) -> tuple[_Field, Mapping[str, str]]:
    """Give the items that divide candidates, in cluster order, and the rules in words."""
    assert data.divergence is not None
    passed, known = data.scores >= PASS_MARK, ~np.isnan(data.scores)
    divides = np.asarray(passed.any(axis=0) & (~passed & known).any(axis=0))
    clusters = data.clusters.select(divides)
    order = item_order(clusters)
    items = np.flatnonzero(divides)[order]
    missing = np.full((len(data.models), len(items)), np.nan)
    confidence = missing if data.confidence is None else data.confidence[:, items]
    words, means = WORDS, dict(data.mean_divergence)
    if not means:
        words, means = {**WORDS, LOWER_MEAN: MEAN_OF_ITEMS}, data.mean_item_divergence()
    field = _Field(
        clusters=ClusterPartition(clusters.codes[order], clusters.n_clusters, clusters.unit),
        right=passed[:, items].view(np.int8),
        known=known[:, items],
        by_item={LOWER_KLD: -data.divergence[:, items], HIGHER_CONFIDENCE: confidence},
        by_model={LOWER_MEAN: -np.array([means.get(name, np.nan) for name in data.models])},
    )
    return field, words


def _tallied(field: _Field) -> tuple[dict[str, PairTally], dict[str, PairTally], int]:
    """Tallies of the rules, of ``lower_kld`` against others, and the items with a decision."""
    n_models = len(field.right)

    def tally() -> PairTally:
        return PairTally(n_models, field.clusters)

    tallies = {rule: tally() for rule in RULES}
    against = {rule: tally() for rule in (LOWER_MEAN, HIGHER_CONFIDENCE)}
    has_decision = np.zeros(len(field.clusters), dtype=np.bool_)
    for first in range(n_models - 1):
        outcome, decided = field.outcome(first)
        kld, known = field.vote(LOWER_KLD, first)
        # Every rule is judged on decisions that the KLD can take.
        decided *= known
        outcome *= known
        has_decision |= decided.any(axis=0)
        tallies[LOWER_KLD].add(first, outcome * kld, decided)
        better = np.sign(outcome.sum(axis=1, keepdims=True)).astype(np.int8)
        tallies[BETTER_MODEL].add(first, outcome * better, decided)
        for rule, compared in against.items():
            vote, known = field.vote(rule, first)
            tallies[rule].add(first, outcome * vote * known, decided * known)
            compared.add(first, outcome * (kld - vote) * known, decided * known)
    return tallies, {CHANCE: tallies[LOWER_KLD], **against}, int(has_decision.sum())


def _cautions(data: PromptData, tally: PairTally) -> list[str]:
    found = [PASS_RULE] if _is_graded(data.scores) else []
    assert data.divergence is not None
    lacking = [
        name for name, row in zip(data.models, data.divergence, strict=True) if np.isnan(row).all()
    ]
    if lacking:
        found.append(f"no divergence of {', '.join(lacking)}: not in any pair")
    if tally.n_decisions == 0:
        found.append("no item on which exactly one of two candidates was right")
    return found


def _is_graded(scores: NDArray[np.float64]) -> bool:
    known = scores[~np.isnan(scores)]
    return bool(((known != 0.0) & (known != 1.0)).any())


def _sentence(
    benchmark: str, shares: Mapping[str, Estimate], differences: Mapping[str, Estimate]
) -> str:
    own = shares[LOWER_KLD]
    where = "over all benchmarks" if benchmark == ALL else f"on {benchmark}"
    if own.value is None:
        return f"No candidate could be chosen by KLD {where}: no decision."
    share = f"{100 * own.value:.1f} % of the items that divide two candidates"
    if own.interval is not None:
        share += f" ({100 * own.interval[0]:.1f} to {100 * own.interval[1]:.1f} %)"
    versus = "; ".join(
        _versus(rule, shares, difference)
        for rule, difference in differences.items()
        if difference.value is not None
    )
    return f"Trusting the lower KLD {where} picks the right one on {share}: {versus}."


def _versus(rule: str, shares: Mapping[str, Estimate], difference: Estimate) -> str:
    names = {
        CHANCE: "a coin",
        LOWER_MEAN: "always trusting the lower mean KLD",
        HIGHER_CONFIDENCE: "trusting the higher confidence",
    }
    share = "" if rule == CHANCE else f" ({100 * (shares[rule].value or 0.0):.1f} %)"
    interval = difference.interval
    if interval is None:
        return f"no interval against {names[rule]}{share}"
    if interval[0] <= 0.0 <= interval[1]:
        return f"not shown to differ from {names[rule]}{share}"
    word = "better" if interval[0] > 0.0 else "worse"
    return f"{word} than {names[rule]}{share}"
