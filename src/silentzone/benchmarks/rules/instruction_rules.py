"""The rules of instruction following that can be verified in the text alone.

Names and settings are those of IFEval [1]_; what each asks is documented in ``docs/benchmarks.md``
with every place where it differs from the original.

References
----------
.. [1] Zhou et al., "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.rules import instruction_text as measured
from silentzone.benchmarks.rules.instruction_language import is_written_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RELATIONS = ("at least", "less than")
CONSTRAINED_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCES = ("```json", "```Json", "```JSON", "```")


@dataclass(frozen=True, slots=True)
class InstructionRule:
    """One rule: the settings it takes, each of which it needs, and when a text meets it."""

    settings: Mapping[str, str]
    """Name to kind: ``count``, ``relation``, ``text``, ``texts``, ``character``, ``language``."""
    is_met: Callable[[str, Mapping[str, Any]], bool]
    """``(text, settings)``."""


def _compared(count: int, relation: str, threshold: int) -> bool:
    return count < threshold if relation == "less than" else count >= threshold


def _has_keywords(text: str, given: Mapping[str, Any]) -> bool:
    folded = text.lower()
    return all(keyword.lower() in folded for keyword in given["keywords"])


def _keyword_frequency(text: str, given: Mapping[str, Any]) -> bool:
    count = text.lower().count(given["keyword"].strip().lower())
    return _compared(count, given["relation"], given["frequency"])


def has_word(text: str, word: str) -> bool:
    """Whether a word stands in a text by itself, capitals ignored."""
    pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
    return re.search(pattern, text, flags=re.IGNORECASE) is not None


def _has_no_forbidden_word(text: str, given: Mapping[str, Any]) -> bool:
    return not any(has_word(text, word) for word in given["forbidden_words"])


def _letter_frequency(text: str, given: Mapping[str, Any]) -> bool:
    count = text.lower().count(given["letter"].lower())
    return _compared(count, given["let_relation"], given["let_frequency"])


def _nth_first_word(text: str, given: Mapping[str, Any]) -> bool:
    count, word = measured.first_word_of_paragraph(text, given["nth_paragraph"])
    return bool(count == given["num_paragraphs"] and word == given["first_word"].lower())


def _postscript(text: str, given: Mapping[str, Any]) -> bool:
    marker = given["postscript_marker"].strip()
    if marker == "P.P.S":
        return re.search(r"p\.\s?p\.\s?s", text.lower()) is not None
    if marker == "P.S.":
        return re.search(r"p\.\s?s\.", text.lower()) is not None
    return marker.lower() in text.lower()


def _is_json(text: str, _: Mapping[str, Any]) -> bool:
    bare = text.strip()
    for fence in _FENCES:
        bare = bare.removeprefix(fence)
    try:
        json.loads(bare.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def _constrained(text: str, _: Mapping[str, Any]) -> bool:
    return any(answer in text for answer in CONSTRAINED_ANSWERS)


def _repeats(text: str, given: Mapping[str, Any]) -> bool:
    prompt: str = given["prompt_to_repeat"].strip().lower()
    return text.strip().lower().startswith(prompt)


def _ends(text: str, given: Mapping[str, Any]) -> bool:
    phrase: str = given["end_phrase"].strip().lower()
    return text.strip().strip('"').lower().endswith(phrase)


def _is_quoted(text: str, _: Mapping[str, Any]) -> bool:
    bare = text.strip()
    return len(bare) > 1 and bare[0] == bare[-1] == '"'


_NUMBER_RELATION = {"relation": "relation"}
INSTRUCTION_RULES: dict[str, InstructionRule] = {
    "keywords:existence": InstructionRule({"keywords": "texts"}, _has_keywords),
    "keywords:frequency": InstructionRule(
        {"keyword": "text", "frequency": "count", **_NUMBER_RELATION}, _keyword_frequency
    ),
    "keywords:forbidden_words": InstructionRule(
        {"forbidden_words": "texts"}, _has_no_forbidden_word
    ),
    "keywords:letter_frequency": InstructionRule(
        {"letter": "character", "let_frequency": "count", "let_relation": "relation"},
        _letter_frequency,
    ),
    "language:response_language": InstructionRule(
        {"language": "language"}, lambda text, given: is_written_in(text, given["language"])
    ),
    "length_constraints:number_sentences": InstructionRule(
        {"num_sentences": "count", **_NUMBER_RELATION},
        lambda text, given: _compared(
            measured.sentence_count(text), given["relation"], given["num_sentences"]
        ),
    ),
    "length_constraints:number_paragraphs": InstructionRule(
        {"num_paragraphs": "count"},
        lambda text, given: measured.divided_paragraphs(text) == given["num_paragraphs"],
    ),
    "length_constraints:number_words": InstructionRule(
        {"num_words": "count", **_NUMBER_RELATION},
        lambda text, given: _compared(
            measured.word_count(text), given["relation"], given["num_words"]
        ),
    ),
    "length_constraints:nth_paragraph_first_word": InstructionRule(
        {"num_paragraphs": "count", "nth_paragraph": "count", "first_word": "text"},
        _nth_first_word,
    ),
    "detectable_content:number_placeholders": InstructionRule(
        {"num_placeholders": "count"},
        lambda text, given: measured.placeholder_count(text) >= given["num_placeholders"],
    ),
    "detectable_content:postscript": InstructionRule({"postscript_marker": "text"}, _postscript),
    "detectable_format:number_bullet_lists": InstructionRule(
        {"num_bullets": "count"},
        lambda text, given: measured.bullet_count(text) == given["num_bullets"],
    ),
    "detectable_format:constrained_response": InstructionRule({}, _constrained),
    "detectable_format:number_highlighted_sections": InstructionRule(
        {"num_highlights": "count"},
        lambda text, given: measured.highlight_count(text) >= given["num_highlights"],
    ),
    "detectable_format:multiple_sections": InstructionRule(
        {"section_spliter": "text", "num_sections": "count"},
        lambda text, given: (
            measured.section_count(text, given["section_spliter"].strip()) >= given["num_sections"]
        ),
    ),
    "detectable_format:json_format": InstructionRule({}, _is_json),
    "detectable_format:title": InstructionRule({}, lambda text, _: measured.has_title(text)),
    "combination:two_responses": InstructionRule(
        {}, lambda text, _: measured.two_different_parts(text)
    ),
    "combination:repeat_prompt": InstructionRule({"prompt_to_repeat": "text"}, _repeats),
    "startend:end_checker": InstructionRule({"end_phrase": "text"}, _ends),
    "startend:quotation": InstructionRule({}, _is_quoted),
    "change_case:capital_word_frequency": InstructionRule(
        {"capital_frequency": "count", "capital_relation": "relation"},
        lambda text, given: _compared(
            measured.capital_word_count(text), given["capital_relation"], given["capital_frequency"]
        ),
    ),
    "change_case:english_capital": InstructionRule(
        {}, lambda text, _: text.isupper() and is_written_in(text, "en")
    ),
    "change_case:english_lowercase": InstructionRule(
        {}, lambda text, _: text.islower() and is_written_in(text, "en")
    ),
    "punctuation:no_comma": InstructionRule({}, lambda text, _: "," not in text),
}
"""By IFEval's ids."""
