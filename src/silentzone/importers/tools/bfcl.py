"""Results of bfcl-eval: a file of results and a file of scores per model and category.

The score file lists only what failed, so what passed is the result file without it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.answer_rows import AnswerRows, checked_name, imported
from silentzone.importers.items_source import parse_object
from silentzone.importers.json_documents import canonical_sha256, field_of, plain_text
from silentzone.importers.problems import Problems, listed, shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, source_of
from silentzone.importers.text_files import read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from silentzone.records.imported import Imported

_NAME: Final = "bfcl"
_FILE = re.compile(r"(?P<version>BFCL_v\w+?)_(?P<category>\w+)_(?P<kind>result|score)\.json")
_FAILED_CALL: Final = "Error during inference:"
"""What bfcl-eval stores for an answer where the model could not be reached."""


def _find(files: Sequence[Path]) -> list[Bundle]:
    pairs: dict[tuple[object, ...], dict[str, Path]] = {}
    for path in files:
        # What a memory category asks beforehand is never scored.
        if (found := _FILE.fullmatch(path.name)) and not found["category"].endswith("_prereq"):
            key = (_place(path), found["version"], found["category"])
            pairs.setdefault(key, {})[found["kind"]] = path
    return [
        Bundle(main=pair["score"], companions=(pair["result"],))
        if len(pair) > 1
        else Bundle(main=next(iter(pair.values())))
        for pair in pairs.values()
    ]


def _place(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders above and below the last one named ``result`` or ``score``."""
    parts = path.parent.parts
    depth = next(
        (place for place in reversed(range(len(parts))) if parts[place] in {"result", "score"}),
        len(parts),
    )
    return parts[:depth], parts[depth + 1 :]


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    files = {_parts(path)["kind"]: path for path in (bundle.main, *bundle.companions)}
    if len(files) < 2:
        missing = "score" if "result" in files else "result"
        raise TableError(
            f"`{bundle.main.name}` has no file of {missing}s beside it; both are needed, because "
            "the scores list only what failed",
            hint="give the folders `result` and `score` of bfcl-eval together",
        )
    results = _lines(files["result"])
    header, failed, named = _failed(files["score"])
    problems = Problems(files["result"].name)
    rows = AnswerRows()
    for place, line in results:
        try:
            _add(rows, line, failed)
        except ValueError as error:
            problems.add(str(error), place=place)
    problems.raise_if_any()
    _check(files["score"].name, header, failed, [line["id"] for _, line in results])
    model = options.model or _model_of(files["score"], named)
    parts = _parts(files["score"])
    category = options.benchmark or f"{parts['version']} {parts['category']}"
    return imported(
        (
            rows.build(
                model,
                category,
                settings={"version": parts["version"], "category": parts["category"]},
                about={"tool": "bfcl-eval"},
                sources=[source_of(files[kind], _NAME) for kind in ("result", "score")],
            ),
        ),
        options,
        (
            f"{header['correct_count']} passed, as the {len(results)} results without "
            f"the {len(failed)} failures; bfcl-eval counts as many",
            *rows.status_note("are failed calls of the model, which bfcl-eval scored"),
        ),
    )


def _add(rows: AnswerRows, line: dict[str, Any], failed: Mapping[str, str | None]) -> None:
    item_id: str = field_of(line, "id", str)
    if "result" not in line:
        raise ValueError("`result` is missing")
    answer = line["result"]
    # A call that failed passes where no function should be called: nobody knows the answer.
    is_error = isinstance(answer, str) and answer.startswith(_FAILED_CALL)
    rows.add(
        item_id,
        score=float(item_id not in failed),
        status="error" if is_error else "ok",
        texts={"predictions": answer, "prompt_sha256": failed.get(item_id)},
        output_tokens=_token_sum(line.get("output_token_count")),
    )


def _token_sum(counts: object) -> int | None:
    """Tokens of all steps; those of several turns are lists of lists."""
    waiting, total = [counts], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, int) and not isinstance(one, bool):
            total += one
        else:
            return None
    return total


def _failed(path: Path) -> tuple[dict[str, Any], dict[str, str | None], set[str]]:
    """Header of a score file, hash of the question by id of what failed, names of the model."""
    lines = _lines(path)
    problems = Problems(path.name)
    failed: dict[str, str | None] = {}
    named: set[str] = set()
    header = lines[0][1] if lines else {}
    for place, line in lines:
        try:
            if line is header:
                field_of(header, "correct_count", int)
                field_of(header, "total_count", int)
                continue
            failed[_failed_id(line, failed)] = _question_sha256(line.get("prompt"))
            if isinstance(line.get("model_name"), str):
                named.add(checked_name(line["model_name"], "a model"))
        except ValueError as error:
            problems.add(str(error), place=place)
    if not lines:
        problems.add("its first line must state `correct_count` and `total_count`")
    problems.raise_if_any()
    return header, failed, named


def _question_sha256(prompt: object) -> str | None:
    """Hash what was asked; some failures carry the question alone, others more of its entry."""
    question = prompt.get("question") if isinstance(prompt, dict) else prompt
    return None if question is None else canonical_sha256(question)


def _failed_id(line: dict[str, Any], failed: Mapping[str, str | None]) -> str:
    item_id: str = field_of(line, "id", str)
    if line.get("valid") is not False:
        raise ValueError(f"`valid` must be false here; it is {shown(line.get('valid'))}")
    if item_id in failed:
        raise ValueError(f"item {shown(item_id)} failed twice")
    return item_id


def _lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    problems = Problems(path.name)
    found = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            found.append((f"line {number}", parse_object(line)))
        except ValueError as error:
            problems.add(str(error), place=f"line {number}")
    problems.raise_if_any()
    return found


def _check(
    name: str, header: dict[str, Any], failed: Mapping[str, str | None], ids: list[str]
) -> None:
    if unknown := failed.keys() - set(ids):
        raise TableError(
            f"`{name}` has {len(unknown)} failures without a result: "
            f"{listed(map(shown, sorted(unknown)))}",
            hint="the two files are of different runs; score the results again",
        )
    counted = (len(ids) - len(failed), len(ids))
    stated = (header["correct_count"], header["total_count"])
    if counted != stated:
        raise TableError(
            f"`{name}` states {stated[0]} of {stated[1]} passed; the results without the failures "
            f"are {counted[0]} of {counted[1]}",
            hint="the two files are of different runs, or one is cut off; score the results again",
        )


def _model_of(score: Path, named: set[str]) -> str:
    below = _place(score)[1]
    if below:
        return str(plain_text(below[0]))
    if len(named) == 1:
        return named.pop()
    raise TableError(f"`{score.name}` does not say whose it is", hint="name it with --model")


def _parts(path: Path) -> dict[str, str]:
    found = _FILE.fullmatch(path.name)
    if found is None:
        raise TableError(
            f"`{path.name}` is not named as bfcl-eval names its files",
            hint="such as BFCL_v4_simple_python_score.json",
        )
    return found.groupdict()


FORMAT: Final = Format(
    name=_NAME,
    title="bfcl-eval: BFCL_v*_result.json with BFCL_v*_score.json, one benchmark per category",
    find=_find,
    read=_read,
    options=("model", "benchmark", "reference"),
)
