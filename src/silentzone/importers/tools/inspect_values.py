"""What Inspect's scores mean as numbers, and which of a sample's scores is meant."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.json_documents import number_of
from silentzone.importers.problems import listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.importers.reading import ImportOptions

_LETTERS: Final = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS: Final = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


class ValueReader:
    """Reads the value of one scorer, or of one entry of it, and counts what it met."""

    def __init__(self, scorer: str, entry: str | None) -> None:
        self.scorer = scorer
        self.entry = entry
        self._name = shown(scorer)[1:-1]
        self._met: Counter[str] = Counter()

    def read(self, scores: Mapping[str, Any]) -> float | None:
        """Give a sample's score as the number that Inspect's own ``accuracy`` takes it for.

        Returns
        -------
        float or None
            Null where the sample has no score.

        Raises
        ------
        ValueError
            If the value has no number; the message is one for a person.
        """
        score = scores.get(self.scorer)
        value = score.get("value") if isinstance(score, dict) else None
        if value is not None and self.entry is not None:
            if not isinstance(value, dict):
                raise ValueError(f"`{self._name}` has no entries; it is {shown(value)}")
            value = value.get(self.entry)
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        return self._number(value)

    def note(self) -> str:
        """Say which values became which numbers."""
        counts = listed(f"{name} ({count})" for name, count in sorted(self._met.items()))
        entry = "" if self.entry is None else f", entry `{shown(self.entry)[1:-1]}`"
        return f"values of scorer `{self._name}`{entry} were read as: {counts}"

    def _number(self, value: object) -> float:
        if isinstance(value, bool):
            self._met[f"{str(value).lower()}={int(value)}"] += 1
            return float(value)
        if isinstance(value, str):
            # Inspect compares letters as they are and words in any case.
            number = _LETTERS.get(value, _WORDS.get(value.lower()))
            if number is not None:
                self._met[f"{value}={number:g}"] += 1
                return number
            with contextlib.suppress(ValueError):
                value = float(value) if value.isascii() else value
        number = number_of(value, self._name)
        self._met["numbers as they are"] += 1
        return number


def choose_value(
    name: str, samples_scores: Sequence[Mapping[str, Any]], options: ImportOptions
) -> ValueReader:
    """Decide which scorer and which entry of its value is the score.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    samples_scores : sequence of mapping
        Scores of samples by scorer.
    options : ImportOptions
        ``filter`` names a scorer, ``metric`` an entry of its value.

    Raises
    ------
    TableError
        If what is asked for is not there, or several are and none is asked for.
    """
    scorers = list(dict.fromkeys(scorer for scores in samples_scores for scorer in scores))
    if not scorers:
        raise TableError(f"`{name}` has no scored sample", hint="score it first: `inspect score`")
    scorer = _one_of(name, "scorers", scorers, options.filter, "--filter")
    values = [
        scores[scorer].get("value")
        for scores in samples_scores
        if isinstance(scores.get(scorer), dict)
    ]
    entries = list(
        dict.fromkeys(str(entry) for value in values if isinstance(value, dict) for entry in value)
    )
    if not entries:
        if options.metric is not None:
            raise TableError(f"scorer {shown(scorer)} of `{name}` gives one value, without entries")
        return ValueReader(scorer, None)
    what = f"entries in the values of scorer {shown(scorer)}"
    return ValueReader(scorer, _one_of(name, what, entries, options.metric, "--metric"))


def _one_of(name: str, what: str, found: list[str], asked: str | None, option: str) -> str:
    there = listed(f"`{shown(one)[1:-1]}`" for one in found)
    if asked is not None:
        if asked not in found:
            raise TableError(f"`{name}` has no `{asked}` among its {what}; it has {there}")
        return asked
    if len(found) > 1:
        raise TableError(
            f"`{name}` has {len(found)} {what}: {there}", hint=f"name the one that counts: {option}"
        )
    return found[0]
