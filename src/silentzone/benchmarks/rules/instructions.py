"""Checker of the rule ``instructions``: which of several instructions an answer follows."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.jsonl import refuse_unknown_fields
from silentzone.benchmarks.rules.instruction_conflicts import refuse_conflicts
from silentzone.benchmarks.rules.instruction_language import LANGUAGES
from silentzone.benchmarks.rules.instruction_rules import INSTRUCTION_RULES, RELATIONS
from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_INSTRUCTIONS = 20
LONGEST_TEXT = 10_000
LARGEST_COUNT = 1_000_000
_OPTIONS = {"relation": RELATIONS, "language": LANGUAGES}


def check_instructions(payload: dict[str, Any]) -> dict[str, Any]:
    """Hold an answer against all its instructions.

    Returns
    -------
    dict
        The score is 1 if all are followed by the text as it stands (prompt-level strict). The
        details have ``strict`` and ``loose`` of every instruction; loose ones need one of eight
        texts only, with or without first line, last line and asterisks. The prediction names the
        instructions that are not followed; null where there is no text.
    """
    text = payload["text"]
    instructions = read_instructions(payload["value"])
    readings = _readings(text)
    found = [
        {
            "id": one["id"],
            "strict": _is_followed(one, (text,)),
            "loose": _is_followed(one, readings),
        }
        for one in instructions
    ]
    missed = [one["id"] for one in found if not one["strict"]]
    prediction = f"not followed: {', '.join(missed)}" if missed else "all followed"
    return {
        "prediction": prediction if text.strip() else None,
        "score": float(not missed),
        "details": {
            "instructions": found,
            "loose": float(all(one["loose"] for one in found)),
        },
    }


def _readings(text: str) -> tuple[str, ...]:
    lines = text.split("\n")
    parts = (lines[1:], lines[:-1], lines[1:-1])
    readings = (text, *("\n".join(part).strip() for part in parts))
    return (*readings, *(reading.replace("*", "") for reading in readings))


def _is_followed(instruction: dict[str, Any], readings: Sequence[str]) -> bool:
    rule = INSTRUCTION_RULES[instruction["id"]]
    return any(
        bool(reading.strip()) and rule.is_met(reading, instruction["kwargs"])
        for reading in readings
    )


def check_instructions_gold(value: str, where: str) -> None:
    """Refuse instructions that are unknown, lack a setting, or contradict each other.

    Parameters
    ----------
    value : str
        A JSON list of objects with ``id`` and, where the rule has settings, ``kwargs``.
    where : str
        The item, for the message.

    Raises
    ------
    BenchmarkError
        Saying which; an unknown id is answered with the closest known one.
    """
    try:
        given = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{where}: `instructions` is not JSON: {error}") from error
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_INSTRUCTIONS:
        raise BenchmarkError(
            f"{where}: `instructions` must be a list of 1 to {MOST_INSTRUCTIONS} instructions"
        )
    for one in given:
        _check_instruction(one, where)
    refuse_conflicts(read_instructions(value), where)


def read_instructions(value: str) -> list[dict[str, Any]]:
    """Instructions of a gold that was checked, each with ``id`` and the ``kwargs`` it has."""
    return [
        {
            "id": one["id"],
            # Published copies of IFEval carry every setting of every rule, null where unused.
            "kwargs": {
                key: setting
                for key, setting in (one.get("kwargs") or {}).items()
                if setting is not None
            },
        }
        for one in json.loads(value)
    ]


def _check_instruction(given: object, where: str) -> None:
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        raise BenchmarkError(f"{where}: every instruction must be an object with an `id`")
    refuse_unknown_fields(given, ("id", "kwargs"), where)
    name = given["id"]
    if name not in INSTRUCTION_RULES:
        close = difflib.get_close_matches(name, INSTRUCTION_RULES, n=1)
        raise BenchmarkError(
            f"{where}: there is no instruction `{name[:100]}`"
            + (f"; did you mean `{close[0]}`?" if close else ""),
            hint=f"known instructions: {', '.join(INSTRUCTION_RULES)}",
        )
    _check_settings(name, given.get("kwargs"), where)


def _check_settings(name: str, given: object, where: str) -> None:
    kwargs = {} if given is None else given
    if not isinstance(kwargs, dict):
        raise BenchmarkError(f"{where}: `kwargs` of `{name}` must be an object")
    present = {key: value for key, value in kwargs.items() if value is not None}
    wanted = INSTRUCTION_RULES[name].settings
    unknown = [key for key in present if key not in wanted]
    if unknown:
        raise BenchmarkError(
            f"{where}: `{name}` has no setting `{unknown[0][:100]}`",
            hint=f"its settings: {', '.join(wanted) or 'none'}",
        )
    for key, kind in wanted.items():
        if key not in present:
            raise BenchmarkError(f"{where}: `{name}` needs `{key}`")
        problem = _problem(present[key], kind)
        if problem:
            raise BenchmarkError(f"{where}: `{key}` of `{name}` {problem}")


def _problem(value: object, kind: str) -> str | None:
    """Say what is wrong with a setting, or nothing."""
    if kind in _OPTIONS:
        return None if value in _OPTIONS[kind] else f"must be one of {', '.join(_OPTIONS[kind])}"
    if kind == "count":
        is_number = isinstance(value, int) and not isinstance(value, bool)
        is_right = is_number and value in range(1, LARGEST_COUNT + 1)
        return None if is_right else f"must be a whole number in 1..{LARGEST_COUNT}"
    if kind == "texts":
        is_right = isinstance(value, list) and bool(value) and not any(map(_text_problem, value))
        return None if is_right else "must be a list of one or more texts that are not empty"
    problem = _text_problem(value)
    if kind == "character" and problem is None and len(str(value)) != 1:
        return "must be one character"
    return problem


def _text_problem(value: object) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return "must be a text that is not empty"
    if len(value) > LONGEST_TEXT:
        return f"must have at most {LONGEST_TEXT} characters"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "holds half a surrogate pair"
    return None
