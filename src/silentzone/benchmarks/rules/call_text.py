"""Function calls read in a text that a model wrote. Nothing of the text is ever run."""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 20_000
"""Characters; an answer is some hundred of them."""
_DEEPEST = 32
_LARGEST_BITS = 4096
"""Of a whole number; Python refuses to write far longer ones in decimal."""
_OPENING_FENCE = re.compile(r"`+(?:[\w+-]*[ \t]*\n)?")


class UnreadableCallsError(ValueError):
    """The text is no list of function calls with literal arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as a model wrote it."""

    function: str
    """With the dots it was written with."""
    arguments: Mapping[str, object]


def read_calls(text: str) -> tuple[Call, ...]:
    r"""Read the calls of a text that is a list of them and nothing else.

    Parameters
    ----------
    text : str
        A Python list of calls with named literal arguments. White space, one code fence around it
        and missing outer brackets are forgiven; words before or after are not.

    Returns
    -------
    tuple of Call
        In the order they are written; empty for ``[]`` and for a blank text.

    Raises
    ------
    UnreadableCallsError
        Saying what is not a literal call.

    Notes
    -----
    A bare name as an argument is read as a text, ``None``, ``True`` and ``False`` aside.
    Arithmetic, calls within calls, f-strings, stars, arguments without a name and repeated ones
    are refused.

    Examples
    --------
    >>> written(read_calls("```python\n[ride(to='Rome', n=-2)]\n```"))
    "[ride(n=-2, to='Rome')]"
    """
    if len(text) > LONGEST_TEXT:
        raise UnreadableCallsError(f"longer than {LONGEST_TEXT} characters")
    bare = _OPENING_FENCE.sub("", text.strip(), count=1) if text.lstrip()[:1] == "`" else text
    bare = bare.strip("` \t\r\n")
    bare = f"{'' if bare.startswith('[') else '['}{bare}{'' if bare.endswith(']') else ']'}"
    tree = _parse(bare)
    if not isinstance(tree, ast.List):
        raise UnreadableCallsError("not one list")
    return tuple(map(_call, tree.elts))


def written(calls: tuple[Call, ...]) -> str:
    """Write calls in one canonical form: arguments by name, literals as Python writes them."""
    texts = []
    for call in calls:
        arguments = (f"{name}={value!r}" for name, value in sorted(call.arguments.items()))
        texts.append(f"{call.function}({', '.join(arguments)})")
    return f"[{', '.join(texts)}]"


def _parse(text: str) -> ast.expr:
    # Python warns of odd escapes in a text; whether that is an error must not decide an answer.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            # ValueError: NUL, lone surrogates. MemoryError: the parser's own limit of depth.
            raise UnreadableCallsError("not Python") from error


def _call(node: ast.expr) -> Call:
    if not isinstance(node, ast.Call):
        raise UnreadableCallsError("an element is not a call")
    if node.args:
        raise UnreadableCallsError("an argument has no name")
    arguments: dict[str, object] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise UnreadableCallsError("arguments are unpacked")
        if keyword.arg in arguments:
            raise UnreadableCallsError("an argument is repeated")
        arguments[keyword.arg] = _value(keyword.value, _DEEPEST)
    return Call(function=_dotted(node.func), arguments=arguments)


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise UnreadableCallsError("what is called is not a name")
    return ".".join(reversed([*parts, node.id]))


def _value(node: ast.expr, depth: int) -> object:
    if depth == 0:
        raise UnreadableCallsError("an argument is nested too deeply")
    match node:
        case ast.Constant():
            return _constant(node)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant() as operand):
            number = _constant(operand)
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise UnreadableCallsError("a sign stands before what is not a number")
            return -number if isinstance(node.op, ast.USub) else number
        case ast.Name():
            return node.id
        case ast.List():
            return [_value(element, depth - 1) for element in node.elts]
        case ast.Tuple():
            return tuple(_value(element, depth - 1) for element in node.elts)
        case ast.Dict():
            return _dict(node, depth)
        case _:
            raise UnreadableCallsError("an argument is not a literal")


def _constant(node: ast.Constant) -> object:
    value = node.value
    if value is not None and not isinstance(value, bool | int | float | str):
        raise UnreadableCallsError("an argument is not a literal")
    if isinstance(value, int) and value.bit_length() > _LARGEST_BITS:
        raise UnreadableCallsError("a number is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise UnreadableCallsError("a number is too large")
    return value


def _dict(node: ast.Dict, depth: int) -> object:
    found: dict[object, object] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        if not isinstance(key_node, ast.Constant | ast.Name):
            raise UnreadableCallsError("a key is not a literal")
        key = _value(key_node, depth - 1)
        if key in found:
            raise UnreadableCallsError("a key is repeated")
        found[key] = _value(value_node, depth - 1)
    return found
