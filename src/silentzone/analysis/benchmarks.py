"""All benchmarks of a cohort: which enter the composite, who changed what, and their axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from silentzone.analysis.score_axes import (
    NORMALISED,
    PARTS,
    RANK,
    BenchmarkReplicates,
    benchmark_axes,
    macro_replicates,
    normalised_axis,
    rank_axis,
)
from silentzone.analysis.scores import (
    COMPOSITE,
    CompositeDifference,
    Entry,
    composite_difference,
    composite_entry,
    decompositions,
    score_estimates,
)
from silentzone.analysis.zones import Outcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import Axis
    from silentzone.analysis.items import BenchmarkScores
    from silentzone.stats.paired import Decomposition
    from silentzone.stats.results import Estimate

DEFINITIONS = {
    COMPOSITE: "macro mean: the unweighted mean of the benchmarks' scores",
    NORMALISED: "reference-normalised: the unweighted mean of (score - chance) / (the reference's "
    "score - chance), less one",
    RANK: "rank: the mean over benchmarks of a candidate's rank among the candidates; describes, "
    "never decides",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Benchmarks:
    """What the benchmarks gave, by name where there are several."""

    reference: str
    chances: Mapping[str, float | None]
    """Expected score of guessing; null where it is not known."""
    entries: Mapping[str, Entry]
    scores: Sequence[BenchmarkScores]
    estimates: Mapping[str, Mapping[str, Estimate]]
    parts: Mapping[str, Mapping[str, Decomposition]]
    composites: Mapping[str, CompositeDifference]

    @property
    def entering(self) -> list[str]:
        """Benchmarks of the composite."""
        return [name for name, entry in self.entries.items() if entry.enters]

    @property
    def why_no_composite(self) -> str | None:
        """Why no model can have a composite; null where one can."""
        if not self.entries:
            return "the study has no benchmark"
        if self.entering:
            return None
        reasons = [f"{name}: {entry.why_not}" for name, entry in self.entries.items()]
        return "no benchmark enters the composite (" + "; ".join(reasons) + ")"

    def why_not_measured(self, candidate: str) -> str | None:
        """Which benchmarks keep a candidate from having a composite; null where none does."""
        lacking = [name for name in self.entering if candidate not in self.parts[name]]
        return "not measured on " + ", ".join(lacking) if lacking else None

    def outcomes(self) -> Outcomes:
        """Composite differences as zones need them."""
        return Outcomes(
            by_model={
                name: Outcome(
                    difference=part.net.value,
                    standard_error=part.net.standard_error,
                    degrees_of_freedom=part.degrees_of_freedom,
                )
                for name, part in self.composites.items()
                if part.net.value is not None
            },
            why_none=self.why_no_composite,
        )


def judge_benchmarks(
    found: Mapping[str, BenchmarkScores | None],
    chances: Mapping[str, float | None],
    reference: str,
    candidates: Sequence[str],
) -> Benchmarks:
    """Decompose every benchmark and form the composite of those that enter it.

    Parameters
    ----------
    found : mapping of str to BenchmarkScores or None
        In the order in which benchmarks are named; null where the reference was not asked.
    chances : mapping of str to float or None
    reference : str
    candidates : sequence of str
    """
    scores = [one for one in found.values() if one is not None]
    entries = {name: composite_entry(one, chances.get(name)) for name, one in found.items()}
    parts = {one.benchmark: decompositions(one) for one in scores}
    entering = [one for one in scores if entries[one.benchmark].enters]
    composites = {name: composite_difference(name, entering, parts) for name in candidates}
    return Benchmarks(
        reference=reference,
        chances=chances,
        entries=entries,
        scores=scores,
        estimates={one.benchmark: score_estimates(one, reference) for one in scores},
        parts=parts,
        composites={name: part for name, part in composites.items() if part is not None},
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreEvidence:
    """Axes of all scores, and what the decision needs of the same draws."""

    axes: Mapping[str, Axis]
    composite: BenchmarkReplicates | None
    """Of the macro mean, every resample; null where there is none."""
    why_not_normalised: str | None


def score_evidence(benchmarks: Benchmarks, seed: int) -> ScoreEvidence:
    """Axes of the composites, of every benchmark, and of their volume, direction and net."""
    replicates = {one.benchmark: BenchmarkReplicates.of(one, seed) for one in benchmarks.scores}
    entering = [replicates[name] for name in benchmarks.entering]
    composite = macro_replicates(entering)
    macro = benchmark_axes(COMPOSITE, _values(benchmarks.composites), composite)
    why_not = _why_not_normalised(benchmarks)
    chances = [benchmarks.chances.get(name) or 0.0 for name in benchmarks.entering]
    normalised = normalised_axis(entering if why_not is None else (), chances)
    single = {
        name: benchmark_axes(name, _values(benchmarks.parts[name]), own)
        for name, own in replicates.items()
    }
    axes = {
        COMPOSITE: macro[COMPOSITE],
        NORMALISED: replace(normalised, why_empty=why_not),
        RANK: rank_axis(entering),
        **{name: own[name] for name, own in single.items()},
        **{
            f"{part}:{name}": own[f"{part}:{name}"]
            for name, own in single.items()
            for part in PARTS
        },
        **{f"{part}:{COMPOSITE}": macro[f"{part}:{COMPOSITE}"] for part in PARTS},
    }
    why = benchmarks.why_no_composite
    if why is not None:
        for name in (COMPOSITE, NORMALISED, RANK, *(f"{part}:{COMPOSITE}" for part in PARTS)):
            axes[name] = replace(axes[name], why_empty=why)
    return ScoreEvidence(axes=axes, composite=composite, why_not_normalised=why or why_not)


def composite_rows_of(benchmarks: Benchmarks, why_not_normalised: str | None) -> list[JsonObject]:
    """Rows of ``composites``: what each is made of."""
    left_out = [
        {"benchmark": name, "why": entry.why_not}
        for name, entry in benchmarks.entries.items()
        if not entry.enters
    ]
    whys = {
        COMPOSITE: benchmarks.why_no_composite,
        NORMALISED: why_not_normalised,
        RANK: benchmarks.why_no_composite,
    }
    return [
        {
            "name": name,
            "definition": definition,
            "benchmarks": benchmarks.entering,
            "left_out": left_out,
            "why_empty": whys[name],
        }
        for name, definition in DEFINITIONS.items()
    ]


def _why_not_normalised(benchmarks: Benchmarks) -> str | None:
    unknown = [name for name in benchmarks.entering if benchmarks.chances.get(name) is None]
    if unknown:
        return "the score of guessing is not known for " + ", ".join(unknown)
    return None


def _values(
    parts: Mapping[str, Decomposition] | Mapping[str, CompositeDifference],
) -> dict[str, dict[str, float]]:
    """Values by part, then candidate."""
    result: dict[str, dict[str, float]] = {part: {} for part in PARTS}
    for model, one in parts.items():
        for part in PARTS:
            estimate: Estimate = getattr(one, part)
            if estimate.value is not None:
                result[part][model] = estimate.value
    return result
