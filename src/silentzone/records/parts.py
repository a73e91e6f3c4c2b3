"""What decides whether a stored part is the one that is wanted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PartKey:
    """Everything that can change a number in a stored part.

    Two parts may be laid side by side only if the fields of their protocols that must agree do.
    """

    kind: str
    """Name of the table's schema, or ``trace`` or ``item_trace``."""
    protocol: tuple[tuple[str, str], ...]
    """Field and value, sorted by field; values are text (numbers by ``repr``)."""

    @property
    def sha256(self) -> str:
        """Hex digest that identifies the part."""
        text = json.dumps([self.kind, list(map(list, self.protocol))], ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @staticmethod
    def of(kind: str, **protocol: object) -> PartKey:
        """Key of a part from its protocol fields, sorted and turned into text."""
        return PartKey(
            kind=kind,
            protocol=tuple(sorted((name, str(value)) for name, value in protocol.items())),
        )
