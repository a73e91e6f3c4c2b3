"""Which function calls are right: the gold of the rule ``function_calls``, read and checked."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_GIVEN = ""
"""Among the answers of a parameter: it may be left out."""
_TYPES = {
    "string": "string",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "tuple": "tuple",
    "dict": "object",
    "object": "object",
    "any": "any",
}
"""Names that BFCL and JSON Schema give to types, and ours."""
_CLASSES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "tuple": (list, tuple),
    "object": dict,
}
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_MOST_CALLS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter's stated type."""

    type: str
    item_type: str
    """Of the elements of an array or a tuple; ``any`` where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What is known of a function that may be called."""

    name: str
    parameters: Mapping[str, Parameter]
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldCall:
    """A call that has to be made, with every possible answer of each parameter."""

    function: Function
    answers: Mapping[str, tuple[Any, ...]]
    """In the values of a dict, lists of possible answers again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldCalls:
    """All of the calls, in any order; none means that nothing may be called."""

    names: tuple[str, ...]
    """Of every function that is offered."""
    calls: tuple[GoldCall, ...]


def check_calls_gold(value: str, where: str) -> None:
    """Refuse a gold that no answer could meet; see `read_gold`."""
    read_gold(value, where)


def read_gold(value: str, where: str) -> GoldCalls:
    """Read a gold.

    Parameters
    ----------
    value : str
        JSON with ``functions``, each with ``name`` and ``parameters`` as JSON Schema, and
        ``calls``, each ``{name: {parameter: [possible answers]}}``.
    where : str
        File and line, for messages.

    Raises
    ------
    BenchmarkError
        If it is not of that form, a call names no function of the list or a parameter that its
        function has not, a required parameter is missing, a parameter has no possible answer, or
        one is not of the stated type.
    """
    try:
        content = json.loads(value, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{where}: `function_calls` is not JSON: {error}") from error
    if not isinstance(content, dict) or set(content) != {"functions", "calls"}:
        _refuse(where, "must be an object with `functions` and `calls`")
    if not isinstance(content["functions"], list) or not content["functions"]:
        _refuse(where, "must list one or more `functions`")
    if not isinstance(content["calls"], list) or len(content["calls"]) > _MOST_CALLS:
        _refuse(where, f"must list up to {_MOST_CALLS} `calls`")
    functions: dict[str, Function] = {}
    for described in content["functions"]:
        function = _function(described, where)
        if function.name in functions:
            _refuse(where, f"describes `{function.name}` twice")
        functions[function.name] = function
    return GoldCalls(
        names=tuple(functions),
        calls=tuple(_call(call, functions, where) for call in content["calls"]),
    )


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _refuse(where: str, problem: str) -> NoReturn:
    raise BenchmarkError(f"{where}: `function_calls` {problem}")


def _function(described: object, where: str) -> Function:
    name = described.get("name") if isinstance(described, dict) else None
    if not isinstance(described, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        _refuse(where, f"has a function without a usable `name`: {name!r}")
    schema = described.get("parameters", {})
    properties = schema.get("properties", {}) if isinstance(schema, dict) else None
    required = schema.get("required", []) if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not isinstance(required, list):
        _refuse(where, f"has no usable `parameters` for `{name}`")
    parameters = {
        parameter: _parameter(stated, f"{name}({parameter})", where)
        for parameter, stated in properties.items()
    }
    unknown = [parameter for parameter in required if parameter not in parameters]
    if unknown:
        _refuse(where, f"requires `{unknown[0]}` of `{name}`, which is no parameter of it")
    return Function(name=name, parameters=parameters, required=tuple(required))


def _parameter(stated: object, name: str, where: str) -> Parameter:
    if not isinstance(stated, dict):
        _refuse(where, f"says nothing of `{name}`")
    items = stated.get("items", {})
    return Parameter(
        type=_type(stated, name, where),
        item_type=_type(items, name, where) if isinstance(items, dict) else "any",
    )


def _type(stated: Mapping[str, Any], name: str, where: str) -> str:
    given = stated.get("type", "any")
    if not isinstance(given, str) or given not in _TYPES:
        _refuse(where, f"has a type that is not known for `{name}`: {given!r}")
    return _TYPES[given]


def _call(call: object, functions: Mapping[str, Function], where: str) -> GoldCall:
    if not isinstance(call, dict) or len(call) != 1:
        _refuse(where, "must give every call as one name with its arguments")
    ((name, arguments),) = call.items()
    if name not in functions:
        _refuse(where, f"calls `{name}`, which is none of its functions")
    function = functions[name]
    if not isinstance(arguments, dict):
        _refuse(where, f"has arguments of `{name}` that are not an object")
    for missing in function.required:
        if not any(answer != NOT_GIVEN for answer in arguments.get(missing, ())):
            _refuse(where, f"has no answer for `{missing}`, which `{name}` requires")
    for parameter, answers in arguments.items():
        if parameter not in function.parameters:
            _refuse(where, f"gives `{parameter}`, which is no parameter of `{name}`")
        _check_answers(answers, function.parameters[parameter], f"{name}({parameter})", where)
    return GoldCall(
        function=function, answers={key: tuple(value) for key, value in arguments.items()}
    )


def _check_answers(answers: object, parameter: Parameter, name: str, where: str) -> None:
    if not isinstance(answers, list) or not answers:
        _refuse(where, f"must list the possible answers of `{name}`")
    for answer in answers:
        if not _is_answer(answer, parameter):
            _refuse(where, f"has an answer of `{name}` that is not of its type: {answer!r:.80}")


def _is_answer(answer: object, parameter: Parameter) -> bool:
    if answer is None or answer == NOT_GIVEN:
        return True
    if not is_of_type(answer, parameter.type):
        return False
    if isinstance(answer, dict):
        return _lists_answers(answer)
    if isinstance(answer, list):
        return all(
            is_of_type(item, parameter.item_type)
            and (not isinstance(item, dict) or _lists_answers(item))
            for item in answer
        )
    return True


def _lists_answers(answer: Mapping[str, Any]) -> bool:
    return all(isinstance(options, list) and options for options in answer.values())


def is_of_type(value: object, stated: str) -> bool:
    """Whether a value is of a stated type; a whole number is a number, a truth value is not.

    Examples
    --------
    >>> is_of_type(2, "number"), is_of_type(True, "integer"), is_of_type((1, 2), "array")
    (True, False, False)
    """
    if stated == "any" or isinstance(value, bool):
        return stated in {"any", "boolean"}
    return isinstance(value, _CLASSES[stated])
