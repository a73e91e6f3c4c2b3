"""What goes to stdout: tables for people, JSON for machines."""

from __future__ import annotations

import json
import math
import shlex
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MISSING = "\u2013"
INFINITE = "the value is infinite, which JSON cannot say"


def write_json(data: Mapping[str, Any]) -> None:
    """Write one JSON object that every parser accepts: no NaN, no Infinity.

    A number that is not finite becomes null; where the object around it has ``cautions``, one is
    added, so that the absence keeps its reason.
    """
    click.echo(json.dumps(strict(data), indent=2, ensure_ascii=True, allow_nan=False))


def strict(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value with every number that is not finite replaced by null.

    Examples
    --------
    >>> strict({"value": float("inf"), "cautions": []})
    {'value': None, 'cautions': ['the value is infinite, which JSON cannot say']}
    >>> strict([1.5, float("nan"), "text"])
    [1.5, None, 'text']
    """
    if isinstance(value, dict):
        copy = {str(key): strict(entry) for key, entry in value.items()}
        central = value.get("value")
        if isinstance(central, float) and math.isinf(central) and "cautions" in copy:
            copy["cautions"] = [*copy["cautions"], INFINITE]
        return copy
    if isinstance(value, list | tuple):
        return [strict(entry) for entry in value]
    number = value.item() if hasattr(value, "item") else value  # NumPy's scalars
    return None if isinstance(number, float) and not math.isfinite(number) else number


def visible(text: object) -> str:
    r"""Return the text as one line in which nothing moves the cursor or hides.

    The report has the same rule of its own: to load its libraries before the first line of
    progress would take a second, and an error must be said even where they are broken.

    Examples
    --------
    >>> print(visible("Q4\x1b[31m\u202e_K\nnext"))
    Q4\u001b[31m\u202e_K next
    """
    spaced = str(text).replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in spaced
    )


def shell_line(*words: str) -> str:
    r"""Return a command that can be typed as it stands, whatever its words hold.

    Examples
    --------
    >>> print(shell_line("run", "my study.toml", "a\nb"))
    run 'my study.toml' $'a\x0ab'
    """
    return " ".join(
        shlex.quote(word) if word.isprintable() else _ansi_quoted(word) for word in words
    )


def _ansi_quoted(word: str) -> str:
    parts = [f"\\{c}" if c in "'\\" else c if c.isprintable() else _bytes(c) for c in word]
    return "$'" + "".join(parts) + "'"


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a plain table: first column to the left, the others to the right.

    Names are shown as they are, with control characters spelled out; nothing in them is
    interpreted as colour or markup.
    """
    from rich.cells import cell_len

    table = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        padded = [
            cell + " " * (width - cell_len(cell))
            if column == 0
            else " " * (width - cell_len(cell)) + cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(padded).rstrip())


def write_line(text: str) -> None:
    """Write one line of text to stdout, control characters spelled out."""
    click.echo(visible(text))
