"""Our own items table, JSON Lines: what ``silentzone analyze`` and ``silentzone import`` read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from silentzone.exporters.parts import ITEM_SCHEMAS, chosen, stored_parts
from silentzone.exporters.writing import Exported, ExportOptions, TextFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.exporters.parts import Part
    from silentzone.exporters.study import Study
    from silentzone.store.tables import StoredTable

_ROWS_AT_ONCE: Final = 5_000


def _render(study: Study, options: ExportOptions) -> Exported:
    stored = stored_parts(study.folder)
    parts = chosen(list(stored.of(*ITEM_SCHEMAS)), model=options.model, benchmark=options.benchmark)
    return Exported(chunks=_lines(parts, stored.reference), notes=stored.notes)


def _lines(parts: list[Part], reference: str | None) -> Iterator[str]:
    for part in parts:
        lines = []
        for row in item_rows(part.read()):
            named = {"model": part.model, "benchmark": part.group, **row}
            if part.model == reference:
                named["is_reference"] = True
            lines.append(json.dumps(named, ensure_ascii=False, allow_nan=False) + "\n")
            if len(lines) == _ROWS_AT_ONCE:
                yield "".join(lines)
                lines = []
        yield "".join(lines)


def item_rows(table: StoredTable) -> Iterator[dict[str, object]]:
    """Give the rows of a table of answers, in its order.

    Yields
    ------
    dict
        ``item_id`` and ``score`` always, the latter null where a ``status`` says why; of
        ``cluster``, ``repeat``, ``status``, ``confidence``, ``margin`` and ``prediction`` those
        that say something.
    """
    scores, scored = table.floats("score")
    repeats, _ = table.integers("repeat")
    numbers = {name: table.floats(name) for name in ("confidence", "margin")}
    texts = (table.strings(name) for name in ("item_id", "cluster_id", "status", "prediction"))
    for place, (item, cluster, status, prediction) in enumerate(zip(*texts, strict=True)):
        row: dict[str, object] = {
            "item_id": item,
            "score": float(scores[place]) if scored[place] else None,
        }
        if cluster is not None:
            row["cluster"] = cluster
        if repeats[place] > 0:
            row["repeat"] = int(repeats[place])
        if status != "ok":
            row["status"] = status
        for name, (values, valid) in numbers.items():
            if valid[place]:
                row[name] = float(values[place])
        if prediction is not None:
            row["prediction"] = prediction
        yield row


FORMAT = TextFormat(
    name="items-table",
    title="our items table, JSON Lines: one row per answer; `silentzone analyze` reads it",
    render=_render,
    options=("model", "benchmark"),
)
