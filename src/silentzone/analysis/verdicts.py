"""The written rule that turns a relation into a word: informative, silent or cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.relations import Relation

INFORMATIVE, SILENT, CANNOT_TELL = "informative", "silent", "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRule:
    """Numbers of the rule, all on the aligned scale."""

    informative_from: float = 0.3
    attainable_from: float = 0.6
    alpha: float = 0.05


DEFAULT_RULE = VerdictRule()


def verdict(
    relation: Relation, *, expected_pvalue: float | None = None, rule: VerdictRule = DEFAULT_RULE
) -> JsonObject:
    """Verdict on one relation.

    Parameters
    ----------
    relation : Relation
    expected_pvalue : float, optional
        Largest probability, over the shapes fitted to the whole cohort, of a rho this low in this
        zone. Without it nothing is called silent.
    rule : VerdictRule
    """
    word, reasons = _judged(relation, expected_pvalue, rule)
    question = (
        f"Does {relation.metric} on {relation.corpus} rank {_score_words(relation.score)} "
        f"among {_zone_words(relation)}?"
    )
    return {
        "question": question,
        "metric": relation.metric,
        "corpus": relation.corpus,
        "score": relation.score,
        "zone": relation.zone,
        "verdict": word,
        "sentence": _sentence(relation, word, reasons),
        "reasons": reasons,
    }


def _judged(
    relation: Relation, expected_pvalue: float | None, rule: VerdictRule
) -> tuple[str, list[str]]:
    aligned, interval = relation.aligned, relation.aligned_interval
    if aligned is None:
        return CANNOT_TELL, list(relation.correlation.cautions)
    is_strong = aligned >= rule.informative_from
    if is_strong and interval is not None and interval[0] > 0.0:
        return INFORMATIVE, [
            f"aligned rho {aligned:+.2f} is at least {rule.informative_from:g} and its lower "
            f"bound {interval[0]:+.2f} is above zero"
        ]
    if is_strong:
        return CANNOT_TELL, [_strong_but_unsure(aligned, interval)]
    reasons = []
    if relation.attainable is None:
        reasons.append("the attainable |rho| is not known")
    elif relation.attainable < rule.attainable_from:
        reasons.append(
            f"noise alone limits |rho| to about {relation.attainable:.2f}, below "
            f"{rule.attainable_from:g}"
        )
    if expected_pvalue is None:
        reasons.append("the relation to expect in this zone is not simulated yet")
    elif expected_pvalue >= rule.alpha:
        reasons.append("rho is not below what the whole cohort's relation predicts here")
    if reasons:
        low = f"aligned rho {aligned:+.2f} is below {rule.informative_from:g}, but "
        return CANNOT_TELL, [low + reasons[0], *reasons[1:]]
    return SILENT, [
        f"aligned rho {aligned:+.2f} is below {rule.informative_from:g}, {relation.attainable:.2f} "
        f"was attainable, and every shape of the whole cohort's relation predicts more"
    ]


def _strong_but_unsure(aligned: float, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return f"aligned rho is {aligned:+.2f}, but so few candidates give no interval"
    return f"aligned rho is {aligned:+.2f}, but its interval reaches down to {interval[0]:+.2f}"


def _sentence(relation: Relation, word: str, reasons: list[str]) -> str:
    what = f"{relation.metric} on {relation.corpus}"
    score, zone = _score_words(relation.score), _zone_words(relation)
    if word == CANNOT_TELL:
        why = reasons[0] if reasons else "no relation could be computed"
        return f"Cannot tell whether {what} ranks {score} among {zone}: {why}."
    numbers = f"aligned rho {relation.aligned:+.2f}, n = {len(relation.members)}"
    if word == INFORMATIVE:
        return f"{_capital(what)} ranks {score} among {zone} ({numbers})."
    return f"{_capital(what)} does not rank {score} among {zone} ({numbers})."


def _score_words(score: str) -> str:
    part, _, benchmark = score.partition(":")
    if not benchmark:
        return "the composite score" if score == "composite" else f"the score of {score}"
    words = {
        "volume": "the volume of changed answers",
        "direction": "the direction of changed answers",
        "net": "the net change",
    }
    where = "over all benchmarks" if benchmark == "composite" else f"on {benchmark}"
    return f"{words.get(part, part)} {where}"


def _zone_words(relation: Relation) -> str:
    if relation.zone == "full":
        return "all candidates"
    nearest = f"the half of the candidates nearest to the reference by {relation.metric}"
    words = {
        "equivalence": "the candidates shown equivalent to the reference",
        "band": "the candidates whose composite is near the reference's",
        "fidelity": nearest,
    }
    return words.get(relation.zone, f"the candidates of the {relation.zone} zone")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if not text.startswith(("kld", "js", "ln", "top")) else text
