"""Answers judged by reasoning-gym's own scorers, and the generators they belong to.

The package is optional and is imported when a set is loaded. Its scorers are called, never copied;
those that evaluate what a model wrote, or the gold, as code are none of the table.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import importlib.metadata
import io
import json
import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "0.1.25"
"""The version the table is made for; the extra pins it."""
RULE = "reasoning_gym"
_OPEN, _CLOSE = "<answer>", "</answer>"


@dataclass(frozen=True, slots=True)
class Generator:
    """One generator of reasoning-gym as it is asked here."""

    name: str
    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Where they are not the generator's own."""
    chance: float = 0.0
    """Expected score of guessing."""


GENERATORS = {
    generator.name: generator
    for generator in (
        Generator("chain_sum", "sums and differences of two to six whole numbers"),
        Generator("basic_arithmetic", "arithmetic with parentheses; division without a rest"),
        Generator("simple_equations", "one linear equation to be solved"),
        Generator("leg_counting", "legs of several animals in all"),
        Generator("number_sequence", "the next number of a sequence"),
        # The scorer of recurring events gives wrong answers more than 1 where the gold is -1.
        Generator(
            "calendar_arithmetic",
            "weekdays, leap years, days between two dates",
            {
                "tasks": [
                    "weekday_offset", "weekday_of_date", "weekday_of_date_from_first_date",
                    "count_days", "count_business_days", "is_leap_year",
                ]
            },
        ),
        Generator("letter_counting", "how often a letter occurs in a text"),
        Generator("spell_backward", "a word from its last letter to its first"),
        Generator("word_sorting", "words in the order of their characters"),
        Generator("knights_knaves", "who tells the truth, who lies"),
        Generator("syllogism", "does a conclusion follow; yes or no", chance=0.5),
        Generator("family_relationships", "how two members of a family are related"),
    )
}  # fmt: skip
"""Cheap ones that suit small models, whose entries JSON can hold and whose scorers run no code."""


def _package() -> Any:  # noqa: ANN401 - a module without types
    """Import reasoning-gym.

    Raises
    ------
    MissingExtraError
        If it, or this version of it, is not installed.
    """
    hint = 'pip install "silentzone[reasoning-gym]"; in a checkout: make setup-test'
    try:
        installed = importlib.metadata.version("reasoning-gym")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            package = importlib.import_module("reasoning_gym")
    except ImportError as error:
        raise MissingExtraError(
            f"this benchmark needs `{error.name or 'reasoning-gym'}`, which is not installed",
            hint=hint,
        ) from error
    if installed != VERSION:
        raise MissingExtraError(
            f"this benchmark needs reasoning-gym {VERSION}; {installed} is installed", hint=hint
        )
    return package


def make_dataset(generator: Generator, size: int, seed: int) -> Any:  # noqa: ANN401 - of the package
    """Let the package make entries.

    Raises
    ------
    MissingExtraError
        If it, or this version of it, is not installed.
    """
    return _package().create_dataset(generator.name, size=size, seed=seed, **generator.settings)


@functools.cache
def _scorer(name: str) -> Any:  # noqa: ANN401 - of the package
    return make_dataset(GENERATORS[name], 1, 0)


def warm_up() -> None:
    """Import the package and make the scorers, before the first answer waits for them.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    for name in GENERATORS:
        _scorer(name)


def extract_answer(text: str) -> str | None:
    """Text between the last pair of answer tags, white space around it removed; null without one.

    Examples
    --------
    >>> extract_answer("<answer>3</answer> or rather <answer> 4 </answer>.")
    '4'
    """
    end = text.rfind(_CLOSE)
    start = text.rfind(_OPEN, 0, end) if end >= 0 else -1
    return text[start + len(_OPEN) : end].strip() if start >= 0 else None


def score_entry(generator: str, answer: str | None, entry: Mapping[str, Any]) -> float:
    """Score an answer by the generator's own scorer.

    Raises
    ------
    BenchmarkError
        If the scorer fails or gives no number in [0, 1].
    """
    scorer = _scorer(generator)
    try:
        # What a scorer prints would stand between the answers of this process.
        with contextlib.redirect_stdout(io.StringIO()):
            score = float(scorer.score_answer(answer=answer, entry=dict(entry)))
    except Exception as error:
        raise BenchmarkError(
            f"the scorer of `{generator}` failed: {type(error).__name__}: {error}"[:500]
        ) from error
    # A scorer adds up shares of a word, so a whole may be a little more than 1.
    if not (math.isfinite(score) and -1e-9 <= score <= 1.0 + 1e-9):
        raise BenchmarkError(f"the scorer of `{generator}` gave {score}, not a number in 0..1")
    return min(max(score, 0.0), 1.0)


def check_answer(payload: dict[str, Any]) -> dict[str, Any]:
    """Checker of the rule ``reasoning_gym``: an answer without tags is no answer."""
    gold = json.loads(payload["value"])
    answer = extract_answer(payload["text"])
    if answer is None:
        return {"prediction": None, "score": 0.0}
    return {
        "prediction": answer,
        "score": score_entry(gold["generator"], answer, gold["entry"]),
    }


def check_entry_gold(value: str, where: str) -> None:
    """Refuse an entry whose own answer its scorer does not take for right.

    Parameters
    ----------
    value : str
        JSON of ``generator``, a name of `GENERATORS`, and ``entry``: question, answer, metadata.
    where : str
        The item, for the message.

    Raises
    ------
    BenchmarkError
        Saying what is wrong.
    MissingExtraError
        If reasoning-gym is not installed.
    """
    try:
        gold = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{where}: `{RULE}` is not JSON: {error}") from error
    if not isinstance(gold, dict) or set(gold) != {"generator", "entry"}:
        raise BenchmarkError(f"{where}: `{RULE}` must be an object of `generator` and `entry`")
    name, entry = gold["generator"], gold["entry"]
    if not isinstance(name, str) or name not in GENERATORS:
        close = difflib.get_close_matches(str(name), GENERATORS, n=1)
        raise BenchmarkError(
            f"{where}: there is no generator `{str(name)[:100]}` in `{RULE}`"
            + (f"; did you mean `{close[0]}`?" if close else ""),
            hint=f"known generators: {', '.join(GENERATORS)}",
        )
    kinds = {"question": str, "answer": str, "metadata": dict}
    if not isinstance(entry, dict) or any(
        not isinstance(entry.get(key), kind) for key, kind in kinds.items()
    ):
        raise BenchmarkError(
            f"{where}: `entry` must have the texts `question` and `answer` and the object"
            " `metadata`"
        )
    try:
        score = score_entry(name, entry["answer"], entry)
    except BenchmarkError as error:
        raise BenchmarkError(f"{where}: {error.message}") from error
    if score != 1.0:
        raise BenchmarkError(
            f"{where}: the scorer of `{name}` gives the entry's own answer {score:g} instead of 1"
        )
