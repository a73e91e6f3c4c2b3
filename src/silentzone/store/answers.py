"""``analysis.json`` of a study folder: its schema version, its sections, the rows of a section."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from silentzone.errors import TableError
from silentzone.records.escaping import visible

SCHEMA_VERSION = 2

_SECTIONS = (
    "source", "study", "reference", "candidates", "corpora", "benchmarks", "engine", "fidelity",
    "distinguishable", "composites", "scores", "decomposition", "relations", "verdicts", "variants",
    "variant_summaries", "sensitivity", "volume_direction", "copies", "prompts", "router",
    "signed_shift", "signed_shift_summary", "decision", "cautions", "exclusions", "failures",
)  # fmt: skip
_OBJECTS = ("engine", "decision", "source", "signed_shift_summary", "headline")
"""Sections of one object; an analysis of a table leaves some of them empty."""

Raw = Mapping[str, Any]


def check(analysis: object) -> Raw:
    """Return the analysis when it has the layout that is read here.

    Returns
    -------
    mapping
        Sections of one object that are null or empty, as those of a table are, become an object
        without entries; the reference stays null where no model is marked as one.

    Raises
    ------
    TableError
        If it is no object, has another schema version, or lacks a section.
    """
    if not isinstance(analysis, Mapping):
        raise TableError(
            "`analysis.json` must hold one object.", hint="rerun `silentzone analyze` on the study"
        )
    version = analysis.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise TableError(
            f"`analysis.json` has schema_version {visible(version)!r}; this silentzone reads "
            f"{SCHEMA_VERSION}.",
            hint="rerun `silentzone analyze` on the study with this version of silentzone",
        )
    missing = [section for section in _SECTIONS if section not in analysis]
    if missing:
        raise TableError(
            f"`analysis.json` lacks {', '.join(f'`{name}`' for name in missing)}.",
            hint="the file is not whole: rerun `silentzone analyze` on the study",
        )
    found = {**analysis, **{name: analysis.get(name) or {} for name in _OBJECTS}}
    found["reference"] = analysis["reference"] or None
    may_lack = ("reference",) if found["reference"] is not None else ()
    for section in ("study", *may_lack, *_OBJECTS):
        if not isinstance(found[section], Mapping):
            raise TableError(
                f"`{section}` in `analysis.json` must be an object, it is "
                f"{type(found[section]).__name__}.",
                hint="rerun `silentzone analyze` on the study",
            )
    return found


def rows(raw: Raw, section: str) -> Iterator[Raw]:
    """Return the objects of a list section.

    Raises
    ------
    TableError
        If the section is no list, or a row is no object.
    """
    found = raw.get(section) or ()
    if not isinstance(found, (list, tuple)) or not all(isinstance(row, Mapping) for row in found):
        raise TableError(
            f"`{section}` in `analysis.json` must be a list of objects.",
            hint="rerun `silentzone analyze` on the study",
        )
    yield from found


def finite(raw: object) -> float | None:
    """Return the number as float, or None when it is missing, not a number, or not finite."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None
    try:
        number = float(raw)
    except OverflowError:  # JSON's whole numbers have no limit
        return None
    return number if math.isfinite(number) else None
