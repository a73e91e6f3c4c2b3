"""What was asked and said in a study, read for people to look at."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from silentzone.analysis.flips import Asked, BenchmarkDetails, Told, changed_answers
from silentzone.analysis.item_divergence import with_divergence
from silentzone.analysis.items import OK, read_benchmark
from silentzone.analysis.measured import of_lane
from silentzone.records.models import SERVING, lane_of
from silentzone.records.tables import GENERATIONS, ITEMS, QUESTIONS
from silentzone.store.current import CurrentParts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.store.folder import StudyFolder
    from silentzone.store.tables import StoredTable


def study_flips(folder: StudyFolder, unfinished: str) -> dict[str, Any]:
    """Every changed answer of a study, lane by lane, the object of ``flips.json``.

    Parameters
    ----------
    folder : StudyFolder
    unfinished : {"leave out", "wrong"}
        The audit's rule for answers that were cut off.

    Raises
    ------
    ProtocolMismatchError
        If tables that must agree were measured under different protocols.
    TableError
        If the manifest or a table is damaged.
    """
    manifest = folder.manifest()
    parts = CurrentParts.of(folder, manifest)
    benchmarks = [str(one["name"]) for one in manifest["benchmarks"]]
    details: list[BenchmarkDetails] = []
    for lane in dict.fromkeys([SERVING, *map(lane_of, manifest["candidates"])]):
        names = [str(one["name"]) for one in of_lane(manifest["candidates"], lane)]
        own = _details(parts, benchmarks, names, unfinished)
        details += own if lane == SERVING else [replace(one, lane=lane) for one in own]
    return changed_answers(details, parts.reference)


def _details(
    parts: CurrentParts,
    benchmarks: Sequence[str],
    candidates: Sequence[str],
    unfinished: str,
) -> list[BenchmarkDetails]:
    """Read scores and words of a study's benchmarks; those without answers are passed over."""
    found = []
    for name in benchmarks:
        scores = read_benchmark(parts, name, parts.reference, candidates, unfinished)
        if scores is None:
            continue
        scores = with_divergence(parts, scores, parts.reference)
        models = [parts.reference, *scores.candidates]
        found.append(
            BenchmarkDetails(
                scores=scores,
                reference=parts.reference,
                asked=_asked(parts, name),
                told={model: _told(parts, name, model) for model in models},
            )
        )
    return found


def _asked(parts: CurrentParts, benchmark: str) -> dict[str, Asked]:
    if not parts.has_table(QUESTIONS, benchmark, parts.reference):
        return {}
    table = parts.read_table(QUESTIONS, benchmark, parts.reference)
    names = ("item_id", "prompt", "choices", "gold", "rule", "cluster_id")
    rows = zip(*(table.strings(name) for name in names), strict=True)
    return {
        item or "": Asked(
            prompt=prompt,
            choices=None if choices is None else [str(one) for one in json.loads(choices)],
            gold=gold,
            rule=rule,
            cluster=cluster,
        )
        for item, prompt, choices, gold, rule, cluster in rows
    }


def _told(parts: CurrentParts, benchmark: str, model: str) -> dict[str, Told]:
    table = parts.read_table(ITEMS, benchmark, model)
    if parts.has_table(GENERATIONS, benchmark, model):
        return _written(parts.read_table(GENERATIONS, benchmark, model))
    is_ok = table.matches("status", OK).tolist()
    rows = zip(table.strings("item_id"), table.float_lists("choice_log_likelihoods"), strict=True)
    return {
        item or "": Told(log_likelihoods=values)
        for (item, values), ok in zip(rows, is_ok, strict=True)
        if ok
    }


def _written(table: StoredTable) -> dict[str, Told]:
    columns = (
        table.strings("item_id"),
        table.integers("repeat")[0].tolist(),
        table.strings("text"),
        table.integer_lists("token_ids"),
    )
    return {
        item or "": Told(text=text, tokens=tokens)
        for item, repeat, text, tokens in zip(*columns, strict=True)
        if repeat == 0
    }
