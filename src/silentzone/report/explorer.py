"""Changed answers -> what the page's own script shows: checked, made visible, packed."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

from silentzone.errors import TableError
from silentzone.records.escaping import visible_lines
from silentzone.report.views import Explorer
from silentzone.report.words import score_title
from silentzone.store.answers import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SCHEMA_VERSION = 1
_KINDS = ("harm", "gain", "other")


def explorer(flips: object) -> Explorer | None:
    """Everything the explorer of changed answers shows; null where nothing changed.

    Parameters
    ----------
    flips : object
        What ``flips.json`` holds, or None.

    Raises
    ------
    TableError
        If it has another schema version or layout.
    """
    if flips is None:
        return None
    if not isinstance(flips, dict) or flips.get("schema_version") != SCHEMA_VERSION:
        found = flips.get("schema_version") if isinstance(flips, dict) else None
        raise TableError(
            f"`flips.json` must have schema version {SCHEMA_VERSION}; it has {found!r:.40}.",
            hint="make it anew from the stored tables: silentzone analyze DIR",
        )
    try:
        content = _content(flips)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise TableError(
            f"`flips.json` is damaged: {type(error).__name__} {error}.",
            hint="make it anew from the stored tables: silentzone analyze DIR",
        ) from error
    if not content["changes"]:
        return None
    left_out = sum(int(one["count"]) for one in flips["left_out"])
    return Explorer(
        models=tuple(content["models"]),
        benchmarks=tuple(score_title(one) for one in content["benchmarks"]),
        counts={kind: sum(one[2] == k for one in content["changes"]) for k, kind in _named()},
        shared=tuple(n for n in (2, 3, 5, 10, 20) if n <= len(content["models"])),
        left_out=left_out,
        packed=packed(content),
    )


def packed(content: dict[str, Any]) -> str:
    """Give JSON, compressed, as text of a harmless alphabet; the same content, the same text."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("ascii"), 9, mtime=0)).decode("ascii")


def _named() -> list[tuple[int, str]]:
    return list(enumerate(_KINDS))


def _content(flips: dict[str, Any]) -> dict[str, Any]:
    """Rows as lists, because names of fields would be most of the bytes."""
    models = [visible_lines(name) for name in flips["models"]]
    benchmarks = [visible_lines(one["name"]) for one in flips["benchmarks"]]
    questions = [_question(one, len(benchmarks)) for one in flips["questions"]]
    return {
        "models": models,
        "reference": _text(flips["reference"]),
        "benchmarks": benchmarks,
        "titles": [score_title(one) for one in benchmarks],
        "questions": questions,
        "changes": [_change(one, len(questions), len(models)) for one in flips["changes"]],
    }


def _question(one: dict[str, Any], benchmarks: int) -> list[Any]:
    return [
        _index(one["benchmark"], benchmarks),
        _text(one["item"]),
        _text(one["cluster"]),
        _text(one["prompt"]),
        _each(one["choices"], _text),
        _text(one["gold"]),
        _text(one["rule"]),
        _answer(one["reference"]),
        int(one["harmed"]),
        int(one["gained"]),
        int(one["candidates"]),
    ]


def _change(one: dict[str, Any], questions: int, models: int) -> list[Any]:
    return [
        _index(one["question"], questions),
        _index(one["model"], models),
        _KINDS.index(one["kind"]),
        _answer(one),
        finite(one["divergence"]),
        None if one["shared_tokens"] is None else int(one["shared_tokens"]),
    ]


def _answer(one: dict[str, Any]) -> list[Any]:
    return [
        finite(one["score"]),
        _text(one["prediction"]),
        _each(one["log_likelihoods"], finite),
        _text(one["text"]),
    ]


def _text(value: object) -> str | None:
    return None if value is None else visible_lines(value)


def _each(values: Sequence[Any] | None, how: Callable[[Any], Any]) -> list[Any] | None:
    return None if values is None else [how(value) for value in values]


def _index(value: object, count: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise ValueError(f"{value!r:.20} is no place among {count}")
    return value
