"""The little YAML of a model card's head, in a form that every reader takes alike."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from silentzone.records.escaping import visible


def yaml_lines(value: Mapping[str, object], indent: int = 0) -> list[str]:
    """Give a map as YAML lines.

    Texts are always quoted, because a plain ``no`` or ``1e-3`` means something else; a number has a
    point, without which YAML 1.1 reads ``1e-05`` as a text. Entries that are null are left out.

    Examples
    --------
    >>> yaml_lines({"name": "Q4_K_M: no", "values": [{"value": 1e-05}]})
    ['name: "Q4_K_M: no"', 'values:', '  - value: 1.0e-05']
    """
    lines = []
    for key, entry in value.items():
        if entry is None:
            continue
        lines += _entry(f"{' ' * indent}{key}:", entry, indent + 2)
    return lines


def _entry(head: str, entry: object, indent: int) -> list[str]:
    if isinstance(entry, Mapping):
        return [head, *yaml_lines(entry, indent)]
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        lines = [head]
        for one in entry:
            first, *rest = yaml_lines(one, indent + 2)
            lines += [f"{' ' * indent}- {first.strip()}", *rest]
        return lines
    return [f"{head} {_scalar(entry)}"]


def _scalar(entry: object) -> str:
    if isinstance(entry, bool):
        return str(entry).lower()
    if isinstance(entry, int):
        return str(entry)
    if isinstance(entry, float):
        return yaml_number(entry)
    return yaml_text(str(entry))


def yaml_text(text: str) -> str:
    """Give a text in double quotes, with everything that cannot be seen spelled out."""
    return json.dumps(visible(text), ensure_ascii=False)


def yaml_number(value: float) -> str:
    """Give a finite number so that YAML 1.1 and 1.2 read the very same one.

    Examples
    --------
    >>> yaml_number(1e-05), yaml_number(0.25), yaml_number(3e20)
    ('1.0e-05', '0.25', '3.0e+20')
    """
    assert math.isfinite(value), "what is missing is left out"
    mantissa, mark, exponent = repr(value).partition("e")
    if mark and "." not in mantissa:
        mantissa += ".0"
    return mantissa + mark + exponent
