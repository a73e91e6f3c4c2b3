"""Results of LiveCodeBench: ``*_eval_all.json``, each graded answer a repeat of its question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.answer_rows import AnswerRows, imported
from silentzone.importers.json_documents import (
    canonical_sha256,
    field_of,
    number_of,
    object_of,
    parse_json,
    plain_text,
    read_objects,
)
from silentzone.importers.problems import Problems, shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from silentzone.records.imported import Imported

_NAME: Final = "livecodebench"
_FILE = re.compile(
    r"(?:Scenario\.)?(?P<scenario>[a-z]+)_(?P<n>\d+)_(?P<temperature>[\d.]+)_eval_all\.json"
)
_CODES: Final = {-1: "timeout", -3: "timeout", -5: "grader error"}
"""Verdicts that hang on the machine that graded; -2 is a wrong answer, -4 an error of its code."""
_ANSWERS: Final = ("code_list", "pred_list")
_RESULTS: Final = frozenset(
    {*_ANSWERS, "output_list", "graded_list", "pass@1", "metadata", "original_code_list"}
)
_SAME: Final = 1e-9


def _is_own(path: Path, head: bytes) -> bool:
    is_list = head.lstrip().startswith(b"[")
    is_named = path.name.endswith("_eval_all.json")
    return is_list and (is_named or (b'"question_id"' in head and b'"graded_list"' in head))


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    rows = AnswerRows()
    problems = Problems(path.name)
    dates: list[str] = []
    n_untold = 0
    for number, question in enumerate(read_objects(path)):
        try:
            n_untold += not _add_question(rows, question)
        except ValueError as error:
            problems.add(str(error), place=f"item {number}")
        if isinstance(date := question.get("contest_date"), str):
            dates.append(date)
    problems.raise_if_any()
    if not len(rows):
        raise TableError(f"`{path.name}` has no questions")
    found = _FILE.fullmatch(path.name)
    names = found.groupdict() if found else {}
    scenario = names.get("scenario", "")
    model = options.model or str(plain_text(path.resolve().parent.name))
    return imported(
        (
            rows.build(
                model,
                options.benchmark or f"livecodebench {scenario}".strip(),
                settings={"scenario": scenario, "temperature": names.get("temperature", "")},
                about={
                    "tool": "LiveCodeBench",
                    "attempts": names.get("n", ""),
                    "contest_dates": f"{min(dates)} to {max(dates)}"[:100] if dates else "",
                },
                sources=(source_of(path, _NAME),),
            ),
        ),
        options,
        _notes(rows, options, n_untold),
    )


def _notes(rows: AnswerRows, options: ImportOptions, n_untold: int) -> tuple[str, ...]:
    untold = f"{n_untold} questions say nothing of timeouts, so theirs count as wrong answers"
    return (
        *(("no model is named, so it is called like the folder",) if not options.model else ()),
        *rows.status_note("are verdicts of the grading machine, not of the model"),
        *((untold,) if n_untold else ()),
    )


def _add_question(rows: AnswerRows, question: Mapping[str, Any]) -> bool:
    """Add every graded answer; tell whether the file says why one failed."""
    item_id = _item_id(question)
    graded = field_of(question, "graded_list", list)
    answers = next((question[name] for name in _ANSWERS if name in question), None)
    outputs = question.get("output_list", answers)
    if not graded or any(not isinstance(one, bool) for one in graded):
        raise ValueError(f"`graded_list` must be true or false for each answer: {shown(graded)}")
    if not all(isinstance(one, list) and len(one) == len(graded) for one in (answers, outputs)):
        raise ValueError(f"`graded_list` has {len(graded)} verdicts, the answers are not as many")
    if "pass@1" in question:
        stated = number_of(question["pass@1"], "pass@1")
        if abs(stated - sum(graded) / len(graded)) > _SAME:
            raise ValueError(f"`pass@1` is {stated:g}, but {sum(graded)} of {len(graded)} passed")
    codes = _codes(question.get("metadata"), len(graded))
    prompt = canonical_sha256({name: question[name] for name in question if name not in _RESULTS})
    for repeat, (is_right, answer) in enumerate(zip(graded, answers or (), strict=True)):
        rows.add(
            item_id,
            repeat=repeat,
            score=float(is_right),
            status="ok" if is_right or codes is None else _CODES.get(codes[repeat], "ok"),
            texts={"predictions": answer, "prompt_sha256": prompt},
        )
    # Where outputs are predicted, no code runs and nothing can take too long.
    return codes is not None or "pred_list" in question


def _item_id(question: Mapping[str, Any]) -> str:
    """Question, and the test of it where the scenario asks for the output of single tests."""
    if "pred_list" in question and isinstance(question.get("id"), str):
        return str(question["id"])
    item_id: str = field_of(question, "question_id", str)
    return f"{item_id}/{field_of(question, 'test_id', int)}" if "test_id" in question else item_id


def _codes(metadata: object, n_answers: int) -> Sequence[int] | None:
    """Error code of each answer, 0 where there is none; null where the file has no metadata."""
    if not metadata:
        return None
    if not isinstance(metadata, list) or len(metadata) != n_answers:
        raise ValueError(f"`metadata` must be a list of {n_answers}; it is {shown(metadata)}")
    codes = []
    for one in metadata:
        fields = object_of(parse_json(one) if isinstance(one, str) else one)
        codes.append(field_of(fields, "error_code", int) if "error_code" in fields else 0)
    return codes


FORMAT: Final = Format(
    name=_NAME,
    title="LiveCodeBench: *_eval_all.json, several graded answers per question",
    find=find_each(_is_own),
    read=_read,
    options=("model", "benchmark", "reference"),
)
