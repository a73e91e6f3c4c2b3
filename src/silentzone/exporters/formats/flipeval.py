"""FlipEval's records, JSON Lines, one file per model: ``item_id``, ``prediction``, ``correct``.

FlipEval knows one answer per item, right or wrong. What has no score, or a score between 0 and 1,
or was asked more than once, has no place there: it is left out and counted, never made wrong.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from silentzone.errors import InputError
from silentzone.exporters.formats.items_table import item_rows
from silentzone.exporters.parts import ITEM_SCHEMAS, chosen, stored_parts
from silentzone.exporters.writing import ExportOptions, PathFormat
from silentzone.store.names import slug

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.exporters.parts import Part
    from silentzone.exporters.study import Study


def _write(study: Study, options: ExportOptions, folder: Path) -> tuple[str, ...]:
    stored = stored_parts(study.folder)
    parts = chosen(list(stored.of(*ITEM_SCHEMAS)), model=options.model, benchmark=options.benchmark)
    notes = list(stored.notes)
    written = 0
    for part in parts:
        records, note = _records(part)
        notes += [] if note is None else [note]
        if not records:
            continue
        path = folder / slug(part.group) / f"{slug(part.model)}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in records)
        written += 1
    if not written:
        raise InputError(
            "no answer can be said in FlipEval's records: " + "; ".join(notes),
            hint="items-table holds every answer as it is",
        )
    return tuple(notes)


def _records(part: Part) -> tuple[list[dict[str, object]], str | None]:
    """Give the records of one model's answers, and what had to be left out."""
    table = part.read()
    rows = list(item_rows(table))
    where = f"`{part.model}` on `{part.group}`"
    repeats = sum("repeat" in row for row in rows)
    if repeats:
        return [], f"left out: {where}, which was asked more than once ({repeats:,} repeats)"
    left: dict[str, int] = {}
    records: list[dict[str, object]] = []
    for row, gold in zip(rows, table.strings("target"), strict=True):
        score = row["score"]
        if score in {0.0, 1.0}:
            records.append(
                {
                    "item_id": row["item_id"],
                    "task": part.group,
                    "prediction": row.get("prediction"),
                    "gold": gold,
                    "correct": score == 1.0,
                }
            )
        else:
            why = str(row.get("status", "no score")) if score is None else "partly right"
            left[why] = left.get(why, 0) + 1
    if not left:
        return records, None
    counts = ", ".join(f"{count:,} {why}" for why, count in left.items())
    return records, f"left out of {where}: {counts}"


FORMAT = PathFormat(
    name="flipeval",
    title="folder of FlipEval records, JSON Lines: one file per benchmark and model",
    write=_write,
    is_folder=True,
    options=("model", "benchmark"),
)
