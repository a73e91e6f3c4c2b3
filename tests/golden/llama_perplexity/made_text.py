"""A text of the size of eight windows, made from templates: the same bytes on every machine.

Run as a program it writes the text: ``python made_text.py FILE``.
"""

from __future__ import annotations

import sys
from pathlib import Path

SEED = 20
CHARACTERS = 20_000
"""SmolLM2's tokenizer makes 8.2 windows of 512 tokens of this many."""

_WORDS = {
    "person": "farmer teacher sailor doctor student baker lawyer singer soldier painter judge "
    "merchant neighbour traveller writer miner nurse gardener clerk engineer",
    "people": "children villagers visitors workers soldiers students fishermen scholars settlers "
    "merchants pilots engineers readers citizens",
    "place": "village harbour market library forest valley station school river bridge castle "
    "garden museum island mountain town factory church desert coast",
    "thing": "letter map lamp boat clock wagon book mirror basket hammer painting coat bell "
    "machine ladder violin telescope key bottle wheel",
    "many": "apples letters horses ships stones candles coins flowers books sheep barrels tools "
    "houses windows songs trees",
    "trait": "old quiet small heavy bright cold narrow green famous empty broken wooden distant "
    "strange simple large early dark northern beautiful",
    "manner": "slowly quietly carefully quickly gladly suddenly proudly calmly secretly twice",
    "past": "found sold painted repaired carried lost borrowed described measured opened hid "
    "bought cleaned photographed returned built",
    "went": "walked sailed ran travelled returned hurried moved rode wandered drove",
    "thought": "believed remembered hoped feared knew explained said insisted discovered agreed",
    "when": "morning evening winter summer storm war harvest night spring festival",
    "science": "water iron light sound copper heat salt glass electricity oxygen steam carbon",
    "effect": "expands slowly|cools quickly|becomes brittle|changes colour|loses its strength|"
    "moves upward|reflects the light|dissolves in acid|carries more energy|turns into vapour",
    "reason": "the weather had changed|the road was closed|nobody had any money|it was too late|"
    "the ship had not arrived|the doctor advised it|the roof was leaking|they were hungry|"
    "the king had ordered it|there was no other way",
    "number": "two three four five six seven eight nine ten twelve twenty thirty forty hundred",
    "month": "January February March April May June July August September October November",
    "name": "Anna Peter Maria Thomas Clara Henry Alice George Lucy Samuel Emma David Ruth Oliver",
    "town": "London Vienna Boston Cairo Lisbon Oslo Madrid Dublin Prague Athens Kyoto Naples",
}
_SLOTS = {kind: tuple(words.split("|" if "|" in words else None)) for kind, words in _WORDS.items()}
_TEMPLATES = (
    "The {trait} {thing} belonged to the {person} who lived near the {place}.",
    "In {month} the {people} {went} to the {place}, because {reason}.",
    "{name} {thought} that the {thing} was more {trait} than anyone had expected.",
    "When {science} is heated, it {effect}.",
    "After the {when}, {number} {people} {manner} left the {place}.",
    "{name} {past} a {trait} {thing} and gave it to the {person}.",
    "There were only {number} {many} in the {place}, and none of them was {trait}.",
    '"Why did you come to {town}?" asked the {person}.',
    '"I wanted to see the {trait} {place}," {name} answered {manner}.',
    "The {person} {past} the {thing} during the {when}, although {reason}.",
    "Most of the {people} in {town} {thought} that the {place} would be closed.",
    "If {science} {effect}, then the {thing} must be kept in a {trait} room.",
    "{name} was born in {town} and worked as a {person} for {number} years.",
    "The price of {many} rose in {month}, so the {people} bought {many} instead.",
    "Nobody knew who had {manner} taken the {thing} from the {place}.",
    "Every {when} {name} {went} from the {place} to the {place} to count the {many}.",
    "The museum in {town} shows {number} {many} and a {trait} {thing}.",
    "It was {name} who first {thought} that {science} {effect}.",
    "To repair a {thing}, you need a {thing}, some {science} and {number} {many}.",
    "The {people} were {trait} and tired, but the {person} {thought} they should stay.",
)


class _Draws:
    """Numbers that depend on nothing but the seed: Knuth's 64-bit linear congruences."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, bound: int) -> int:
        """Next number in 0 .. bound - 1."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 33) % bound

    def one_of(self, options: tuple[str, ...]) -> str:
        """One of the options."""
        return options[self.below(len(options))]


def made_text() -> str:
    """Give the text: ASCII, paragraphs of four to seven sentences, no newline at the end."""
    draws = _Draws(SEED)
    paragraphs: list[str] = []
    while sum(map(len, paragraphs)) < CHARACTERS:
        sentences = [_sentence(draws) for _ in range(4 + draws.below(4))]
        paragraphs.append(" ".join(sentences))
    return "\n\n".join(paragraphs)


def _sentence(draws: _Draws) -> str:
    before, *slots = draws.one_of(_TEMPLATES).split("{")
    parts = [before]
    for slot in slots:
        kind, after = slot.split("}")
        parts += [draws.one_of(_SLOTS[kind]), after]
    sentence = "".join(parts)
    return sentence[0].upper() + sentence[1:]


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(made_text().encode("ascii"))
