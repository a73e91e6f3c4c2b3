"""Results of EvalPlus: HumanEval+ and MBPP+, several solutions per task as repeats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import ConfigError, TableError
from silentzone.importers.answer_rows import AnswerRows, checked_name, imported
from silentzone.importers.comparability import ITEMS_HASH
from silentzone.importers.json_documents import (
    field_of,
    number_of,
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

_NAME: Final = "evalplus"
_FILE = re.compile(r"(?P<samples>.*?)[._-]?eval_results\.json")
_STATUSES: Final = ("pass", "fail", "timeout")
_METRICS: Final = {"base": "base tests", "plus": "base and plus tests"}
_SAME: Final = 1e-9


def _is_own(path: Path, head: bytes) -> bool:
    is_object = head.lstrip().startswith(b"{")
    is_named = _FILE.fullmatch(path.name) is not None and b'"eval"' in head
    return is_object and (is_named or (b'"eval"' in head and b'"base_status"' in head))


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    document = read_document(path)
    try:
        tasks = field_of(object_of(document), "eval", dict)
        metric = _metric(tasks, options)
        benchmark = options.benchmark or _benchmark(tasks, metric)
    except ConfigError:
        raise
    except ValueError as error:
        raise TableError(f"`{path.name}`: {error}") from error
    rows = AnswerRows()
    problems = Problems(path.name)
    for task_id, solutions in tasks.items():
        try:
            _add_task(rows, task_id, solutions, metric)
        except ValueError as error:
            problems.add(str(error), place=f"task {shown(task_id)}")
    problems.raise_if_any()
    if not len(rows):
        raise TableError(f"`{path.name}` has no solutions")
    _check_stated(path.name, document, tasks)
    model = options.model or _model_of(path)
    stated = document.get("hash")  # over the file of tasks, all of which are always judged
    return imported(
        (
            rows.build(
                model,
                benchmark,
                settings={
                    "metric": _METRICS[metric],
                    ITEMS_HASH: f"md5:{plain_text(stated)}" if stated else "",
                },
                about={"tool": "EvalPlus", "date": plain_text(document.get("date")) or ""},
                sources=(source_of(path, _NAME),),
            ),
        ),
        options,
        (
            f"a solution counts as right where it passes the {_METRICS[metric]}",
            *(("no model is named, so it is called like the file",) if not options.model else ()),
            *rows.status_note("are no verdict: the evaluator ended them"),
        ),
    )


def _metric(tasks: Mapping[str, Any], options: ImportOptions) -> str:
    """Give ``base`` or ``plus``: what the user asks for, else what the file has."""
    if options.metric is not None and options.metric not in _METRICS:
        raise ConfigError(
            f"EvalPlus has no metric {shown(options.metric)}", hint="it has: base, plus"
        )
    plus = {
        object_of(one).get("plus_status") is not None
        for solutions in tasks.values()
        if isinstance(solutions, list)
        for one in solutions
    }
    if len(plus) > 1:
        raise ValueError("some solutions have a plus_status and others have none")
    has_plus = plus == {True}
    if options.metric == "plus" and not has_plus:
        raise ValueError("the plus tests were not run (--base-only); ask for --metric base")
    return options.metric or ("plus" if has_plus else "base")


def _add_task(rows: AnswerRows, task_id: str, solutions: object, metric: str) -> None:
    if isinstance(solutions, dict):
        raise ValueError("this is how EvalPlus before 0.2 wrote results; evaluate again")  # noqa: TRY004
    if not isinstance(solutions, list) or not solutions:
        raise ValueError(f"it must have a list of solutions; it has {shown(solutions)}")
    for repeat, solution in enumerate(solutions):
        one = object_of(solution)
        statuses = [_status(one, "base_status")]
        if metric == "plus":
            statuses.append(_status(one, "plus_status"))
        # One failed half decides; a half that was ended could have gone either way.
        status = "timeout" if "fail" not in statuses and "timeout" in statuses else "ok"
        rows.add(
            task_id,
            repeat=repeat,
            score=float(all(half == "pass" for half in statuses)),
            status=status,
            texts={"predictions": one.get("solution")},
        )


def _status(solution: Mapping[str, Any], name: str) -> str:
    status: str = field_of(solution, name, str)
    if status not in _STATUSES:
        raise ValueError(f"`{name}` must be pass, fail or timeout; it is {shown(status)}")
    return status


def _check_stated(name: str, document: Mapping[str, Any], tasks: Mapping[str, Any]) -> None:
    """Hold the pass@1 that newer versions write against the solutions."""
    stated = object_of(document.get("pass_at_k"))
    for metric, halves in (("base", ("base_status",)), ("plus", ("base_status", "plus_status"))):
        value = object_of(stated.get(metric)).get("pass@1")
        if value is None:
            continue
        shares = [
            sum(all(one.get(half) == "pass" for half in halves) for one in solutions)
            / len(solutions)
            for solutions in tasks.values()
        ]
        mean = sum(shares) / len(shares)
        try:
            is_same = abs(number_of(value, "pass@1") - mean) <= _SAME
        except ValueError:
            is_same = False
        if not is_same:
            raise TableError(
                f"`{name}` states a pass@1 of {shown(value)} with {_METRICS[metric]}, its "
                f"solutions have {mean:.6g}",
                hint="the file was changed after EvalPlus wrote it; evaluate again",
            )


def _model_of(path: Path) -> str:
    found = _FILE.fullmatch(path.name)
    samples = found["samples"] if found else ""
    return str(plain_text(samples or path.resolve().parent.name))


def _benchmark(tasks: Mapping[str, Any], metric: str) -> str:
    prefixes = {task_id.partition("/")[0].lower() for task_id in tasks}
    if not prefixes:
        raise ValueError("it has no solutions")
    if len(prefixes) > 1:
        sets = listed(sorted(map(shown, prefixes)))
        raise ValueError(f"it has tasks of {len(prefixes)} sets, {sets}; name the benchmark")
    return checked_name(prefixes.pop(), "a benchmark") + ("+" if metric == "plus" else "")


FORMAT: Final = Format(
    name=_NAME,
    title="EvalPlus: *eval_results.json of HumanEval+ and MBPP+",
    find=find_each(_is_own),
    read=_read,
    options=("model", "benchmark", "reference", "metric"),
)
