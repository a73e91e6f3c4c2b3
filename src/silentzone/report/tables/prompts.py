"""Tables of prompts, of the router, and of the metric with a direction."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.reading import quantity, texts
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import score_title, zone_title
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from silentzone.report.cohort import Cohort

_PREDICTORS = (
    ("divergence", "AUROC of KLD"),
    ("reference_confidence", "of the reference's confidence"),
    ("reference_margin", "of its margin"),
    ("confidence_and_divergence", "of confidence and KLD"),
)


def prompts(cohort: Cohort) -> Table:
    """Return how well failures are foreseen, per benchmark, over all candidates and for each."""
    notes = Notes()
    label = {model.name: model.label for model in cohort.models}
    made = []
    for row in rows(cohort.raw, "prompts"):
        model, added = row.get("model"), row.get("added") or {}
        predictors = {str(one.get("predictor")): one for one in rows(row, "predictors")}
        cautions = texts(row.get("cautions"))
        made.append(
            [
                text_cell(score_title(str(row.get("benchmark")))),
                Cell(
                    text="all candidates" if model == "all"
                    else label.get(str(model), visible(model)),
                    is_strong=model == "all",
                    notes=tuple(notes.number(text) for text in cautions),
                ),
                *(number_cell(_count(row.get(key))) for key in ("n_items", "n_failed")),
                *(
                    _estimate(predictors.get(key, {}).get("auroc"), numbers.decimal, notes)
                    for key, _ in _PREDICTORS
                ),
                _estimate(row.get("geometric_mean_ratio"), numbers.decimal, notes),
                number_cell(_count(row.get("n_zero")), visible(row.get("zero_rule") or "") or None),
                _estimate(added.get("auroc_gain"), _signed, notes),
                _estimate(added.get("coefficient"), numbers.coefficient, notes),
                _pvalue(added, notes),
            ]
        )  # fmt: skip
    return make_table(
        "prompts",
        "Failures foreseen prompt by prompt, among the items the reference passed: AUROC of each"
        " predictor, KLD of failed over KLD of passed prompts, and what KLD adds to confidence.",
        ("benchmark", "candidate", "items", "failed", *(title for _, title in _PREDICTORS),
         "failed / passed, geometric mean", "KLD of zero", "gain of adding KLD", "its coefficient",
         "p"),
        made,
        notes,
    )  # fmt: skip


def _signed(value: float) -> str:
    """Three decimals, signed: a gain in AUROC is small."""
    return f"{value:+.3f}".replace("-", numbers.MINUS)


def _pvalue(added: Raw, notes: Notes) -> Cell:
    pvalue = finite(added.get("pvalue"))
    if pvalue is None:
        return notes.missing("judged over all candidates only")
    return number_cell(numbers.probability(pvalue), visible(added.get("pvalue_method") or ""))


def prompt_bins(found: Iterable[Raw]) -> Table:
    """Return the failed share by bin of every predictor that has bins."""
    notes = Notes()
    made = [
        [
            text_cell(score_title(str(row.get("benchmark")))),
            text_cell(visible(predictor.get("words") or predictor.get("predictor"))),
            *(number_cell(_edge(one.get(end))) for end in ("low", "high")),
            number_cell(_count(one.get("n"))),
            _estimate(one.get("failed_share"), numbers.percent, notes),
        ]
        for row in found
        for predictor in rows(row, "predictors")
        for one in rows(predictor, "calibration")
    ]
    return make_table(
        "prompts-data",
        "Share failed by bin of the predictor, over all candidates.",
        ("benchmark", "predictor", "from", "to", "prompts", "failed"),
        made,
        notes,
    )


def router(found: Sequence[Raw]) -> Table:
    """Return how often each rule is right, and how much better or worse the lower KLD is."""
    notes = Notes()
    rules = _columns((row, "rules", "rule") for row in found)
    against = _columns((row, "comparisons", "against") for row in found)
    others = [visible(key).replace("_", " ").replace("kld", "KLD") for key in against]
    made = []
    for row in found:
        accuracy = {str(one.get("rule")): one.get("accuracy") for one in rows(row, "rules")}
        difference = {
            str(one.get("against")): one.get("difference") for one in rows(row, "comparisons")
        }
        ties = sum(finite(one.get("ties")) or 0 for one in rows(row, "rules"))
        name = row.get("benchmark")
        cautions = tuple(notes.number(text) for text in texts(row.get("cautions")))
        made.append(
            [
                Cell(
                    text="all benchmarks" if name == "all" else score_title(str(name)),
                    notes=cautions,
                ),
                *(number_cell(_count(row.get(key))) for key in ("pairs", "items", "decisions")),
                number_cell(_count(ties)),
                *(_estimate(accuracy.get(key), numbers.percent, notes) for key in rules),
                *(_estimate(difference.get(key), numbers.points, notes) for key in against),
            ]
        )
    return make_table(
        "router-data",
        "Prompts on which exactly one of two models is right: how often each rule picks that one,"
        " and the lower KLD minus each other rule.",
        ("benchmark", "pairs of models", "prompts", "decisions", "ties",
         *(f"right: {visible(words)}" for words in rules.values()),
         *(f"lower KLD minus {words}" for words in others)),
        made,
        notes,
    )  # fmt: skip


def _columns(parts: Iterable[tuple[Raw, str, str]]) -> dict[str, str]:
    """Keys of the inner rows in order of appearance, with their words."""
    return {
        str(one.get(key)): str(one.get("words") or one.get(key))
        for row, section, key in parts
        for one in rows(row, section)
    }


def signed_shift(found: Sequence[Raw]) -> Table:
    """Return how each predictor orders the candidates on the other half of the items."""
    notes = Notes()
    made = [
        [
            text_cell(visible(row.get("words") or row.get("predictor"))),
            text_cell(score_title(str(row.get("benchmark")))),
            text_cell(zone_title(row.get("zone"))),
            *(number_cell(_count(row.get(key))) for key in ("n", "items")),
            _estimate(row.get("rho"), numbers.coefficient, notes),
        ]
        for row in found
    ]
    return make_table(
        "shift-data",
        "Aligned rank correlation with net on the other half of the items, mean over splits; the"
        " interval is the central 95 % of the splits.",
        ("predictor", "benchmark", "zone", "n", "items", "aligned ρ"),
        made,
        notes,
    )


def _estimate(raw: object, how: Callable[[float], str], notes: Notes) -> Cell:
    return notes.missing("not computed") if raw is None else notes.cell(quantity(raw), how)


def _count(raw: object) -> str:
    value = finite(raw)
    return numbers.DASH if value is None else numbers.count(value)


def _edge(raw: object) -> str:
    value = finite(raw)
    return numbers.DASH if value is None else numbers.significant(value)
