"""Records of FlipEval: JSON Lines of item, prediction and whether it is correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.answer_rows import AnswerRows, checked_name, imported
from silentzone.importers.items_source import parse_object
from silentzone.importers.json_documents import field_of, id_of, number_of, plain_text
from silentzone.importers.problems import Problems
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.importers.text_files import read_lines

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.records.imported import Imported

_NAME: Final = "flipeval"
_FIELDS: Final = (b'"item_id"', b'"prediction"', b'"correct"')


def _is_own(_path: Path, head: bytes) -> bool:
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")[0]
    # With a score it is a table of our own, which has more to say.
    return (
        line.startswith(b"{") and all(name in line for name in _FIELDS) and b'"score"' not in line
    )


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    by_task: dict[str, AnswerRows] = {}
    problems = Problems(path.name)
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = parse_object(line)
            _add(by_task.setdefault(_task(record), AnswerRows()), record)
        except ValueError as error:
            problems.add(str(error), place=f"line {number}")
    problems.raise_if_any()
    if not by_task:
        raise TableError(f"`{path.name}` has no records")
    if options.benchmark is not None and len(by_task) > 1:
        raise TableError(
            f"`{path.name}` has {len(by_task)} tasks, so one benchmark cannot be right",
            hint="leave --benchmark out; the records name their tasks",
        )
    if options.benchmark is None and "" in by_task:
        raise TableError(
            f"`{path.name}` has records without a task", hint="name the benchmark: --benchmark"
        )
    model = options.model or str(plain_text(path.stem))
    source = source_of(path, _NAME)
    return imported(
        tuple(
            rows.build(
                model,
                options.benchmark or task,
                settings={"task": task},
                about={"tool": "FlipEval"},
                sources=(source,),
            )
            for task, rows in by_task.items()
        ),
        options,
        (
            *(("no model is named, so it is called like the file",) if not options.model else ()),
            *(note for rows in by_task.values() for note in rows.status_note()),
        ),
    )


def _task(record: dict[str, Any]) -> str:
    if record.get("task") is None:
        return ""
    return checked_name(field_of(record, "task", str), "a benchmark")


def _add(rows: AnswerRows, record: dict[str, Any]) -> None:
    for name in ("prediction", "correct"):
        if name not in record:
            raise ValueError(f"`{name}` is missing")
    correct = record["correct"]
    if not isinstance(correct, bool | None):
        correct = number_of(correct, "correct")
    rows.add(
        id_of(record.get("item_id"), "item_id"),
        score=None if correct is None else float(correct),
        status="score missing" if correct is None else "ok",
        texts={"predictions": record["prediction"], "targets": record.get("gold")},
    )


FORMAT: Final = Format(
    name=_NAME,
    title="FlipEval: JSON Lines of item_id, prediction, correct",
    find=find_each(_is_own),
    read=_read,
    options=("model", "benchmark", "reference"),
)
