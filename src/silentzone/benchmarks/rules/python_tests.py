"""Written answers that are Python: which program an answer is, and the tests it is held against.

Nothing here runs a program; that is `silentzone.execution.programs`.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from silentzone.benchmarks.rules.python_program import runnable_prompt
from silentzone.errors import BenchmarkError

RULE = "python_tests"
ANSWERS = ("completion", "chat")
PROGRAM_FILE = Path(__file__).with_name("python_program.py")
"""Both sides of a test, as a program of its own."""
_FIELDS = ("prompt", "test", "entry_point", "answer")
_MOST_CHARACTERS = 100_000
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([A-Za-z0-9_+-]*)[^`]*")
_LANGUAGES = ("", "python", "python3", "py", "py3")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramGold:
    """A function that is wanted, and what it has to hold against."""

    prompt: str
    """The head of the function with what stands before it, as the model was shown it."""
    test: str
    """Python that defines ``check(candidate)``, which raises where the candidate is wrong."""
    entry_point: str
    answer: str
    """``completion``: the answer goes on where the prompt ends; ``chat``: it is a message with code
    in it."""

    def as_value(self) -> str:
        """Text of a `silentzone.records.items.Gold`."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        return json.dumps(fields, ensure_ascii=True, sort_keys=True)


def read_tests_gold(value: str, where: str) -> ProgramGold:
    """Read the tests of an item.

    Raises
    ------
    BenchmarkError
        If a field is missing, the prompt does not define the function, the tests are no Python or
        have no ``check``: no answer could meet such a gold.
    """
    try:
        fields = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{where}: `{RULE}` is no JSON: {error}") from error
    if not isinstance(fields, dict) or not {*_FIELDS[:3]} <= set(fields) <= {*_FIELDS}:
        raise BenchmarkError(
            f"{where}: `{RULE}` must have the fields {', '.join(_FIELDS[:3])}"
            " and may have `answer` besides"
        )
    gold = ProgramGold(**{"answer": "completion", **fields})
    for name in _FIELDS:
        text = getattr(gold, name)
        if not isinstance(text, str) or not text or len(text) > _MOST_CHARACTERS:
            raise BenchmarkError(f"{where}: `{name}` must be a text of 1..{_MOST_CHARACTERS}")
    if gold.answer not in ANSWERS:
        raise BenchmarkError(f"{where}: `answer` must be one of {', '.join(ANSWERS)}")
    _check_code(gold, where)
    return gold


def check_tests_gold(value: str, where: str) -> None:
    """Refuse tests that no answer could meet; see :func:`read_tests_gold`."""
    read_tests_gold(value, where)


def _check_code(gold: ProgramGold, where: str) -> None:
    if not gold.entry_point.isidentifier():
        raise BenchmarkError(f"{where}: `entry_point` must be the name of a function")
    prompt = _functions(runnable_prompt(gold.prompt), f"{where}: `prompt`")
    if gold.entry_point not in prompt:
        raise BenchmarkError(f"{where}: `prompt` does not define `{gold.entry_point}`")
    check = _functions(gold.test, f"{where}: `test`").get("check")
    if check is None or len(check.args.args) != 1:
        raise BenchmarkError(f"{where}: `test` must define `check(candidate)`")


def _functions(code: str, what: str) -> dict[str, ast.FunctionDef]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BenchmarkError(f"{what} is no Python: {error}") from error
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def program_of(text: str, gold: ProgramGold) -> str:
    """Program that an answer is.

    Parameters
    ----------
    text : str
        What the model wrote.
    gold : ProgramGold
        Says whether it went on with the prompt or sent a message.

    Returns
    -------
    str
        Of a completion the prompt and the answer, as they stand. Of a message: the first block of
        code between fences that defines the function, else all blocks of Python one after the
        other, else, without any block, the message itself; in front of it stands what the prompt
        has before the function, imports for one. Code that does not define the function is taken
        as its body.
    """
    if gold.answer == "completion":
        return gold.prompt + text
    blocks = code_blocks(text)
    whole = next((block for block in blocks if _defines(block, gold.entry_point)), None)
    code = whole if whole is not None else "\n".join(blocks) if blocks else text
    if not _defines(code, gold.entry_point):
        return gold.prompt + code
    return before_function(gold) + code


def code_blocks(text: str) -> list[str]:
    r"""Blocks of Python between Markdown's fences; the last one may lack its end.

    Examples
    --------
    >>> code_blocks("Here:\n```python\nx = 1\n```\nDone.")
    ['x = 1\n']
    """
    blocks: list[str] = []
    lines: list[str] | None = None
    fence, is_python = "", False
    for line in text.splitlines(keepends=True):
        found = _FENCE.fullmatch(line.rstrip())
        if lines is None:
            if found:
                fence, is_python, lines = found[1], found[2].lower() in _LANGUAGES, []
        elif found and found[1].startswith(fence) and line.strip() == found[1]:
            blocks += ["".join(lines)] if is_python else []
            lines = None
        else:
            lines.append(line)
    if lines is not None and is_python:
        blocks.append("".join(lines))
    return blocks


def before_function(gold: ProgramGold) -> str:
    """Cut out what the prompt has before the function: imports, and functions it may call."""
    tree = ast.parse(runnable_prompt(gold.prompt))
    nodes = [node for node in tree.body if getattr(node, "name", None) == gold.entry_point]
    start = min([nodes[-1].lineno, *(one.lineno for one in _decorators(nodes[-1]))])
    return "".join(gold.prompt.splitlines(keepends=True)[: start - 1])


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return node.decorator_list if isinstance(node, ast.FunctionDef) else []


def _defines(code: str, name: str) -> bool:
    return re.search(rf"^(?:async )?def {re.escape(name)}\b", code, re.MULTILINE) is not None
