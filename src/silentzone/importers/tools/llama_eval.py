"""States of llama.cpp's ``llama-eval``: one case per question and round."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.answer_rows import AnswerRows, checked_name, imported
from silentzone.importers.json_documents import (
    canonical_sha256,
    canonical_text,
    field_of,
    object_of,
    plain_text,
    read_document,
)
from silentzone.importers.problems import Problems, listed, shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from silentzone.records.imported import Imported

_NAME: Final = "llama-eval"
_TASK = re.compile(r"(?P<dataset>.+)_(?P<round>\d{1,9})_(?P<problem>\d{1,9})", re.ASCII)
_CUT: Final = "error: finish_reason=length"


def _is_own(_path: Path, head: bytes) -> bool:
    begins = head.lstrip().startswith(b"{")
    return begins and (
        (b'"task_states"' in head and b'"cases"' in head)
        or (b'"id"' in head and b'"model_name"' in head and b'"tasks"' in head)
    )


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    document = read_document(path)
    problems = Problems(path.name)
    rows = AnswerRows()
    graders: dict[str, None] = {}
    try:
        states = field_of(object_of(document), "task_states", dict)
        cases: Mapping[str, Any] = field_of(states, "cases", dict)
        dataset = checked_name(field_of(document, "id", str), "a benchmark")
        _check_tasks(document, cases)
        model = options.model or _model_of(path, document)
    except TableError:
        raise
    except ValueError as error:
        raise TableError(f"`{path.name}`: {error}") from error
    for task_id, case in cases.items():
        try:
            _add(rows, task_id, case)
            graders[_grader(case)] = None
        except ValueError as error:
            problems.add(str(error), place=f"case {shown(task_id)}")
    problems.raise_if_any()
    if not len(rows):
        raise TableError(f"`{path.name}` has no cases")
    _check_count(path.name, states, cases)
    return imported(
        (
            rows.build(
                model,
                options.benchmark or dataset,
                settings={
                    "dataset": dataset,
                    "grader": ", ".join(name for name in graders if name),
                    "sampling": canonical_text(document.get("sampling_config") or {}),
                },
                about={
                    "tool": "llama-eval",
                    "total_time": plain_text(states.get("total_time")) or "",
                },
                sources=(source_of(path, _NAME),),
            ),
        ),
        options,
        rows.status_note("have no verdict"),
    )


def _add(rows: AnswerRows, task_id: str, case: object) -> None:
    one = object_of(case)
    found = _TASK.fullmatch(task_id)
    if found is None:
        raise ValueError("its name must end in the numbers of its round and its problem")
    status = _status(field_of(one, "status", str))
    expected = one.get("expected")
    prompt = one.get("prompt")
    rows.add(
        f"{found['dataset']}_{found['problem']}",
        repeat=int(found["round"]),
        score=float(field_of(one, "correct", bool)),
        status=status,
        texts={
            "predictions": one.get("answer"),
            "targets": expected,
            "target_sha256": None if expected is None else canonical_sha256(expected),
            "prompt_sha256": None if prompt is None else canonical_sha256(prompt),
        },
        output_tokens=one.get("tokens"),
    )


def _status(status: str) -> str:
    if status in {"ok", "pending"}:
        return status
    if not status.startswith("error"):
        raise ValueError(f"its status {shown(status)} is none that llama-eval has")
    return "truncated" if status == _CUT else "error"


def _check_tasks(document: Mapping[str, Any], cases: Mapping[str, Any]) -> None:
    """Whether every planned task is a case; llama-eval writes the open ones as well."""
    tasks = field_of(document, "tasks", list)
    missing = [one for one in tasks if not isinstance(one, str) or one not in cases]
    if len(set(map(str, tasks))) < len(tasks):
        raise ValueError("`tasks` names a task twice")
    if missing:
        raise ValueError(f"{len(missing)} tasks have no case: {listed(map(shown, missing))}")


def _check_count(name: str, states: Mapping[str, Any], cases: Mapping[str, Any]) -> None:
    stated = states.get("correct")
    counted = sum(object_of(case).get("correct") is True for case in cases.values())
    if stated is not None and stated != counted:
        raise TableError(
            f"`{name}` states {shown(stated)} correct cases; {counted} of its cases are",
            hint="the file was changed or cut off; let llama-eval write it again",
        )


def _grader(case: object) -> str:
    kind = object_of(object_of(case).get("grader_log")).get("grader_type")
    return plain_text(kind) or "" if isinstance(kind, str) else ""


def _model_of(path: Path, document: Mapping[str, Any]) -> str:
    name = document.get("model_name")
    if not isinstance(name, str) or not name.strip():
        raise TableError(f"`{path.name}` does not say whose it is", hint="name it with --model")
    return checked_name(name, "a model")


FORMAT: Final = Format(
    name=_NAME,
    title="llama.cpp llama-eval: its state file, rounds as repeats",
    find=find_each(_is_own),
    read=_read,
    options=("model", "benchmark", "reference"),
)
