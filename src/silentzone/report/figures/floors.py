"""Mean KLD beside the noise of each model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import charts, numbers
from silentzone.report.charts import Dot
from silentzone.report.escaping import shorten, visible
from silentzone.report.points import (
    omissions,
)
from silentzone.report.tables import model_table
from silentzone.report.views import (
    Figure,
    KeyEntry,
    Panel,
)

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort


def noise_floors(cohort: Cohort) -> Figure | None:
    """Mean KLD per model and corpus beside the model's own noise floor."""
    dots, unmeasured = [], 0
    for model in cohort.candidates:
        for corpus in cohort.corpora:
            value = cohort.metric(model.name, corpus)
            if value.value is None or value.value <= 0:
                unmeasured += 1
                continue
            floor = cohort.floors.get((model.name, corpus))
            dots.append(
                Dot(
                    label=shorten(model.label, 26),
                    corpus=shorten(visible(corpus), 30),
                    value=value.value,
                    lower=value.lower,
                    upper=value.upper,
                    floor=floor.used if floor else None,
                )
            )
    if not dots:
        return None
    shown = list(dict.fromkeys(dot.corpus for dot in dots))
    low, high = min(dots, key=lambda d: d.value), max(dots, key=lambda d: d.value)
    label = (
        f"Mean KLD of {len({dot.label for dot in dots})} candidates on {len(shown)} corpora, from"
        f" {numbers.significant(low.value)} ({low.label}) to {numbers.significant(high.value)}"
        f" ({high.label}) nats."
    )
    columns = [
        (visible(c), (lambda m, c=c: cohort.metric(m, c)), numbers.significant)
        for c in cohort.corpora
    ]
    return Figure(
        identity="floors",
        title="How far has each candidate moved, beside its own noise?",
        caption="A dot close to its tick is a distance the engine makes by itself when the same"
        " model is run in another way; only dots well to the right of their ticks speak of the"
        " quantization.",
        key=(
            *(
                KeyEntry(mark=_CORPUS_LOOKS[i % len(_CORPUS_LOOKS)], text=corpus)
                for i, corpus in enumerate(shown)
            ),
            KeyEntry(mark="tick muted", text="own noise floor, in the colour of its corpus"),
        ),
        panels=(Panel(title="", spec=charts.dots(dots), label=label),),
        table=model_table(cohort, "floors-data", "Mean KLD in nats per corpus.", columns),
        omitted=omissions({"dots": unmeasured}, "mean KLD is missing or zero"),
    )


_CORPUS_LOOKS = (
    "dot blue", "square vermillion", "up green", "diamond purple", "down orange", "cross muted",
)  # fmt: skip  # fmt: skip
