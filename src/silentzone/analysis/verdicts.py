"""The written rule that turns a relation into a word: informative, silent or cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.fidelity import METRICS, measured_words, metric_words
from silentzone.analysis.zones import FULL
from silentzone.stats.correlation import EQUAL, FEWEST_PAIRS_FOR_INTERVAL

if TYPE_CHECKING:
    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.relations import Relation
    from silentzone.records.config import AuditEntry

COMPOSITES = {
    "composite": "the composite score",
    "composite_normalised": "the reference-normalised composite",
    "composite_rank": "the rank composite",
}
WEAK = 0.3
"""Below it, and not significant, a sentence speaks of no trend: it would be read as one."""
INFORMATIVE, SILENT, CANNOT_TELL = "informative", "silent", "cannot tell"


def verdict(relation: Relation, rule: AuditEntry) -> JsonObject:
    """Verdict on one relation, by the numbers it carries and the rule."""
    word, plain, reasons = _judged(relation, rule)
    question = (
        f"Does {_metric_words(relation)} rank {_score_words(relation.score)} among "
        f"{_zone_words(relation)}?"
    )
    return {
        "question": question,
        "metric": relation.metric,
        "corpus": relation.corpus,
        "score": relation.score,
        "zone": relation.zone.name,
        "verdict": word,
        "sentence": _sentence(relation, plain),
        "reasons": reasons,
    }


def verdict_word(relation: Relation, rule: AuditEntry) -> str:
    """Verdict alone."""
    return _judged(relation, rule)[0]


def _judged(relation: Relation, rule: AuditEntry) -> tuple[str, str, list[str]]:
    """Verdict, what a newcomer reads after the numbers, and the rule's own reasons."""
    aligned, interval = relation.aligned, relation.aligned_interval
    if aligned is None:
        return CANNOT_TELL, "", list(relation.correlation.cautions)
    if aligned >= rule.informative_from:
        return _strong(relation, aligned, interval, rule)
    found = _why_not_silent(relation, rule)
    low = f"aligned rho {aligned:+.2f} is below {rule.informative_from:g}"
    if found:
        plain = [words for words, _ in found]
        reasons = [reason for _, reason in found]
        return CANNOT_TELL, f"but {plain[0]}", [f"{low}, but {reasons[0]}", *reasons[1:]]
    predicted = (
        "a perfect order blurred by noise would show more"
        if relation.zone.name == FULL
        else "every shape of the whole cohort's relation predicts more"
    )
    pvalue = relation.expected.pvalue if relation.expected else None
    reason = f"{low}, {relation.attainable:.2f} was attainable, and {predicted} (p = {pvalue:.2g})"
    if interval is not None and interval[1] < 0.0:
        return SILENT, "the opposite of what ranking well would show", [reason]
    return SILENT, "although these data could have shown a relation", [reason]


def _strong(
    relation: Relation,
    aligned: float,
    interval: tuple[float, float] | None,
    rule: AuditEntry,
) -> tuple[str, str, list[str]]:
    rho = f"aligned rho {aligned:+.2f}"
    if interval is None:
        return _without_interval(relation, aligned, rule)
    if interval[0] <= 0.0:
        reason = f"{rho}, but its interval reaches down to {interval[0]:+.2f}"
        return CANNOT_TELL, "but the interval does not rule out the opposite", [reason]
    least = relation.least_again
    if least is not None and least <= 0.0:
        reason = f"{rho}, but on other windows and items it may be as low as {least:+.2f}"
        return CANNOT_TELL, "but other questions to the same candidates might show none", [reason]
    reason = (
        f"{rho} is at least {rule.informative_from:g} and its lower bound {interval[0]:+.2f} "
        "is above zero"
    )
    return INFORMATIVE, "", [reason]


def _without_interval(
    relation: Relation, aligned: float, rule: AuditEntry
) -> tuple[str, str, list[str]]:
    """Judge a perfect order by its exact p; nothing else without an interval is judged."""
    n, pvalue = len(relation.members), relation.correlation.pvalue
    if aligned < 1.0 or pvalue is None:
        cause = "; ".join(relation.correlation.cautions) or "no interval"
        return CANNOT_TELL, f"but {_few(n)}", [f"aligned rho {aligned:+.2f}, but {cause}"]
    order = f"a perfect order of {n} candidates comes about by chance with p = {_exact(pvalue)}"
    exact = f"{order} ({relation.correlation.pvalue_method})"
    if n >= rule.perfect_order_from and pvalue < rule.alpha:
        return INFORMATIVE, "a perfect order", [exact]
    if n < rule.perfect_order_from:
        return CANNOT_TELL, f"but {_few(n)}", [f"{exact}; {rule.perfect_order_from} are asked for"]
    return CANNOT_TELL, "but ties let chance make this order as well", [exact]


def _why_not_silent(relation: Relation, rule: AuditEntry) -> list[tuple[str, str]]:
    """Give every reason against *silent*, each in plain words and as the rule has it."""
    n = len(relation.members)
    found: list[tuple[str, str]] = []
    if relation.correlation.interval is None and n < FEWEST_PAIRS_FOR_INTERVAL:
        found.append((_few(n), f"n = {n}, fewer than {FEWEST_PAIRS_FOR_INTERVAL}"))
    interval = relation.aligned_interval
    if interval is not None and interval[1] >= rule.ruled_out_from:
        words = f"{n} candidates leave room for a rho of up to {interval[1]:+.2f}"
        found.append((words, f"the interval reaches up to {interval[1]:+.2f}, not below "
                      f"{rule.ruled_out_from:g}"))  # fmt: skip
    if relation.attainable is None:
        words = "noise may hide a relation, or the scores here may not differ at all"
        found.append((words, "no attainable |rho| is known: a reliability is unknown or too low"))
    elif relation.attainable < rule.attainable_from:
        words = f"noise alone keeps any correlation here below about {relation.attainable:.2f}"
        reason = f"noise alone limits |rho| to about {relation.attainable:.2f}, below "
        found.append((words, f"{reason}{rule.attainable_from:g}"))
    pvalue = relation.expected.pvalue if relation.expected else None
    if pvalue is None:
        words = "what to expect among candidates so alike could not be simulated"
        cautions = relation.expected.cautions if relation.expected else ()
        found.append((words, "; ".join(("no expected relation", *cautions))))
    elif pvalue >= rule.alpha:
        is_full = relation.zone.name == FULL
        words = (
            "a perfect order blurred by noise may show no more than this"
            if is_full
            else "the relation over all candidates leads to no more than this here"
        )
        whole = "a perfect order" if is_full else "some shape of the whole cohort's relation"
        found.append((words, f"rho is not below what {whole} predicts here (p = {pvalue:.2g})"))
    return found


def _few(n: int) -> str:
    return f"{n} candidates cannot show a relation"


def _exact(pvalue: float) -> str:
    return f"{pvalue:.2g}"


def _sentence(relation: Relation, plain: str) -> str:
    zone, score = _zone_words(relation), _score_words(relation.score)
    rho = relation.correlation.value
    if rho is None:
        cautions = relation.correlation.cautions
        why = _plain_null(relation, cautions[0]) if cautions else "no correlation exists"
        what = f"{_metric_words(relation)} and {score} among {zone}"
        return f"No verdict was possible on {what}: {why}."
    interval = relation.correlation.interval
    spread = "no interval" if interval is None else f"{interval[0]:+.2f} to {interval[1]:+.2f}"
    n = len(relation.members)
    numbers = f"rho {rho:+.2f}, {spread}, {n} candidates"
    trend = _trend(relation, relation.aligned or 0.0)
    return f"Among {zone}, {trend} ({numbers}){f', {plain}' if plain else ''}."


def _plain_null(relation: Relation, caution: str) -> str:
    n = relation.correlation.n_observations
    if caution == EQUAL:
        return f"the {n} candidates do not differ in one of the two"
    if 0 < n < 3 or caution.startswith("n = "):
        return f"{n} of them have both values, and an order needs three"
    return caution


def _trend(relation: Relation, aligned: float) -> str:
    metric = METRICS.get(relation.metric)
    less = "a smaller" if metric is None or metric.is_loss is not False else "a higher"
    part, _, benchmark = relation.score.partition(":")
    if not benchmark:
        ends = ("a higher score", "a lower score")
        where = "" if part in COMPOSITES else f" on {part}"
    else:
        ends = {
            "volume": ("fewer changed answers", "more changed answers"),
            "direction": ("more gains among the changes", "more losses among the changes"),
        }.get(part, ("a smaller loss", "a larger loss"))
        where = "" if benchmark == "composite" else f" on {benchmark}"
    pvalue = relation.correlation.pvalue
    if abs(aligned) < WEAK and (pvalue is None or pvalue > 0.05):
        return f"{_metric_words(relation)} did not follow {_score_words(relation.score)}"
    return f"{less} {_metric_words(relation)} went with {ends[aligned < 0.0]}{where}"


def _metric_words(relation: Relation) -> str:
    return measured_words(relation.metric, relation.corpus)


def _score_words(score: str) -> str:
    part, _, benchmark = score.partition(":")
    if not benchmark:
        return COMPOSITES.get(score, f"the score of {score}")
    words = {
        "volume": "the volume of changed answers",
        "direction": "the direction of changed answers",
        "net": "the net change",
    }
    where = "over all benchmarks" if benchmark == "composite" else f"on {benchmark}"
    return f"{words.get(part, part)} {where}"


def _zone_words(relation: Relation) -> str:
    if relation.zone.name == FULL:
        return "all candidates"
    n = len(relation.members)
    is_whole = n > 2 and not any("left out" in text for text in relation.cautions)
    half = f"{n} candidates" if is_whole else "half of the candidates"
    nearest = f"the {half} nearest to the reference by {metric_words(relation.metric)}"
    words = {
        "equivalence": "the candidates shown equivalent to the reference",
        "band": "the candidates whose composite is near the reference's",
        "fidelity": nearest,
    }
    return words[relation.zone.name]
