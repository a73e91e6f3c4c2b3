"""Whether a metric follows how much changed, which way it changed, or what is left of both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, interval_as_json
from silentzone.analysis.fidelity import measured_words
from silentzone.analysis.verdicts import INFORMATIVE, SILENT, verdict_word
from silentzone.analysis.zones import FULL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.relations import Relation
    from silentzone.records.config import AuditEntry

PARTS = ("volume", "direction", "net")
FOLLOWS, DOES_NOT, CANNOT_TELL = "follows", "does not follow", "cannot tell"
STRICTER = 5
"""Three verdicts are claimed at once, one of them to be none: each is held to a smaller alpha."""
_WORDS = {INFORMATIVE: FOLLOWS, SILENT: DOES_NOT}


def volume_direction(
    relations: Mapping[str, Relation], score: str, rule: AuditEntry
) -> JsonObject | None:
    """One metric in one zone against volume, direction and net; null where a part is missing.

    Parameters
    ----------
    relations : mapping of str to Relation
        By part.
    score : str
        The benchmark, or the composite, that the parts belong to.
    rule : AuditEntry
    """
    if any(part not in relations for part in PARTS):
        return None
    words = {part: _word(relations[part], rule) for part in PARTS}
    first = relations["volume"]
    return {
        "corpus": first.corpus,
        "metric": first.metric,
        "score": score,
        "zone": first.zone.name,
        "n": len(first.members),
        "parts": [
            {
                "part": part,
                "spearman": one.correlation.value,
                "aligned": one.aligned,
                "interval": interval_as_json(one.correlation.interval),
                "attainable": one.attainable,
                "word": words[part],
            }
            for part, one in ((part, relations[part]) for part in PARTS)
        ],
        "sentence": _sentence(relations, words, score, rule),
    }


def _word(relation: Relation, rule: AuditEntry) -> str:
    strict = replace(rule, alpha=rule.alpha / STRICTER)
    return _WORDS.get(verdict_word(relation, strict), CANNOT_TELL)


def _sentence(
    relations: Mapping[str, Relation], words: Mapping[str, str], score: str, rule: AuditEntry
) -> str:
    first = relations["volume"]
    where = "Over the whole cohort" if first.zone.name == FULL else f"In the {first.zone.name} zone"
    what = "" if score == "composite" else f" on {score}"
    if first.correlation.value is None:
        why = "; ".join(first.correlation.cautions)
        return f"{where} nothing can be said of volume and direction{what}: {why}."
    name = measured_words(first.metric, first.corpus)
    said = _joined([f"{_verb(words[part])} {_part(relations[part], part)}" for part in PARTS])
    sentence = f"{where} ({len(first.members)} candidates) {name} {said}{what}."
    if words["volume"] == FOLLOWS and words["direction"] == DOES_NOT:
        if words["net"] == FOLLOWS:
            return (
                f"{sentence} The changes go about the same way whatever the metric says, so that "
                "more change is more loss."
            )
        return f"{sentence} It measures how much changed, not which way."
    if words["volume"] == FOLLOWS and words["direction"] == CANNOT_TELL:
        limit = relations["direction"].attainable
        if limit is not None and limit >= rule.attainable_from:
            return (
                f"{sentence} Whether it follows the direction cannot be told from these candidates."
            )
        known = "unknown or too low" if limit is None else f"about {limit:.2f}"
        return (
            f"{sentence} What these items could have shown of direction is {known}, so that it "
            "does not follow direction is not said."
        )
    return sentence


def _verb(word: str) -> str:
    return {FOLLOWS: "follows", DOES_NOT: "does not follow"}.get(word, "may or may not follow")


def _part(relation: Relation, part: str) -> str:
    aligned = relation.aligned
    if aligned is None:
        return f"the {part} (no rho)"
    limit = relation.attainable
    attainable = "unknown" if limit is None else f"{limit:.2f}"
    return f"the {part} (aligned rho {aligned:+.2f}, attainable {attainable})"


def _joined(texts: Sequence[str]) -> str:
    return ", ".join(texts[:-1]) + " and " + texts[-1]
