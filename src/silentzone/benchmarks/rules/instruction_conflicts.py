"""Instructions that no answer could follow together, where that can be seen beforehand."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.rules.instruction_rules import CONSTRAINED_ANSWERS, has_word
from silentzone.benchmarks.rules.instruction_text import word_count
from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENGLISH_ONLY = ("change_case:english_capital", "change_case:english_lowercase")
_COUNTED = {
    "length_constraints:number_sentences": ("num_sentences", "relation"),
    "length_constraints:number_words": ("num_words", "relation"),
    "change_case:capital_word_frequency": ("capital_frequency", "capital_relation"),
    "keywords:frequency": ("frequency", "relation"),
    "keywords:letter_frequency": ("let_frequency", "let_relation"),
}
_EXACT = {
    "length_constraints:number_paragraphs": "num_paragraphs",
    "detectable_format:number_bullet_lists": "num_bullets",
    "length_constraints:nth_paragraph_first_word": "num_paragraphs",
}
_BY_THEMSELVES = ("length_constraints:number_sentences", "length_constraints:number_words")
Instruction = dict[str, Any]


def refuse_conflicts(instructions: Sequence[Instruction], where: str) -> None:
    """Refuse instructions of which one rules out another, or that rule themselves out.

    Raises
    ------
    BenchmarkError
        Naming both. Not every contradiction can be seen: only what follows from the settings.
    """
    for one in instructions:
        _refuse_alone(one, where)
    _refuse_counts(instructions, where)
    for one in instructions:
        for other in instructions:
            reason = _conflict(one, other)
            if reason:
                raise BenchmarkError(
                    f"{where}: no answer can follow both `{one['id']}` and `{other['id']}`:"
                    f" {reason}"
                )


def least_tokens(instructions: Sequence[Instruction]) -> int:
    """Tokens that an answer needs at least: as many as the words it must have."""
    needed = [1]
    for one in instructions:
        given = one["kwargs"]
        if one["id"] == "length_constraints:number_words" and given["relation"] == "at least":
            needed.append(given["num_words"])
    return max(needed)


def _refuse_alone(one: Instruction, where: str) -> None:
    given = one["kwargs"]
    if one["id"] in _BY_THEMSELVES:
        threshold, relation = _threshold(one)
        if relation == "less than" and threshold == 1:
            raise BenchmarkError(
                f"{where}: no answer can follow `{one['id']}`: none has less than 1"
            )
    if (
        one["id"] == "length_constraints:nth_paragraph_first_word"
        and given["nth_paragraph"] > given["num_paragraphs"]
    ):
        raise BenchmarkError(
            f"{where}: no answer can follow `{one['id']}`: paragraph {given['nth_paragraph']}"
            f" of {given['num_paragraphs']}"
        )


def _threshold(one: Instruction) -> tuple[int, str]:
    threshold, relation = _COUNTED[one["id"]]
    return one["kwargs"][threshold], one["kwargs"][relation]


def _refuse_counts(instructions: Sequence[Instruction], where: str) -> None:
    """Refuse one thing that is to be counted both at least and fewer times, or twice exactly."""
    least: dict[tuple[str, str], int] = defaultdict(int)
    below: dict[tuple[str, str], int] = {}
    exact: dict[str, set[int]] = defaultdict(set)
    for one in instructions:
        name, given = one["id"], one["kwargs"]
        if name in _COUNTED:
            what = (name, str(given.get("keyword", given.get("letter", ""))).strip().lower())
            threshold, relation = _threshold(one)
            if relation == "at least":
                least[what] = max(least[what], threshold)
            else:
                below[what] = min(below.get(what, threshold), threshold)
        if name in _EXACT:
            exact[name].add(given[_EXACT[name]])
    for counted, limit in below.items():
        if least[counted] >= limit:
            raise BenchmarkError(
                f"{where}: no answer can follow `{counted[0]}`: at least {least[counted]} and less"
                f" than {limit}"
            )
    for name, counts in exact.items():
        if len(counts) > 1:
            raise BenchmarkError(
                f"{where}: no answer can follow `{name}`: {' and '.join(map(str, sorted(counts)))}"
            )


def _needed_texts(one: Instruction) -> tuple[str, ...]:
    """Texts that stand in every answer that follows the instruction; capitals may differ."""
    name, given = one["id"], one["kwargs"]
    if name == "keywords:existence":
        return tuple(given["keywords"])
    if name == "keywords:frequency" and given["relation"] == "at least":
        return (given["keyword"].strip(),)
    if name == "length_constraints:nth_paragraph_first_word":
        return (given["first_word"],)
    if name == "startend:end_checker":
        return (given["end_phrase"].strip(),)
    if name == "combination:repeat_prompt":
        return (given["prompt_to_repeat"].strip(),)
    return ()


def _conflict(one: Instruction, other: Instruction) -> str | None:
    """Say why the first rules out what the second needs, or nothing."""
    name, given = one["id"], one["kwargs"]
    needed = _needed_texts(other)
    if name == "keywords:forbidden_words":
        for word in given["forbidden_words"]:
            if any(has_word(text, word) for text in needed):
                return f"`{word[:100]}` is forbidden and must be there"
    if name == "punctuation:no_comma" and any("," in text for text in needed):
        return "what must be there has a comma"
    if name == "keywords:letter_frequency" and given["let_relation"] == "less than":
        letter = given["letter"].lower()
        if any(text.lower().count(letter) >= given["let_frequency"] for text in needed):
            return f"what must be there has too many of `{letter}`"
    if name == "length_constraints:number_words" and given["relation"] == "less than":
        limit = given["num_words"]
        if any(word_count(text) >= limit for text in needed):
            return "what must be there has too many words"
    return _case_conflict(name, other)


def _case_conflict(name: str, other: Instruction) -> str | None:
    """Say what stands against English in capitals, or in small letters, alone."""
    if name not in _ENGLISH_ONLY:
        return None
    other_name, given = other["id"], other["kwargs"]
    is_capital = name == "change_case:english_capital"
    reason = None
    if other_name in _ENGLISH_ONLY and other_name != name:
        reason = "capitals alone and small letters alone"
    elif other_name == "language:response_language" and given["language"] != "en":
        reason = f"English and `{given['language']}`"
    elif other_name == "detectable_format:constrained_response":
        reason = f"`{CONSTRAINED_ANSWERS[0]}` has both capitals and small letters"
    elif other_name == "detectable_format:multiple_sections":
        section = given["section_spliter"].strip()
        if section != (section.upper() if is_capital else section.lower()):
            reason = f"`{section[:100]}` is written otherwise"
    elif other_name == "change_case:capital_word_frequency" and not is_capital:
        reason = "words in capitals" if given["capital_relation"] == "at least" else None
    return reason
