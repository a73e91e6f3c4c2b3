"""What has to be said of a whole study beside its numbers: cautions and exclusions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from silentzone.analysis.positions import FEWEST_DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.items import BenchmarkScores
    from silentzone.analysis.positions import CorpusPositions
    from silentzone.analysis.scores import CompositeDifference, Entry
    from silentzone.stats.paired import Decomposition
    from silentzone.stats.results import Estimate

FEWEST_PAIRED = 0.95
"""Share of a benchmark's items below which a comparison is named."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Benchmarks:
    """What the benchmarks gave, by name where there are several."""

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


@dataclass(slots=True, eq=False)
class Remarks:
    """What has to be said of the whole study."""

    cautions: list[str] = field(default_factory=list)
    exclusions: list[JsonObject] = field(default_factory=list)

    def exclude(self, what: str, count: int, why: str) -> None:
        """Count something that was left out."""
        self.exclusions.append({"what": what, "count": count, "why": why})


def count_exclusions(
    corpora: Sequence[CorpusPositions], benchmarks: Benchmarks, remarks: Remarks
) -> None:
    """Count positions, items and benchmarks that enter nothing."""
    for corpus in corpora:
        for name, own in corpus.models.items():
            for status, count in own.excluded.items():
                remarks.exclude(f"positions of {name} on {corpus.corpus}", count, status)
    for scores in benchmarks.scores:
        for name, by_status in scores.excluded.items():
            for status, count in by_status.items():
                remarks.exclude(f"items of {name} on {scores.benchmark}", count, status)
    for name, entry in benchmarks.entries.items():
        if not entry.enters:
            remarks.exclude(f"benchmark {name} from the composite", 1, entry.why_not or "")


def warn_of_copies(models: Sequence[JsonObject], remarks: Remarks) -> None:
    """Say which models are one file, since each counts as a point of every relation."""
    by_content: dict[str, list[str]] = {}
    for one in models:
        by_content.setdefault(str(one["sha256"]), []).append(str(one["name"]))
    for same in by_content.values():
        if len(same) > 1:
            remarks.cautions.append(
                f"{', '.join(same)} have the same content; each candidate among them counts in n"
            )


def warn(
    manifest: JsonObject,
    corpora: Sequence[CorpusPositions],
    benchmarks: Benchmarks,
    remarks: Remarks,
) -> None:
    """Say what a reader of any number of the study must know."""
    if benchmarks.entries and benchmarks.why_no_composite is not None:
        remarks.cautions.append(benchmarks.why_no_composite)
    _warn_of_items(manifest, benchmarks, remarks)
    few = [
        f"{corpus.corpus}: {corpus.documents_known}"
        for corpus in corpora
        if 0 < corpus.documents_known < FEWEST_DOCUMENTS
    ]
    if few:
        remarks.cautions.append(
            f"few documents known ({', '.join(few)}), windows treated as independent"
        )
    remarks.cautions += [
        "the relation to expect in a zone is not simulated yet, so no metric is called silent",
        "p-values of relations are not adjusted for how many of them there are",
    ]
    if corpora:
        remarks.cautions.append(
            "which pairs of candidates differ in KLD is not adjusted for how many pairs there are"
        )


def _warn_of_items(manifest: JsonObject, benchmarks: Benchmarks, remarks: Remarks) -> None:
    measured = {scores.benchmark for scores in benchmarks.scores}
    items = {str(one["name"]): int(one["item_count"] or 0) for one in manifest["benchmarks"]}
    for name in items:
        if name not in measured:
            remarks.cautions.append(
                f"{name} was not run with the reference, so no candidate is compared on it"
            )
    short = [
        f"{model} on {name} ({part.n_items} of {items[name]})"
        for name, by_model in benchmarks.parts.items()
        for model, part in by_model.items()
        if part.n_items < FEWEST_PAIRED * items[name]
    ]
    if short:
        rest = len(short) - _MOST_NAMED
        more = f" and {rest} more" if rest > 0 else ""
        remarks.cautions.append(
            f"fewer than {100 * FEWEST_PAIRED:g} % of the items are paired: "
            + ", ".join(short[:_MOST_NAMED])
            + more
        )
