"""Token windows of a corpus: which are taken, and which document each belongs to.

Shape letters: N tokens of the whole text, W windows taken, C tokens of a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import CorpusError, ShapeError
from silentzone.records.windows import WindowPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.corpora.text import Text

SELECTIONS = ("first", "spread")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """The windows of one corpus that are measured."""

    tokens: NDArray[np.int32]
    """Of shape (W, C)."""
    documents: NDArray[np.int32] | None
    """Of shape (W,): document of the first scored token; null where no documents are known."""
    indices: NDArray[np.int32]
    """Of shape (W,), increasing: which of the aligned windows of the text were taken."""
    plan: WindowPlan


def choose_windows(
    tokens: NDArray[np.int32],
    token_document: NDArray[np.int32] | None,
    *,
    context_length: int,
    windows: int | None,
    select: str,
    first_scored: int | None,
    add_bos: bool,
) -> Windows:
    """Windows of a text, cut where ``llama-perplexity`` cuts them.

    Window k holds the tokens ``k * context_length`` up to ``(k + 1) * context_length``, without
    overlap; what is left at the end is not used.

    Parameters
    ----------
    tokens : ndarray of shape (N,), int32
        The whole text as the tokenizer gives it, its BOS included if the vocabulary adds one.
    token_document : ndarray of shape (N,), int32, or None
        Document of each token, from `document_of_tokens`.
    context_length : int
        Tokens of a window, at least 3.
    windows : int or None
        How many windows; null takes all. A text with fewer gives what it has.
    select : {"first", "spread"}
        The first windows of the text, or windows evenly spread over it.
    first_scored : int or None
        First index whose logits count; null is ``context_length // 2``.
    add_bos : bool
        Whether the first token of a window is replaced by BOS when decoding.

    Returns
    -------
    Windows
        At least one window.

    Raises
    ------
    CorpusError
        If an option is impossible, or the text has fewer tokens than one window.
    ShapeError
        If ``tokens`` is not one-dimensional or ``token_document`` differs from it in shape.
    """
    if tokens.ndim != 1 or (token_document is not None and token_document.shape != tokens.shape):
        found = None if token_document is None else token_document.shape
        raise ShapeError(
            f"`tokens` and `token_document` must have one shape (N,); they have {tokens.shape}"
            f" and {found}"
        )
    plan = WindowPlan(
        context_length=context_length,
        first_scored=context_length // 2 if first_scored is None else first_scored,
        add_bos=add_bos,
    )
    _check_options(plan, windows, select)
    available = len(tokens) // context_length
    if available == 0:
        raise CorpusError(
            f"the text has {len(tokens)} tokens; one window needs {context_length}",
            hint="use a longer text or a shorter `context_length`",
        )
    taken = available if windows is None else min(windows, available)
    if select == "first":
        indices = np.arange(taken)
    else:
        indices = (2 * np.arange(taken) + 1) * available // (2 * taken)
    starts = indices * context_length
    positions = starts[:, None] + np.arange(context_length)
    documents = None
    if token_document is not None:
        documents = token_document[starts + plan.first_scored + 1].astype(np.int32)
    return Windows(
        tokens=tokens[positions].astype(np.int32),
        documents=documents,
        indices=indices.astype(np.int32),
        plan=plan,
    )


def document_of_tokens(
    token_bytes: Sequence[bytes], text: Text
) -> tuple[NDArray[np.int32] | None, str | None]:
    """Document of every token, found by counting bytes.

    Parameters
    ----------
    token_bytes : sequence of bytes
        What each token of the whole text stands for; empty for BOS and other control tokens.
    text : Text
        The text that was tokenized.

    Returns
    -------
    documents : ndarray of shape (N,), int32, or None
        Index into ``text.document_starts``. A token across a boundary belongs to the document of
        its first byte, an empty one to the byte that follows it.
    reason : str or None
        Why there are no documents: the text knows none, or the tokens do not spell it.

    Notes
    -----
    One space before everything else is tolerated: SentencePiece vocabularies put it there.
    Tokens that spell another text (unknown characters, normalisation) would shift every later
    boundary, so nothing is mapped then.
    """
    if not text.document_starts:
        return None, "the text has no known documents"
    wanted = text.text.encode()
    spelled = b"".join(token_bytes)
    if spelled == wanted:
        marker = 0
    elif spelled == b" " + wanted:
        marker = 1
    else:
        return None, (
            f"the tokens spell {len(spelled)} bytes that are not the text's {len(wanted)} bytes"
        )
    ends = np.cumsum([len(piece) for piece in token_bytes], dtype=np.int64)
    firsts = np.concatenate(([0], ends[:-1])) - marker
    boundaries = np.asarray(text.document_byte_starts, dtype=np.int64)
    documents = np.searchsorted(boundaries, np.maximum(firsts, 0), side="right") - 1
    return documents.astype(np.int32), None


def _check_options(plan: WindowPlan, windows: int | None, select: str) -> None:
    if select not in SELECTIONS:
        raise CorpusError(f"`select` must be one of {', '.join(SELECTIONS)}; it is `{select}`")
    if plan.context_length < 3:
        raise CorpusError(f"`context_length` must be at least 3; it is {plan.context_length}")
    if windows is not None and windows < 1:
        raise CorpusError(f"`windows` must be at least 1; it is {windows}")
    if not 0 <= plan.first_scored <= plan.context_length - 2:
        raise CorpusError(
            f"`first_scored` must lie in 0..{plan.context_length - 2}; it is {plan.first_scored}"
        )
