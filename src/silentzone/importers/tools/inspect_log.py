"""Logs of Inspect: ``.eval`` (a zip file packed with zstd) and ``.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.answer_rows import AnswerRows, checked_name, imported
from silentzone.importers.json_documents import (
    canonical_sha256,
    field_of,
    id_of,
    object_of,
    parse_json,
    plain_text,
    read_document,
)
from silentzone.importers.problems import Problems, shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.importers.text_files import unreadable
from silentzone.importers.tools.inspect_values import ValueReader, choose_value
from silentzone.importers.zip_members import read_directory, read_member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from silentzone.records.imported import Imported

_NAME: Final = "inspect"
_VERSION: Final = 2
_AGAIN: Final = "write it again with Inspect: `inspect log convert --to eval`"
_SAME: Final = 1e-9
_LIMITS: Final = {"time": "timeout", "working": "timeout"}
"""By Inspect's kind of limit; an answer that any other limit stopped is truncated."""
_OPERATION: Final = frozenset(
    {
        "adaptive_connections",
        "attempt_timeout",
        "batch",
        "cache",
        "max_connections",
        "max_retries",
        "timeout",
    }
)
"""Of a generate config: how requests are sent, which no answer depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is kept of one sample."""

    place: str
    item_id: str
    repeat: int
    status: str
    scores: Mapping[str, Any]
    texts: Mapping[str, object]
    output_tokens: object
    is_cut: bool


def _is_own(path: Path, head: bytes) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return path.suffix == ".eval"
    start = head.lstrip()
    return start.startswith(b"{") and all(
        name in start for name in (b'"status"', b'"eval"', b'"run_id"', b'"task"')
    )


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    problems = Problems(path.name)
    is_zip = path.suffix == ".eval"
    log, answers = _read_zip(path, problems) if is_zip else _read_json(path, problems)
    problems.raise_if_any()
    spec = _checked(path.name, log)
    reader = choose_value(path.name, [one.scores for one in answers], options)
    rows, stated_rows = AnswerRows(), AnswerRows()
    for one in answers:
        try:
            _add(rows, stated_rows, one, reader)
        except ValueError as error:
            problems.add(str(error), place=one.place)
    problems.raise_if_any()
    if not len(rows):
        raise TableError(f"`{path.name}` has no samples", hint="it was written without them")
    model = options.model or spec["model"]
    return imported(
        (
            rows.build(
                model,
                options.benchmark or spec["task"],
                settings=_settings(log, spec, reader),
                about=_about(log, spec),
                sources=(source_of(path, _NAME),),
            ),
        ),
        options,
        (
            reader.note(),
            *rows.status_note("count as having no score"),
            *_cut_note(answers),
            *_unfinished_note(log, spec, rows),
            *_mean_note(log, reader, stated_rows),
        ),
    )


def _read_json(path: Path, problems: Problems) -> tuple[Any, list[_Answer]]:
    log = read_document(path)
    samples = log.get("samples") if isinstance(log, dict) else None
    places = ((f"sample {number}", one) for number, one in enumerate(samples or ()))
    return log, _answers(places, problems)


def _read_zip(path: Path, problems: Problems) -> tuple[Any, list[_Answer]]:
    try:
        with path.open("rb") as file:
            members = read_directory(path, file)
            if "header.json" not in members:
                raise TableError(
                    f"`{path.name}` has no header: its run never ended",
                    hint="let Inspect finish the log first, with `inspect log recover`",
                )

            def document(name: str) -> Any:  # noqa: ANN401 - JSON is any of its types
                try:
                    return parse_json(read_member(path, file, members[name]))
                except ValueError as error:
                    if isinstance(error, TableError):
                        raise
                    raise TableError(f"`{path.name}` member {shown(name)}: {error}") from error

            samples = [name for name in members if name.startswith("samples/")]
            places = ((f"member {shown(name)}", document(name)) for name in samples)
            return document("header.json"), _answers(places, problems)
    except OSError as error:
        raise unreadable(path, error) from error


def _answers(samples: Iterator[tuple[str, Any]], problems: Problems) -> list[_Answer]:
    found = []
    for place, sample in samples:
        try:
            found.append(_answer(place, sample))
        except ValueError as error:
            if isinstance(error, TableError):
                raise
            problems.add(str(error), place=place)
    return found


def _answer(place: str, sample: object) -> _Answer:
    if not isinstance(sample, dict):
        raise ValueError(f"this is no sample; it is {shown(sample)}")  # noqa: TRY004
    target = sample.get("target")
    if isinstance(target, list) and len(target) == 1:
        target = target[0]
    return _Answer(
        place=place,
        item_id=id_of(sample.get("id"), "id"),
        repeat=field_of(sample, "epoch", int) - 1,
        status=_status(sample),
        scores={
            name: {"value": object_of(one).get("value"), "answer": object_of(one).get("answer")}
            for name, one in object_of(sample.get("scores")).items()
        },
        texts={
            "targets": target,
            "target_sha256": None if target is None else canonical_sha256(target),
            "prompt_sha256": _prompt_sha256(sample),
        },
        output_tokens=_output_tokens(sample),
        is_cut=_stop_reason(sample) == "max_tokens",
    )


def _status(sample: Mapping[str, Any]) -> str:
    if sample.get("invalidation") is not None:
        return "invalidated"
    if sample.get("error") is not None:
        return "error"
    limit = sample.get("limit")
    if limit is None:
        return "ok"
    return _LIMITS.get(str(object_of(limit).get("type")), "truncated")


def _prompt_sha256(sample: Mapping[str, Any]) -> str | None:
    asked = sample.get("input")
    if asked is None:
        return None
    if isinstance(asked, list):
        # Inspect gives every message an id of its own in every run.
        asked = [
            {name: value for name, value in one.items() if name != "id"}
            if isinstance(one, dict)
            else one
            for one in asked
        ]
    return canonical_sha256({"input": asked, "choices": sample.get("choices")})


def _output_tokens(sample: Mapping[str, Any]) -> object:
    """Tokens written in all generations of a sample, where one model wrote them."""
    usages = list(object_of(sample.get("model_usage")).values())
    return object_of(usages[0]).get("output_tokens") if len(usages) == 1 else None


def _stop_reason(sample: Mapping[str, Any]) -> object:
    choices = object_of(sample.get("output")).get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return object_of(first).get("stop_reason")


def _add(rows: AnswerRows, stated: AnswerRows, one: _Answer, reader: ValueReader) -> None:
    score = reader.read(one.scores)
    status = "score missing" if score is None and one.status == "ok" else one.status
    answer = object_of(one.scores.get(reader.scorer)).get("answer")
    rows.add(
        one.item_id,
        repeat=one.repeat,
        score=score,
        status=status,
        texts={**one.texts, "predictions": answer},
        output_tokens=one.output_tokens,
    )
    # Inspect itself counts whatever its scorer gave, after a limit as well.
    stated.add(
        one.item_id,
        repeat=one.repeat,
        score=score,
        status="score missing" if score is None else "ok",
    )


def _checked(name: str, log: object) -> Mapping[str, Any]:
    """Specification of the evaluation, with a task and a model in it."""
    version = object_of(log).get("version")
    if version != _VERSION:
        raise TableError(
            f"`{name}` must be a log of version {_VERSION}; it has {shown(version)}", hint=_AGAIN
        )
    try:
        spec: Mapping[str, Any] = field_of(object_of(log), "eval", dict)
        for field in ("task", "model"):
            checked_name(field_of(spec, field, str), f"the {field}")
    except ValueError as error:
        raise TableError(f"`{name}`: {error}", hint=_AGAIN) from error
    return spec


def _settings(
    log: Mapping[str, Any], spec: Mapping[str, Any], reader: ValueReader
) -> dict[str, str]:
    config = object_of(spec.get("config"))
    plan = object_of(log.get("plan"))
    dataset = object_of(spec.get("dataset"))
    generate = object_of(plan.get("config")) | object_of(spec.get("model_generate_config"))
    steps = plan.get("steps")
    reducer = config.get("epochs_reducer") or ["mean"]
    values: dict[str, object] = {
        "task_version": spec.get("task_version"),
        "task_args": spec.get("task_args") or None,
        "dataset": dataset.get("location") or dataset.get("name"),
        "scorer": reader.scorer,
        "metric": reader.entry,
        "epochs_reducer": ",".join(map(str, reducer)) if isinstance(reducer, list) else reducer,
        "solver": [
            {"solver": object_of(one).get("solver"), "params": object_of(one).get("params")}
            for one in (steps if isinstance(steps, list) else [])
        ]
        or None,
        "generate_config": {
            name: value
            for name, value in generate.items()
            if value is not None and name not in _OPERATION
        }
        or None,
        "limits": {name: config[name] for name in sorted(config) if name.endswith("_limit")}
        or None,
    }
    return _texts(values)


def _about(log: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, str]:
    values: dict[str, object] = {
        "tool": f"inspect_ai {object_of(spec.get('packages')).get('inspect_ai', '')}".strip(),
        "date": spec.get("created"),
        "run_status": log.get("status"),
        "run_id": spec.get("run_id"),
        "revision": object_of(spec.get("revision")).get("commit"),
        "model_args": spec.get("model_args") or None,
        "epochs": object_of(spec.get("config")).get("epochs"),
    }
    return _texts(values)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(plain_text(value)) for name, value in values.items() if value is not None}


def _cut_note(answers: list[_Answer]) -> tuple[str, ...]:
    cut = sum(one.is_cut and one.status == "ok" for one in answers)
    return (f"{cut} answers end at the model's limit of tokens; they keep their score",) * (cut > 0)


def _unfinished_note(
    log: Mapping[str, Any], spec: Mapping[str, Any], rows: AnswerRows
) -> tuple[str, ...]:
    n_items = object_of(spec.get("dataset")).get("samples")
    epochs = object_of(spec.get("config")).get("epochs") or 1
    planned = n_items * epochs if isinstance(n_items, int) and isinstance(epochs, int) else None
    stated = object_of(log.get("results")).get("total_samples")
    planned = stated if isinstance(stated, int) else planned
    if log.get("status") == "success" and planned in (None, len(rows)):
        return ()
    return (
        f"the run has the status {shown(log.get('status'))} and {len(rows)} of "
        f"{planned if planned is not None else 'an unknown number of'} answers are in the log",
    )


def _mean_note(log: Mapping[str, Any], reader: ValueReader, stated: AnswerRows) -> tuple[str, ...]:
    """Say where Inspect's own mean is another: a scorer may map its letters in its own way."""
    ours = stated.mean_of_items
    scores = object_of(log.get("results")).get("scores")
    for one in map(object_of, scores if isinstance(scores, list) else ()):
        is_meant = one.get("scorer") == reader.scorer and one.get("reducer") in (None, "mean")
        if not is_meant or one.get("name") != (reader.entry or reader.scorer):
            continue
        metrics = object_of(one.get("metrics"))
        for name in ("accuracy", "mean"):
            value = object_of(metrics.get(name)).get("value")
            if not isinstance(value, int | float) or isinstance(value, bool):
                continue
            if ours is None or not abs(value - ours) <= _SAME:
                return (
                    f"Inspect states {name} {value}, the values as read have the mean {ours}: its "
                    "scorer may map values in another way",
                )
    return ()


FORMAT: Final = Format(
    name=_NAME,
    title="Inspect: .eval and .json logs, epochs as repeats",
    find=find_each(_is_own),
    read=_read,
    options=("model", "benchmark", "reference", "filter", "metric"),
)
