"""Prompt and choice as token ids, split where lm-evaluation-harness splits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from silentzone.records.items import ChoiceItem

    Tokenize = Callable[[str], "Sequence[int] | NDArray[np.int32]"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenPair:
    """The tokens of one prompt and one choice."""

    status: str
    """``ok``, ``empty_prompt`` or ``empty_continuation``."""
    prompt: NDArray[np.int32]
    continuation: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenItem:
    """The tokens of one item: a shared prompt and a continuation per choice."""

    status: str
    """``ok``, ``empty_prompt``, ``empty_continuation`` or ``too_long``."""
    prompt: NDArray[np.int32]
    continuations: tuple[NDArray[np.int32], ...]


def split_pair(tokenize: Tokenize, prompt: str, choice: str) -> TokenPair:
    """Tokens of a prompt, and those of a choice as it reads after the prompt.

    Parameters
    ----------
    tokenize : callable
        Text to token ids, with BOS if the vocabulary adds it.
    prompt, choice : str
        The text scored is ``prompt + choice``.

    Returns
    -------
    TokenPair
        White space at the prompt's end is moved to the choice, because vocabularies join it to
        the word that follows. The continuation is what the tokens of the whole have beyond the
        prompt's own count.

    Notes
    -----
    Where a token of the whole crosses the boundary, prompt and continuation together are not the
    tokens of the whole; lm-evaluation-harness scores the same pair.

    References
    ----------
    .. [1] lm-evaluation-harness 0.4.13, ``lm_eval/api/model.py``, ``TemplateLM._encode_pair``.
    """
    kept = prompt.rstrip()
    head = np.asarray(tokenize(kept), dtype=np.int32)
    whole = np.asarray(tokenize(prompt + choice), dtype=np.int32)
    tail = whole[len(head) :]
    if len(head) == 0:
        status = "empty_prompt"
    elif len(tail) == 0:
        status = "empty_continuation"
    else:
        status = "ok"
    return TokenPair(status=status, prompt=head, continuation=tail)


def tokenize_item(tokenize: Tokenize, item: ChoiceItem, *, context_length: int) -> TokenItem:
    """Tokens of all choices of one item, and whether it can be scored.

    Parameters
    ----------
    tokenize : callable
        Text to token ids, with BOS if the vocabulary adds it.
    item : ChoiceItem
        The question.
    context_length : int
        Tokens the engine can hold.

    Returns
    -------
    TokenItem
        ``too_long`` where prompt and some choice together exceed the context: cutting the prompt
        would ask another question.
    """
    pairs = [split_pair(tokenize, item.prompt, choice) for choice in item.choices]
    prompt = pairs[0].prompt
    statuses = [pair.status for pair in pairs if pair.status != "ok"]
    if statuses:
        status = statuses[0]
    elif any(len(prompt) + len(pair.continuation) > context_length for pair in pairs):
        status = "too_long"
    else:
        status = "ok"
    return TokenItem(
        status=status, prompt=prompt, continuations=tuple(pair.continuation for pair in pairs)
    )
