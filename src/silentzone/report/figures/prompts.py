"""Prompt by prompt: who fails where, which of two models to trust, a metric with a direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import shorten, visible
from silentzone.report import charts, numbers, tables
from silentzone.report.charts import Bin, BinAxes, Curve, Ruling
from silentzone.report.findings import ALL, prompt_rows, router_rows, said
from silentzone.report.points import omissions
from silentzone.report.reading import COMPOSITE, quantity
from silentzone.report.views import Figure, KeyEntry, Panel
from silentzone.report.words import opening, panel_name, score_title, zone_title
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort

_BINNED = {
    "divergence": (
        "KLD along the answer",
        "rank of the KLD along the answer, within each candidate",
        False,
    ),
    "reference_confidence": (
        "the reference's confidence",
        "the reference's confidence (falling to the right)",
        True,
    ),
}
"""Predictor: words, title of its axis, whether that falls."""
_RULES = {
    "lower_kld": "the lower KLD on this prompt",
    "lower_mean_kld": "always the lower mean KLD",
    "higher_confidence": "the higher confidence on this prompt",
    "better_model": "always the model that is right more often here (it knows the answers)",
}
_PREDICTORS = {
    "signed_shift": "signed shift of the gold margin",
    "weighted_signed_shift": "the same, weighted to the boundary",
    "kld_mean": "mean KLD",
    "item_kld_mean": "mean KLD along the same items",
    "net": "net of the same items",
}
_RULE_LOOKS = ("diamond vermillion", "dot blue", "up green", "square purple", "down orange")
_PREDICTOR_LOOKS = ("dot blue", "square purple", "diamond vermillion", "up green", "cross muted")


def failed_prompts(cohort: Cohort) -> Figure | None:
    """Draw the failed share by bin of divergence beside that by the reference's confidence."""
    found = prompt_rows(cohort)
    if not found:
        return None
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    for row in found:
        drawn = _binned(row)
        top = max((_tallest(bins) for bins in drawn.values()), default=0.0)
        panels += [_bins_panel(row, name, bins, top) for name, bins in drawn.items() if bins]
        where = score_title(str(row.get("benchmark")))
        undrawn[where] = sum(not bins for bins in drawn.values())
    return Figure(
        identity="prompts",
        title="Does divergence say which prompts fail?",
        caption="Of the answers to items the reference passed, the share that failed, from the"
        " least suspect bin at the left to the most suspect at the right. Divergence is ranked"
        " within each candidate, because a weak candidate has more of it and more failures"
        " everywhere; the AUROC compares answers of one candidate with each other as well.",
        said=said(*found),
        key=(
            KeyEntry(mark="bar blue", text="a bin, with the interval of its share"),
            KeyEntry(mark="dots muted", text="share failed over all bins"),
        ),
        panels=tuple(panels),
        table=tables.prompt_bins(found),
        omitted=omissions(undrawn, "a predictor has no bins"),
        layout="pairs",
    )


def _binned(row: Raw) -> dict[str, list[Bin]]:
    return {
        name: _bins(predictor)
        for predictor in rows(row, "predictors")
        if (name := str(predictor.get("predictor"))) in _BINNED
    }


def _bins(predictor: Raw) -> list[Bin]:
    """Bins that can be drawn: with both ends and a share."""
    found = []
    for one in rows(predictor, "calibration"):
        low, high = finite(one.get("low")), finite(one.get("high"))
        share = quantity(one.get("failed_share"))
        if share.value is None or low is None or high is None:
            continue
        lower = None if share.lower is None else 100 * share.lower
        upper = None if share.upper is None else 100 * share.upper
        found.append(
            Bin(low=low, high=high, middle=(low + high) / 2, share=100 * share.value, lower=lower,
                upper=upper)
        )  # fmt: skip
    return found


def _tallest(bins: list[Bin]) -> float:
    return max((one.share if one.upper is None else one.upper for one in bins), default=0.0)


def _bins_panel(row: Raw, name: str, bins: list[Bin], top: float) -> Panel:
    words, axis, is_falling = _BINNED[name]
    failed, passed = finite(row.get("n_failed")), finite(row.get("n_passed"))
    auroc = next(
        quantity(one.get("auroc")) for one in rows(row, "predictors") if one["predictor"] == name
    )
    interval = auroc.interval(numbers.decimal)
    title = f"{panel_name(str(row.get('benchmark')))}, {words}"
    detail = f"AUROC {auroc.written(numbers.decimal)}{f' {interval}' if interval else ''}"
    axes = BinAxes(
        title=axis,
        is_falling=is_falling,
        top=min(1.05 * max(top, 0.1), 100.0),
        overall=None
        if failed is None or passed is None or not failed + passed
        else 100 * failed / (failed + passed),
    )
    first, last = (bins[-1], bins[0]) if is_falling else (bins[0], bins[-1])
    label = (
        f"{title}: {detail}. Failed from {first.share:.1f} % in the least suspect bin to"
        f" {last.share:.1f} % in the most suspect of {len(bins)}."
    )
    return Panel(title=title, detail=detail, spec=charts.failures(bins, axes), label=label)


def router(cohort: Cohort) -> Figure | None:
    """Draw how often each rule picks the model that is right, where exactly one of two is."""
    found = router_rows(cohort)
    if not found:
        return None
    drawn, lost = [], 0
    words: dict[str, str] = {}
    for row in found:
        name = str(row.get("benchmark"))
        for rule in rows(row, "rules"):
            key = shorten(visible(rule.get("rule")), 40)
            words.setdefault(key, _RULES.get(key) or visible(rule.get("words") or key))
            accuracy = quantity(rule.get("accuracy"))
            if accuracy.value is None:
                lost += 1
                continue
            drawn.append(
                Ruling(
                    group="all benchmarks" if name == ALL else shorten(visible(name), 26),
                    rule=key,
                    value=100 * accuracy.value,
                    lower=None if accuracy.lower is None else 100 * accuracy.lower,
                    upper=None if accuracy.upper is None else 100 * accuracy.upper,
                )
            )
    order = list(dict.fromkeys(one.rule for one in drawn))
    label = "How often a rule is right, in percent: " + "; ".join(
        f"{one.group}, {words[one.rule]}: {one.value:.1f}" for one in drawn
    )
    return Figure(
        identity="router",
        title="Does the lower divergence say which of two models to trust?",
        caption="On prompts where exactly one of two models is right, how often a rule picks that"
        " one; the line is a coin.",
        said=said(found[0]),
        key=tuple(
            KeyEntry(mark=_RULE_LOOKS[i % len(_RULE_LOOKS)], text=words[rule])
            for i, rule in enumerate(order)
        ),
        panels=(Panel(title="", spec=charts.rulings(drawn), label=f"{label}."),) if drawn else (),
        table=tables.router(found),
        omitted=omissions({"rules": lost}, "models never disagree there"),
    )


def signed_shift(cohort: Cohort) -> Figure | None:
    """Draw how well each predictor from few items ranks net on the other half of the items."""
    found = list(rows(cohort.raw, "signed_shift"))
    if not found:
        return None
    scores = list(dict.fromkeys(str(row.get("benchmark")) for row in found))
    score = COMPOSITE if COMPOSITE in scores else scores[0]
    words = {
        _predictor(row): _PREDICTORS.get(_predictor(row))
        or visible(row.get("words") or row.get("predictor"))
        for row in found
        if row.get("benchmark") == score
    }
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    for zone in dict.fromkeys(str(row.get("zone")) for row in found):
        own = [row for row in found if (row.get("benchmark"), row.get("zone")) == (score, zone)]
        curves = [curve for curve in map(_curve, own) if curve is not None]
        undrawn[zone_title(zone)] = len(own) - len(curves)
        if curves:
            title = f"{opening(score_title(score))}, {zone_title(zone)}"
            spec = charts.by_items(curves, list(words))
            panels.append(Panel(title=title, spec=spec, label=_ends(title, curves, words)))
    return Figure(
        identity="shift",
        title="Would a metric that knows the direction do better, and with fewer items?",
        caption="Each predictor is computed on one half of the items and has to order the"
        " candidates by net on the other half.",
        said=said(cohort.raw["signed_shift_summary"]),
        key=(
            *(
                KeyEntry(mark=_PREDICTOR_LOOKS[i % len(_PREDICTOR_LOOKS)], text=text)
                for i, text in enumerate(words.values())
            ),
            KeyEntry(mark="bar blue", text="central 95 % of the splits"),
        ),
        panels=tuple(panels),
        table=tables.signed_shift(found),
        omitted=omissions(undrawn, "no correlation could be computed"),
        layout="pairs",
    )


def _curve(row: Raw) -> Curve | None:
    items, rho = finite(row.get("items")), quantity(row.get("rho"))
    if items is None or items <= 0 or rho.value is None:
        return None
    return Curve(
        items=items,
        predictor=_predictor(row),
        rho=rho.value,
        lower=rho.lower,
        upper=rho.upper,
    )


def _predictor(row: Raw) -> str:
    return shorten(visible(row.get("predictor")), 40)


def _ends(title: str, curves: list[Curve], words: dict[str, str]) -> str:
    said = []
    for predictor in dict.fromkeys(curve.predictor for curve in curves):
        own = sorted((c for c in curves if c.predictor == predictor), key=lambda c: c.items)
        said.append(
            f"{words[predictor]}: {numbers.coefficient(own[0].rho)} with"
            f" {numbers.count(own[0].items)} items, {numbers.coefficient(own[-1].rho)} with"
            f" {numbers.count(own[-1].items)}"
        )
    return f"{title}, rho with net on the other half. {'; '.join(said)}."
