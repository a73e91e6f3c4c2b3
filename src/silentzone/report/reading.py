"""`analysis.json` as typed records: shape checked, absence kept as absence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from silentzone.errors import TableError
from silentzone.records.escaping import labels, visible
from silentzone.report.numbers import DASH
from silentzone.store.answers import Raw, finite, rows

HEADLINE_METRIC = "kld_mean"
COMPOSITE = "composite"
COMPOSITES = (COMPOSITE, "composite_normalised", "composite_rank")
FULL = "full"

_SHORT_LABEL = 24


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
    def cache(self) -> str | None:
        """Types in which keys and values were cached; null where they are the engine's own."""
        kinds = [(side, self.raw.get(f"cache_{side}")) for side in ("k", "v")]
        said = [f"{side.upper()} {visible(kind)}" for side, kind in kinds if kind is not None]
        return f"cache {', '.join(said)}" if said else None

    @property
    def bits_per_weight(self) -> float | None:
        """Bits per weight, as the file or the table has it."""
        return finite(self.raw.get("bits_per_weight"))


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
