"""The reference pass: final hidden states (or logits) of every scored position, stored once."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.corpora.text import load_text
from silentzone.corpora.windows import Windows, choose_windows, document_of_tokens
from silentzone.errors import CorpusError, NonFiniteLogitsError
from silentzone.measure.trace_rows import EngineRows, KeptRows, row_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend, WindowLogits
    from silentzone.measure.jobs import CorpusJob
    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import ModelRef
    from silentzone.records.parts import PartKey
    from silentzone.records.windows import WindowPlan
    from silentzone.store.folder import StudyFolder
    from silentzone.store.trace_writer import TraceWriter
    from silentzone.store.traces import ReferenceTrace

_CHECKED_WINDOWS = 4


def cut_corpus(backend: LogitBackend, corpus: CorpusJob) -> Windows:
    """Windows of a corpus by the model's own tokenizer.

    Raises
    ------
    CorpusError
        If the text changed since the study began, or is too short.
    """
    text = load_text(Path(corpus.path), corpus.documents)
    if text.sha256 != corpus.text_sha256:
        raise CorpusError(
            f"the text of corpus `{corpus.name}` changed while the study ran", hint="run it again"
        )
    tokens = backend.tokenize(text.text, add_bos=True)
    token_document = None
    if text.document_starts:
        token_document, _ = document_of_tokens(backend.token_bytes(tokens), text)
    try:
        return choose_windows(
            tokens,
            token_document,
            context_length=corpus.context_length,
            windows=corpus.windows,
            select=corpus.select,
            first_scored=corpus.first_scored,
            add_bos=backend.adds_bos,
        )
    except CorpusError as error:
        raise CorpusError(f"corpus `{corpus.name}`: {error.message}", hint=error.hint) from error


def write_trace(
    backend: LogitBackend,
    head: OutputHead | None,
    folder: StudyFolder,
    corpus: CorpusJob,
    key: PartKey,
    on_window: Callable[[int, int], None],
) -> ReferenceTrace:
    """Run the reference over a corpus and store what every candidate is compared with.

    Parameters
    ----------
    backend : LogitBackend
        The reference, loaded.
    head : OutputHead or None
        Its last product; null stores logits.
    folder : StudyFolder
        Where the trace goes.
    corpus : CorpusJob
        What to run over.
    key : PartKey
        Of the trace.
    on_window : callable
        Told (windows done, windows in all).

    Raises
    ------
    NonFiniteLogitsError
        If a logit is NaN or infinite; names window and position.
    """
    windows = cut_corpus(backend, corpus)
    plan, count = windows.plan, len(windows.tokens)
    kept = KeptRows(backend.model, head, count * plan.positions_per_window, _CHECKED_WINDOWS)
    writer: TraceWriter | None = None
    try:
        for window in backend.window_logits(windows.tokens, plan, with_hidden=head is not None):
            for part, start in _blocks(window, windows):
                _check_finite(part, backend.model, corpus.name, (window.index, start), plan)
                if writer is None:
                    kept.choose_form(part)
                    header = {**_header(windows), **kept.header()}
                    writer = folder.trace_writer(corpus.name, key, header, kept.chosen.row_bytes)
                writer.append_rows(kept.take(part))
            on_window(window.index + (window.rows.stop == plan.positions_per_window), count)
        assert writer is not None, "choose_windows gives at least one window"
        arrays = {**kept.arrays(), "tokens": windows.tokens}
        if windows.documents is not None:
            arrays["documents"] = windows.documents
        writer.finish(arrays, {"rebuild_error": kept.rebuild_error()})
    finally:
        if writer is not None:
            writer.abandon()
    trace = folder.trace(corpus.name)
    assert trace is not None, "it was written just now"
    return trace


def _blocks(window: WindowLogits, windows: Windows) -> Iterator[tuple[EngineRows, int]]:
    """Rows of a window, no more at once than are rebuilt at once, and where each block begins."""
    observed = observed_tokens(windows.tokens[window.index], windows.plan.first_scored)[window.rows]
    logits = np.ascontiguousarray(window.logits_TV)
    for part in row_blocks(len(logits), logits.shape[1]):
        hidden = None if window.hidden_TD is None else window.hidden_TD[part]
        yield EngineRows(logits[part], hidden, observed[part]), window.start + part.start


def _header(windows: Windows) -> dict[str, Any]:
    """Fields of the trace's header that say what was run over."""
    tokens = windows.tokens.astype("<i4").tobytes()
    return {
        "windows": len(windows.tokens),
        "positions": windows.plan.positions_per_window,
        "plan": asdict(windows.plan),
        "window_indices": windows.indices.tolist(),
        "tokens_sha256": hashlib.sha256(tokens).hexdigest(),
    }


def _check_finite(
    part: EngineRows, model: ModelRef, corpus: str, place: tuple[int, int], plan: WindowPlan
) -> None:
    bad = np.flatnonzero(~part.finite())
    if len(bad):
        window, start = place
        position = plan.first_scored + 1 + start + int(bad[0])
        raise NonFiniteLogitsError(
            f"the reference `{model.name}` gives logits that are not finite in "
            f"window {window} of corpus `{corpus}`, first at position {position} "
            f"({len(bad)} of {len(part.observed)} positions)",
            hint="the file may be damaged, or its weights overflow in this engine",
        )


def observed_tokens(window: NDArray[np.int32], first_scored: int) -> NDArray[np.int32]:
    """Tokens that the scored logits of a window predict, shape (T,).

    Examples
    --------
    >>> observed_tokens(np.arange(6, dtype=np.int32), 3)
    array([4, 5], dtype=int32)
    """
    return np.ascontiguousarray(window[first_scored + 1 :], dtype=np.int32)
