"""Every format that can be exported, by the name a user types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from silentzone.errors import ConfigError
from silentzone.exporters.formats import (
    badge,
    base_file,
    cohort_table,
    flipeval,
    items_table,
    kld_sweep,
    llama_cpp_table,
    model_card,
    tables,
)
from silentzone.records.near_names import near_names

if TYPE_CHECKING:
    from silentzone.exporters.writing import PathFormat, TextFormat

_ALL: Final[tuple[TextFormat | PathFormat, ...]] = (
    llama_cpp_table.FORMAT,
    model_card.FORMAT,
    badge.FORMAT,
    kld_sweep.FORMAT,
    flipeval.FORMAT,
    tables.FORMAT,
    cohort_table.FORMAT,
    items_table.FORMAT,
    base_file.FORMAT,
)
FORMATS: Final = {one.name: one for one in _ALL}


def format_named(name: str) -> TextFormat | PathFormat:
    """Give the format of that name.

    Raises
    ------
    ConfigError
        If there is none; the hint names the closest one.
    """
    if name not in FORMATS:
        raise ConfigError(f"there is no format `{name}` to export", hint=near_names(name, FORMATS))
    return FORMATS[name]
