"""What the items of the built-in set ``instructions`` are about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A small task, words that belong to it, and words an answer can do without."""

    task: str
    words: tuple[str, ...]
    avoidable: tuple[str, ...]
    first_word: str
    """Could begin any paragraph about it."""


TOPICS = (
    Topic("Explain how bees make honey.", ("nectar", "hive"), ("sweet", "busy"), "bees"),
    Topic("Describe a walk along a river in autumn.", ("leaves", "water"), ("cold", "path"), "the"),
    Topic("Give advice to somebody who moves to a new town.", ("neighbors", "map"),
          ("lonely", "easy"), "when"),
    Topic("Write a short review of a small bakery.", ("bread", "counter"),
          ("delicious", "cozy"), "this"),
    Topic("Explain why the sky looks blue.", ("light", "air"), ("ocean", "magic"), "light"),
    Topic("Describe how to repair a flat bicycle tire.", ("patch", "pump"), ("simple", "shop"),
          "first"),
    Topic("Write a message to a friend who passed an exam.", ("proud", "work"),
          ("luck", "finally"), "you"),
    Topic("Explain what a library is for.", ("books", "quiet"), ("free", "old"), "a"),
    Topic("Describe the work of a lighthouse keeper.", ("lamp", "ships"), ("lonely", "storm"),
          "every"),
    Topic("Tell a short story about a lost key.", ("door", "pocket"), ("suddenly", "dark"), "one"),
    Topic("Explain how to plan a weekly menu.", ("list", "vegetables"), ("cheap", "diet"), "start"),
    Topic("Describe a train station early in the morning.", ("platform", "coffee"),
          ("crowd", "noisy"), "at"),
    Topic("Explain why we sleep.", ("brain", "rest"), ("dream", "tired"), "sleep"),
    Topic("Write a notice about a street party.", ("music", "tables"), ("fun", "loud"), "on"),
    Topic("Compare a letter and an e-mail.", ("paper", "speed"), ("modern", "personal"), "both"),
    Topic("Describe how a seed becomes a plant.", ("soil", "roots"), ("tiny", "magic"), "a"),
    Topic("Explain what makes a good map.", ("scale", "symbols"), ("beautiful", "phone"), "good"),
    Topic("Write about a day at a small museum.", ("painting", "guide"), ("boring", "famous"),
          "the"),
    Topic("Explain how to learn a song by heart.", ("melody", "repeat"), ("talent", "quickly"),
          "listen"),
    Topic("Describe a bridge to somebody who never saw one.", ("river", "stone"),
          ("huge", "amazing"), "imagine"),
    Topic("Explain why ice floats on water.", ("density", "crystal"), ("strange", "ship"), "ice"),
    Topic("Write a polite complaint about a late parcel.", ("order", "refund"),
          ("angry", "terrible"), "my"),
    Topic("Describe the first snow of a winter.", ("roof", "silence"), ("white", "magic"), "snow"),
    Topic("Explain how a market sets a price.", ("supply", "buyers"), ("greedy", "fair"), "prices"),
    Topic("Give tips for taking good photographs.", ("light", "frame"), ("expensive", "perfect"),
          "look"),
    Topic("Describe a shared kitchen and its rules.", ("dishes", "shelf"), ("dirty", "never"),
          "our"),
    Topic("Explain what a compass shows.", ("needle", "north"), ("lost", "always"), "a"),
    Topic("Write about an old tree in a school yard.", ("branches", "shade"), ("sad", "huge"),
          "the"),
    Topic("Explain how to prepare for a job interview.", ("questions", "company"),
          ("nervous", "suit"), "before"),
    Topic("Describe how to make a simple vegetable soup.", ("carrots", "pot"), ("tasty", "salty"),
          "cut"),
)  # fmt: skip
