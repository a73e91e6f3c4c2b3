"""Mean KLD beside the noise of each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import shorten, visible
from silentzone.report import charts, numbers
from silentzone.report.charts import Dot
from silentzone.report.points import (
    omissions,
)
from silentzone.report.tables import model_table
from silentzone.report.views import (
    Figure,
    KeyEntry,
    Panel,
)
from silentzone.report.words import metric_axis, opening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.report.cohort import Cohort


def noise_floors(cohort: Cohort) -> Figure | None:
    """Draw the headline metric per model and corpus beside the model's own noise floor."""
    title, is_log = metric_axis(cohort.headline)
    corpora: tuple[str | None, ...] = cohort.corpora or (None,)
    dots, unmeasured = [], 0
    for model in cohort.candidates if is_log else ():
        for corpus in corpora:
            value = cohort.metric(model.name, corpus)
            if value.value is None or value.value <= 0:
                unmeasured += 1
                continue
            floor = cohort.floors.get((model.name, corpus or ""))
            dots.append(
                Dot(
                    label=model.short,
                    corpus=shorten(visible(corpus or "as given"), 30),
                    value=value.value,
                    lower=value.lower,
                    upper=value.upper,
                    floor=floor.used if floor else None,
                )
            )
    if not dots:
        return None
    shown = list(dict.fromkeys(dot.corpus for dot in dots))
    has_floors = any(dot.floor for dot in dots)
    columns = [
        (visible(c or "as given"), (lambda m, c=c: cohort.metric(m, c)), numbers.significant)
        for c in corpora
    ]
    metric = cohort.headline_words
    floor_key = KeyEntry(mark="tick muted", text="own noise floor, in the colour of its corpus")
    return Figure(
        identity="floors",
        title="How far has each candidate moved, beside its own noise?"
        if has_floors
        else "How far has each candidate moved?",
        caption=_BESIDE_FLOORS if has_floors else _WITHOUT_FLOORS,
        key=(
            *(
                KeyEntry(mark=_CORPUS_LOOKS[i % len(_CORPUS_LOOKS)], text=corpus)
                for i, corpus in enumerate(shown)
            ),
            *((floor_key,) if has_floors else ()),
        ),
        panels=(Panel(title="", spec=charts.dots(dots, title), label=_label(dots, shown, metric)),),
        table=model_table(cohort, "floors-data", f"{opening(metric)} in nats per corpus.", columns),
        omitted=omissions({"dots": unmeasured}, f"{metric} is missing or zero"),
        rests_on_items=False,
    )


def _label(dots: Sequence[Dot], corpora: Sequence[str], metric: str) -> str:
    low, high = min(dots, key=lambda d: d.value), max(dots, key=lambda d: d.value)
    return (
        f"{opening(metric)} of {len({dot.label for dot in dots})} candidates on {len(corpora)}"
        f" corpora, from {numbers.significant(low.value)} ({low.label}) to"
        f" {numbers.significant(high.value)} ({high.label}) nats."
    )


_BESIDE_FLOORS = (
    "A dot close to its tick is a distance the engine makes by itself when the same model is run in"
    " another way; only dots well to the right of their ticks speak of the quantization."
)
_WITHOUT_FLOORS = (
    "Further right is further from the reference. No noise floor was measured, so nothing says how"
    " much of a distance the engine makes by itself."
)
_CORPUS_LOOKS = (
    "dot blue", "square vermillion", "up green", "diamond purple", "down orange", "cross muted",
)  # fmt: skip
