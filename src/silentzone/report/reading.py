"""`analysis.json` as typed records: shape checked, absence kept as absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from silentzone.errors import TableError
from silentzone.report.escaping import labels, visible
from silentzone.report.numbers import DASH, finite

SCHEMA_VERSION = 2
HEADLINE_METRIC = "kld_mean"
COMPOSITE = "composite"
COMPOSITES = (COMPOSITE, "composite_normalised", "composite_rank")
FULL = "full"

_SECTIONS = (
    "source", "study", "reference", "candidates", "corpora", "benchmarks", "engine", "fidelity",
    "distinguishable", "composites", "scores", "decomposition", "relations", "verdicts", "variants",
    "variant_summaries", "sensitivity", "volume_direction", "copies", "prompts", "router",
    "signed_shift", "signed_shift_summary", "decision", "cautions", "exclusions", "failures",
)  # fmt: skip
_OBJECTS = ("engine", "decision", "source", "signed_shift_summary", "headline")
"""Sections of one object; an analysis of a table leaves some of them empty."""

_SHORT_LABEL = 24

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number with its interval, before it is written in any unit."""

    value: float | None
    """Null also for an infinite value: then `infinite` is true."""
    lower: float | None
    upper: float | None
    cautions: tuple[str, ...]
    """Why it is null, or what to mind."""
    confidence: float | None
    infinite: bool = False

    def written(self, how: Callable[[float], str]) -> str:
        """Return the value alone, a dash when it is missing."""
        if self.infinite:
            return "∞"
        return DASH if self.value is None else how(self.value)

    def interval(self, how: Callable[[float], str]) -> str | None:
        """Return the interval in brackets, in the unit of the value, or null."""
        if self.lower is None or self.upper is None:
            return None
        ends = [how(end).removesuffix(" %").removesuffix(" pp") for end in (self.lower, self.upper)]
        return f"[{ends[0]}, {ends[1]}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Reference or candidate, with the label every chart and table uses."""

    name: str
    """As typed; shown through `visible` only."""
    label: str
    short: str
    """The label in drawings; no two models share one."""
    is_reference: bool
    is_pick: bool
    status: str
    raw: Raw

    @property
    def gigabytes(self) -> float | None:
        """File size in units of 1e9 bytes."""
        size = finite(self.raw.get("file_bytes"))
        return None if size is None else size / 1e9

    @property
    def bits_per_weight(self) -> float | None:
        """Bits per weight, as the file or the table has it."""
        return finite(self.raw.get("bits_per_weight"))


def check(analysis: object) -> Raw:
    """Return the analysis when it has the layout this report was written for.

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
            f"`analysis.json` has schema_version {visible(version)!r}; this report reads "
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


def texts(raw: object) -> tuple[str, ...]:
    """Return a list of texts, visible; anything else is shown as one text, null as none."""
    if raw is None:
        return ()
    found = raw if isinstance(raw, (list, tuple)) else (raw,)
    return tuple(visible(text) for text in found)


def quantity(raw: object) -> Quantity:
    """Return an Estimate, or a bare number, as a quantity; null when it is neither."""
    if not isinstance(raw, Mapping):
        value = finite(raw)
        why = () if value is not None else ("not measured",)
        return Quantity(value=value, lower=None, upper=None, cautions=why, confidence=None)
    value = finite(raw.get("value"))
    infinite = raw.get("value") == float("inf")
    lower, upper = bounds(raw.get("interval"))
    cautions = texts(raw.get("cautions"))
    if value is None and not infinite and not cautions:
        cautions = ("no value was recorded, and no reason",)
    return Quantity(
        value=value,
        lower=lower,
        upper=upper,
        cautions=cautions,
        confidence=finite(raw.get("confidence")),
        infinite=infinite,
    )


def bounds(raw: object) -> tuple[float | None, float | None]:
    """Both ends of an interval, or two nulls."""
    if not isinstance(raw, (list, tuple)) or len(raw) != 2:
        return None, None
    lower, upper = finite(raw[0]), finite(raw[1])
    return (None, None) if lower is None or upper is None else (lower, upper)


def models(analysis: Raw) -> tuple[Model, ...]:
    """Return the reference, if there is one, then the candidates, with different labels.

    Raises
    ------
    TableError
        If a model has no name or two models share one.
    """
    reference = analysis["reference"]
    found = [*(() if reference is None else (reference,)), *rows(analysis, "candidates")]
    names = [model.get("name") for model in found]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise TableError(
            "every model in `analysis.json` must have a name of its own.",
            hint="rerun `silentzone analyze` on the study",
        )
    pick = analysis["decision"].get("pick")
    return tuple(
        Model(
            name=model["name"],
            label=label,
            short=short,
            is_reference=model is reference,
            is_pick=pick is not None and model["name"] == pick,
            status=visible(model.get("status", "complete")),
            raw=model,
        )
        for model, label, short in zip(
            found, labels(names), labels(names, _SHORT_LABEL), strict=True
        )
    )
