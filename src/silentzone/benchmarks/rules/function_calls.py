"""The rule ``function_calls``: whether the calls that a model wrote are the ones wanted.

The rules are those of the AST checker of the Berkeley Function Calling Leaderboard (bfcl-eval
2026.3.23); where they differ is said in ``docs/benchmarks.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.rules.call_gold import NOT_GIVEN, GoldCall, is_of_type, read_gold
from silentzone.benchmarks.rules.call_text import UnreadableCallsError, read_calls, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.benchmarks.rules.call_gold import Parameter
    from silentzone.benchmarks.rules.call_text import Call

REASONS = (
    "unreadable",
    "unwanted_call",
    "wrong_count",
    "wrong_function",
    "missing_parameter",
    "unexpected_parameter",
    "wrong_type",
    "wrong_value",
)
"""Why an answer is wrong; from ``wrong_function`` on in the order in which a call is checked."""
_IGNORED = str.maketrans({**dict.fromkeys(" ,./-_*^", ""), "'": '"'})


def check_calls(payload: dict[str, Any]) -> dict[str, Any]:
    """Checker of the rule: 1 where every wanted call is made, in any order, and no other.

    Parameters
    ----------
    payload : dict
        ``text``, the whole answer, and ``value``, a gold as
        `silentzone.benchmarks.rules.call_gold.read_gold` takes it.

    Returns
    -------
    dict
        The prediction is the calls in canonical form. Details have the ``reason`` of `REASONS`
        where the answer is wrong and, where one call is to blame, its ``function`` and
        ``parameter``. Where no call is wanted, an answer in words is right as well, as long as it
        makes no call; its reason is ``no_call_in_text``.

    Examples
    --------
    >>> gold = '{"functions": [{"name": "ring"}], "calls": [{"ring": {}}]}'
    >>> check_calls({"text": "[ring()]", "value": gold})
    {'prediction': '[ring()]', 'score': 1.0}
    >>> check_calls({"text": "ding", "value": gold})["details"]["reason"]
    'unreadable'
    """
    gold = read_gold(payload["value"], "the item")
    text: str = payload["text"]
    try:
        calls = read_calls(text)
    except UnreadableCallsError as error:
        if gold.calls:
            return _wrong(None, "unreadable", why=str(error))
        # A call stays a call where words stand around it.
        called = next((name for name in gold.names if f"{name}(" in text), None)
        if called is not None:
            return _wrong(None, "unwanted_call", function=called)
        return {"prediction": "[]", "score": 1.0, "details": {"reason": "no_call_in_text"}}
    prediction = written(calls)
    if len(calls) != len(gold.calls):
        return _wrong(prediction, "wrong_count" if gold.calls else "unwanted_call")
    blame = match_calls(calls, gold.calls)
    return {"prediction": prediction, "score": 1.0} if blame is None else _wrong(prediction, *blame)


def match_calls(
    calls: Sequence[Call], wanted: Sequence[GoldCall]
) -> tuple[str, str, str | None] | None:
    """Match calls with as many wanted ones, each with one, whatever their order.

    Returns
    -------
    tuple or None
        None where all of them match. Otherwise reason, function and parameter of the wanted call
        that is left over first, against the call left over that comes furthest in the check.
    """
    mismatches = [[_mismatch(call, gold) for call in calls] for gold in wanted]
    gold_of_call: dict[int, int] = {}
    for index in range(len(wanted)):
        _place(index, mismatches, gold_of_call, set())
    left = [index for index in range(len(wanted)) if index not in gold_of_call.values()]
    if not left:
        return None
    closest = max(
        (found for at, found in enumerate(mismatches[left[0]]) if found and at not in gold_of_call),
        key=lambda found: REASONS.index(found[0]),
    )
    return closest[0], wanted[left[0]].function.name, closest[1]


def _place(
    index: int,
    mismatches: Sequence[Sequence[tuple[str, str | None] | None]],
    gold_of_call: dict[int, int],
    tried: set[int],
) -> bool:
    """Give a wanted call one of the calls, moving others to another of theirs where need be."""
    for at, found in enumerate(mismatches[index]):
        if found is not None or at in tried:
            continue
        tried.add(at)
        if at not in gold_of_call or _place(gold_of_call[at], mismatches, gold_of_call, tried):
            gold_of_call[at] = index
            return True
    return False


def _mismatch(call: Call, gold: GoldCall) -> tuple[str, str | None] | None:
    """Reason and parameter of the first difference from a wanted call."""
    function = gold.function
    if call.function != function.name:
        return "wrong_function", None
    for name in function.required:
        if name not in call.arguments:
            return "missing_parameter", name
    for name, value in call.arguments.items():
        if name not in gold.answers:
            return "unexpected_parameter", name
        reason = _value_mismatch(value, gold.answers[name], function.parameters[name])
        if reason is not None:
            return reason, name
    for name, answers in gold.answers.items():
        if name not in call.arguments and NOT_GIVEN not in answers:
            return "missing_parameter", name
    return None


def _value_mismatch(value: object, answers: Sequence[object], parameter: Parameter) -> str | None:
    if value is None:
        return None if any(answer is None for answer in answers) else "wrong_type"
    if not is_of_type(value, parameter.type):
        return "wrong_type"
    if isinstance(value, list | tuple) and parameter.type in {"array", "tuple"}:
        if not all(is_of_type(item, parameter.item_type) for item in value):
            return "wrong_type"
        value = list(value)
    return None if any(_is_answer(value, answer) for answer in answers) else "wrong_value"


def _is_answer(value: object, answer: object) -> bool:
    if isinstance(value, list):
        # Leaving a list out and giving an empty one are the same.
        wanted = [] if answer == NOT_GIVEN else answer
        return (
            isinstance(wanted, list)
            and len(value) == len(wanted)
            and all(map(_is_element, value, wanted))
        )
    if isinstance(value, dict):
        return isinstance(answer, dict) and _is_dict(value, answer)
    return _is_plain(value, answer)


def _is_element(value: object, wanted: object) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        return _is_dict(value, wanted)
    return _is_plain(value, wanted)


def _is_dict(value: Mapping[object, object], wanted: Mapping[object, Sequence[object]]) -> bool:
    return all(
        key in wanted and any(_is_plain(entry, option) for option in wanted[key])
        for key, entry in value.items()
    ) and all(key in value or NOT_GIVEN in options for key, options in wanted.items())


def _is_plain(value: object, wanted: object) -> bool:
    """Equal: texts as they are compared here, all else exactly."""
    if isinstance(value, str) and isinstance(wanted, str):
        return _compared(value) == _compared(wanted)
    return _is_same(value, wanted)


def _is_same(value: object, wanted: object) -> bool:
    """Python's equality, but true is not 1 and false not 0."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, list) and isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(_is_same, value, wanted))
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(_is_same(value[k], wanted[k]) for k in wanted)
    return bool(value == wanted)


def _compared(text: str) -> str:
    """Text without spaces and the punctuation that people put differently, in lower case."""
    return text.translate(_IGNORED).lower()


def _wrong(
    prediction: str | None,
    reason: str,
    function: str | None = None,
    parameter: str | None = None,
    *,
    why: str | None = None,
) -> dict[str, Any]:
    details = {"reason": reason, "function": function, "parameter": parameter, "why": why}
    kept = {name: value for name, value in details.items() if value is not None}
    return {"prediction": prediction, "score": 0.0, "details": kept}
