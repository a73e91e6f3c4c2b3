"""What has to be said of a whole study beside its numbers: cautions and exclusions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from silentzone.analysis.positions import FEWEST_DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.benchmarks import Benchmarks
    from silentzone.analysis.positions import CorpusPositions

FEWEST_PAIRED = 0.95
"""Share of a benchmark's items below which a comparison is named."""
_MOST_NAMED = 5


@dataclass(slots=True, eq=False)
class Remarks:
    """What has to be said of the whole study."""

    cautions: list[str] = field(default_factory=list)
    exclusions: list[JsonObject] = field(default_factory=list)

    def exclude(self, what: str, count: int, why: str) -> None:
        """Count something that was left out."""
        self.exclusions.append({"what": what, "count": count, "why": why})


def count_exclusions(
    corpora: Sequence[CorpusPositions],
    benchmarks: Benchmarks,
    remarks: Remarks,
    *,
    with_composite: bool = True,
) -> None:
    """Count positions, items and, where asked for, benchmarks that enter nothing."""
    for corpus in corpora:
        for name, own in corpus.models.items():
            for status, count in own.excluded.items():
                remarks.exclude(f"positions of {name} on {corpus.corpus}", count, status)
    for scores in benchmarks.scores:
        for name, by_status in scores.excluded.items():
            for status, count in by_status.items():
                remarks.exclude(f"items of {name} on {scores.benchmark}", count, status)
        for name, count in scores.counted_wrong.items():
            remarks.cautions.append(
                f"{count} answers of {name} on {scores.benchmark} were cut off and count as wrong"
            )
    for name, entry in benchmarks.entries.items():
        if with_composite and not entry.enters:
            remarks.exclude(f"benchmark {name} from the composite", 1, entry.why_not or "")


def same_files(models: Sequence[JsonObject]) -> tuple[tuple[str, ...], ...]:
    """Group the models that are one file by content, and are run in one way."""
    by_content: dict[tuple[object, ...], list[str]] = {}
    for one in models:
        content = tuple(one.get(key) for key in ("sha256", "cache_k", "cache_v", "engine"))
        by_content.setdefault(content, []).append(str(one["name"]))
    return tuple(tuple(same) for same in by_content.values() if len(same) > 1)


def warn_of_copies(models: Sequence[JsonObject], remarks: Remarks) -> None:
    """Say which models are one file, since each counts as a point of every relation."""
    for same in same_files(models):
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
    warn_of_unpaired(items, benchmarks, remarks)


def warn_of_unpaired(items: Mapping[str, int], benchmarks: Benchmarks, remarks: Remarks) -> None:
    """Say which candidates are compared on clearly fewer items than a benchmark has.

    Parameters
    ----------
    items : mapping of str to int
        Number of items by benchmark.
    benchmarks : Benchmarks
    remarks : Remarks
        Told what is found.
    """
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
            + "; a score is over those alone, and the difference to the reference is what compares"
        )
