"""The built-in set ``instructions``: small writing tasks with one to three verifiable rules.

Every item is made here, in our own words; nothing is read. The set is the same everywhere: its
seed is part of it, and the study's seed only draws from it.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.built_in import BuiltIn
from silentzone.benchmarks.rules.instruction_rules import INSTRUCTION_RULES
from silentzone.benchmarks.rules.instructions import check_instructions_gold
from silentzone.benchmarks.sets.instruction_topics import TOPICS, Topic
from silentzone.errors import BenchmarkError
from silentzone.records.items import GeneratedItem, Gold

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.benchmarks.built_in import Draw

    Made = tuple[dict[str, Any], str]
    """Settings of a rule, and the sentence that asks for it."""

_SEED = 20261126
ITEMS_OF_A_RULE = 10
_MOST_TRIES = 100
_END_PHRASES = ("That is all for today.", "Tell me what you think.", "More on this next week.")
_LANGUAGES = {"de": "German", "es": "Spanish", "fr": "French", "it": "Italian", "pt": "Portuguese"}
_QUESTIONS = (
    "Is the sea deeper than a pond?", "Can a stone float on water?", "Will it rain here tomorrow?",
    "Is seven an odd number?", "Do fish sleep?", "Is a tomato heavier than an apple?",
    "Can you hear a sound in empty space?", "Is the moon larger than the earth?",
    "Is there life on another planet?", "Does wood burn?",
)  # fmt: skip


def _counted(rng: random.Random, counts: tuple[int, ...]) -> tuple[str, int, str]:
    """Draw a relation and a number, and give both in words."""
    relation, number = rng.choice(("at least", "less than")), rng.choice(counts)
    words = "at least" if relation == "at least" else "fewer than"
    return relation, number, f"{words} {number}"


def _keywords(rng: random.Random, topic: Topic) -> Made:
    words = topic.words if rng.random() < 0.7 else topic.words[:1]
    named = " and ".join(f'"{word}"' for word in words)
    return {"keywords": list(words)}, f"Somewhere in the text, use {named}."


def _frequency(rng: random.Random, topic: Topic) -> Made:
    relation, number, words = _counted(rng, (2, 3))
    word = rng.choice(topic.words)
    return (
        {"keyword": word, "frequency": number, "relation": relation},
        f'Let the word "{word}" occur {words} times.',
    )


def _forbidden(rng: random.Random, topic: Topic) -> Made:
    words = topic.avoidable if rng.random() < 0.7 else topic.avoidable[:1]
    named = " or ".join(f'"{word}"' for word in words)
    return {"forbidden_words": list(words)}, f"Do without {named}."


def _letters(rng: random.Random, _: Topic) -> Made:
    if rng.random() < 0.5:
        letter, number, relation, words = rng.choice("jqxz"), 2, "less than", "fewer than 2"
    else:
        letter, number, relation = rng.choice("bkpvw"), rng.choice((4, 6)), "at least"
        words = f"at least {number}"
    return (
        {"letter": letter, "let_frequency": number, "let_relation": relation},
        f'Write the letter "{letter}" {words} times in all.',
    )


def _language(rng: random.Random, _: Topic) -> Made:
    code = rng.choice(sorted(_LANGUAGES))
    return {"language": code}, f"Write in {_LANGUAGES[code]} and in no other language."


def _sentences(rng: random.Random, _: Topic) -> Made:
    relation, number, words = _counted(rng, (4, 5, 6))
    return {"num_sentences": number, "relation": relation}, f"Write {words} sentences."


def _words(rng: random.Random, _: Topic) -> Made:
    relation, number, words = _counted(rng, (50, 70, 90))
    return {"num_words": number, "relation": relation}, f"The text must have {words} words."


def _paragraphs(rng: random.Random, _: Topic) -> Made:
    number = rng.choice((2, 3))
    return (
        {"num_paragraphs": number},
        f"Write {number} paragraphs, with a line of three asterisks (***) between one and the"
        " next and nowhere else.",
    )


def _nth_paragraph(rng: random.Random, topic: Topic) -> Made:
    number = rng.choice((2, 3))
    nth = rng.randint(1, number)
    return (
        {"num_paragraphs": number, "nth_paragraph": nth, "first_word": topic.first_word},
        f"Write {number} paragraphs, with one empty line between one and the next and nowhere"
        f' else. Paragraph {nth} has "{topic.first_word}" as its first word.',
    )


def _placeholders(rng: random.Random, _: Topic) -> Made:
    number = rng.choice((2, 3))
    return (
        {"num_placeholders": number},
        f"Leave at least {number} gaps to be filled in later, each named in square brackets, as in"
        " [date].",
    )


def _postscript(rng: random.Random, _: Topic) -> Made:
    marker = rng.choice(("P.S.", "P.P.S"))
    return {"postscript_marker": marker}, f'Add a postscript with "{marker}" in front of it.'


def _bullets(rng: random.Random, _: Topic) -> Made:
    number = rng.choice((3, 4, 5))
    return (
        {"num_bullets": number},
        f"Include a list of exactly {number} points, each on a line that begins with an asterisk"
        " and a space.",
    )


def _highlights(rng: random.Random, _: Topic) -> Made:
    number = rng.choice((2, 3))
    return (
        {"num_highlights": number},
        f"Emphasize at least {number} phrases with asterisks around them, as in *this phrase*.",
    )


def _sections(rng: random.Random, _: Topic) -> Made:
    number, name = rng.choice((2, 3)), rng.choice(("Section", "Part", "SECTION"))
    return (
        {"section_spliter": name, "num_sections": number},
        f"Divide the text into {number} sections that are headed {name} 1, {name} 2 and so on.",
    )


def _end(rng: random.Random, _: Topic) -> Made:
    phrase = rng.choice(_END_PHRASES)
    return {"end_phrase": phrase}, f'The last words must be: "{phrase}" Nothing comes after them.'


def _capital_words(rng: random.Random, _: Topic) -> Made:
    number = rng.choice((3, 4))
    return (
        {"capital_frequency": number, "capital_relation": "at least"},
        f"Put at least {number} words in CAPITALS, every letter of them.",
    )


def _plain(*wordings: str) -> Callable[[random.Random, Topic], Made]:
    return lambda rng, _: ({}, rng.choice(wordings))


_MAKERS: dict[str, Callable[[random.Random, Topic], Made]] = {
    "keywords:existence": _keywords,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _forbidden,
    "keywords:letter_frequency": _letters,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _words,
    "length_constraints:nth_paragraph_first_word": _nth_paragraph,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _plain(
        "Give the whole answer as one JSON object.", "Answer with valid JSON and nothing else."
    ),
    "detectable_format:title": _plain(
        "Give the text a title in double angle brackets, as in <<My title>>.",
        "Begin with a headline written like <<this>>.",
    ),
    "combination:two_responses": _plain(
        "Write two versions that differ, with ****** (six asterisks) between them.",
        "Offer two different texts and part them by six asterisks: ******",
    ),
    "startend:end_checker": _end,
    "startend:quotation": _plain(
        "Put double quotation marks around the whole answer.",
        "The very first and the very last character must be a double quotation mark.",
    ),
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _plain(
        "Write in English, in capital letters throughout.",
        "Use English and no small letters at all.",
    ),
    "change_case:english_lowercase": _plain(
        "Write in English, in small letters throughout.", "Use English and no capital letters."
    ),
    "punctuation:no_comma": _plain("Do not use a single comma.", "Manage without commas."),
}
_WORD_RULES = ("keywords:existence", "keywords:forbidden_words", "punctuation:no_comma")
_ANYWHERE = (
    *_WORD_RULES,
    "length_constraints:number_words",
    "detectable_content:number_placeholders",
    "detectable_content:postscript",
    "detectable_format:number_bullet_lists",
    "detectable_format:number_highlighted_sections",
    "detectable_format:title",
    "startend:end_checker",
)
_COMPANIONS = {
    "language:response_language": ("length_constraints:number_words",),
    "length_constraints:number_paragraphs": _WORD_RULES,
    "length_constraints:nth_paragraph_first_word": _WORD_RULES,
    "detectable_format:multiple_sections": (*_WORD_RULES, "detectable_format:title"),
    "detectable_format:json_format": _WORD_RULES[:2],
    "detectable_format:constrained_response": _WORD_RULES[2:],
    "combination:two_responses": _WORD_RULES,
    "combination:repeat_prompt": ("startend:end_checker", "length_constraints:number_words"),
    "startend:quotation": (*_WORD_RULES, "length_constraints:number_words"),
    "change_case:english_capital": (*_WORD_RULES, "length_constraints:number_words"),
    "change_case:english_lowercase": (*_WORD_RULES, "length_constraints:number_words"),
}
"""What may be asked beside a rule that shapes the whole answer; beside others, `_ANYWHERE`."""


def make_instruction_items() -> tuple[GeneratedItem, ...]:
    """Make the whole set: ten items led by each rule, which is their cluster.

    Raises
    ------
    BenchmarkError
        If an item were impossible, or asked twice.
    """
    items: dict[str, GeneratedItem] = {}
    for rule in INSTRUCTION_RULES:
        rng = random.Random(f"{_SEED} {rule}")  # noqa: S311 - no secret
        made = 0
        for _ in range(_MOST_TRIES):
            item = _make(rule, rng, len(items) + 1)
            if item.asked not in items:
                items[item.asked] = item
                made += 1
            if made == ITEMS_OF_A_RULE:
                break
        else:
            raise BenchmarkError(f"set `instructions` has too few different items of `{rule}`")
    return tuple(items.values())


def _make(rule: str, rng: random.Random, number: int) -> GeneratedItem:
    topic = rng.choice(TOPICS)
    allowed = [other for other in _COMPANIONS.get(rule, _ANYWHERE) if other != rule]
    companions = rng.sample(allowed, min(rng.choice((0, 1, 1, 2)), len(allowed)))
    instructions, sentences = [], []
    for one in companions:
        settings, sentence = _MAKERS[one](rng, topic)
        instructions.append({"id": one, "kwargs": settings})
        sentences.append(sentence)
    leading, text = _lead(rule, rng, topic, sentences)
    value = json.dumps([leading, *instructions], ensure_ascii=True, sort_keys=True)
    item_id = f"instructions-{number:03d}"
    check_instructions_gold(value, item_id)
    return GeneratedItem(
        item_id=item_id,
        prompt=None,
        messages=(("user", text),),
        gold=Gold(rule="instructions", value=value),
        cluster_id=rule,
    )


def _lead(
    rule: str, rng: random.Random, topic: Topic, others: list[str]
) -> tuple[dict[str, Any], str]:
    """Give the leading instruction and all that is asked; its sentence stands at a random place."""
    task = topic.task
    if rule == "combination:repeat_prompt":
        whole = " ".join((task, *others))
        request = (
            "Before you answer, copy the request above word for word, without anything in front of"
            " it. This paragraph is not part of the request."
        )
        return {"id": rule, "kwargs": {"prompt_to_repeat": whole}}, f"{whole}\n\n{request}"
    if rule == "detectable_format:constrained_response":
        task = rng.choice(_QUESTIONS)
        settings: dict[str, Any] = {}
        sentence = (
            'Choose one of these answers and write it as it stands: "My answer is yes.", "My answer'
            ' is no.", "My answer is maybe."'
        )
    else:
        settings, sentence = _MAKERS[rule](rng, topic)
    place = rng.randint(0, len(others))
    sentences = [*others[:place], sentence, *others[place:]]
    return {"id": rule, "kwargs": settings}, " ".join((task, *sentences))


def _read(_: Draw) -> tuple[tuple[GeneratedItem, ...], int]:
    return make_instruction_items(), 0


INSTRUCTIONS = BuiltIn(
    name="instructions",
    kind="generate",
    description="short texts to be written by verifiable rules, those of IFEval; all rules of an"
    " item must be followed",
    licence="Apache-2.0",
    source="made by silentzone",
    asset=None,
    read=_read,
    item_count=250,
    generation={"max_tokens": 512},
)
