"""The reference pass: final hidden states (or logits) of every scored position, stored once.

Shape letters: T scored positions of a window, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.corpora.text import load_text
from silentzone.corpora.windows import Windows, choose_windows, document_of_tokens
from silentzone.errors import CorpusError, NonFiniteLogitsError
from silentzone.metrics.head import decode_rows, encode_rows, row_bytes
from silentzone.metrics.kernels import ReferenceRows, compare_rows, describe_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend, WindowLogits
    from silentzone.measure.jobs import CorpusJob
    from silentzone.metrics.head import OutputHead
    from silentzone.records.parts import PartKey
    from silentzone.store.folder import StudyFolder
    from silentzone.store.traces import ReferenceTrace, TraceWriter

_LARGEST_SELF_KLD = 1e-6
"""Nats; a hidden state that does not rebuild the engine's logits this closely is not stored."""
_LARGEST_REBUILD_SHARE = 0.35
"""Rebuilding may take this share of a decode's time; beyond it logits are stored if they fit."""
_LARGEST_LOGITS_BYTES = 8 * 10**9
_CHECKED_WINDOWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceForm:
    """How the rows of a trace are stored, and why."""

    form: str
    """``hidden`` or ``logits``."""
    row_encoding: str
    row_bytes: int
    reason: str


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
    run = _ReferenceRun(backend, head, windows, corpus.name)
    writer: TraceWriter | None = None
    try:
        started = time.perf_counter()
        stream = backend.window_logits(windows.tokens, windows.plan, with_hidden=head is not None)
        for window in stream:
            if writer is None:
                seconds = (time.perf_counter() - started) / window.windows_in_call
                run.choose_form(window, seconds)
                writer = folder.trace_writer(corpus.name, key, run.header(), run.chosen.row_bytes)
            writer.append_rows(run.take(window))
            on_window(window.index + 1, len(windows.tokens))
        assert writer is not None, "choose_windows gives at least one window"
        arrays = run.arrays()
        arrays["tokens"] = windows.tokens
        if windows.documents is not None:
            arrays["documents"] = windows.documents
        return writer.finish(arrays, {"rebuild_error": run.rebuild_error()})
    finally:
        if writer is not None:
            writer.abandon()


class _ReferenceRun:
    """Collects the rows of one reference pass and measures how well they rebuild the logits."""

    def __init__(
        self, backend: LogitBackend, head: OutputHead | None, windows: Windows, corpus: str
    ) -> None:
        self._backend = backend
        self._head = head
        self._windows = windows
        self._corpus = corpus
        self._described: list[ReferenceRows] = []
        self._self_kld: list[NDArray[np.float64]] = []
        self._largest_difference = 0.0
        self._width = 0
        self.chosen = TraceForm(form="logits", row_encoding="f32", row_bytes=0, reason="")

    def choose_form(self, window: WindowLogits, decode_seconds: float) -> None:
        """Decide from the first window, and the seconds it took, how rows are stored."""
        rows, vocabulary = window.logits_TV.shape
        as_logits = {"form": "logits", "row_encoding": "f32", "row_bytes": 4 * vocabulary}
        if self._head is None or window.hidden_TD is None:
            reason = "no exact form of the output head is known for this model"
            self.chosen = TraceForm(**as_logits, reason=reason)
            return
        self._width = window.hidden_TD.shape[1]
        seconds, rebuilt = self._timed_rebuild(window)
        self_kld = self._compare_with_self(rebuilt, window).kl_divergence
        if not float(self_kld.mean()) <= _LARGEST_SELF_KLD:
            reason = f"hidden states rebuild the logits only to {self_kld.mean():.1e} nats"
            self.chosen = TraceForm(**as_logits, reason=reason)
            return
        share = seconds / max(decode_seconds, 1e-9)
        total = 4 * vocabulary * rows * len(self._windows.tokens)
        if share > _LARGEST_REBUILD_SHARE and total <= _LARGEST_LOGITS_BYTES:
            reason = f"rebuilding takes {share:.0%} of a decode and the logits take {total:,} bytes"
            self.chosen = TraceForm(**as_logits, reason=reason)
            return
        self.chosen = TraceForm(
            form="hidden",
            row_encoding=self._head.row_code,
            row_bytes=row_bytes(self._head.row_code, self._width),
            reason=f"rebuilding takes {share:.0%} of a decode",
        )

    def header(self) -> dict[str, Any]:
        """Header of the trace."""
        plan = self._windows.plan
        vocabulary = self._backend.model.vocabulary_size
        return {
            "form": self.chosen.form,
            "form_reason": self.chosen.reason,
            "row_encoding": self.chosen.row_encoding,
            "windows": len(self._windows.tokens),
            "positions": plan.positions_per_window,
            "vocabulary": vocabulary,
            "width": self._width if self.chosen.form == "hidden" else vocabulary,
            "head": {"type": self._backend.model.head_type},
            "plan": asdict(plan),
            "window_indices": self._windows.indices.tolist(),
            "tokens_sha256": hashlib.sha256(
                self._windows.tokens.astype("<i4").tobytes()
            ).hexdigest(),
        }

    def take(self, window: WindowLogits) -> NDArray[np.uint8]:
        """Describe one window and give its rows as they are stored."""
        self._check_finite(window)
        described = describe_rows(
            np.ascontiguousarray(window.logits_TV), self._observed(window.index)
        )
        self._described.append(described)
        if self.chosen.form == "logits":
            return np.ascontiguousarray(window.logits_TV).view(np.uint8)
        if window.index < _CHECKED_WINDOWS:
            rebuilt = self._rebuild(window)
            self._self_kld.append(self._compare_with_self(rebuilt, window).kl_divergence)
            difference = float(np.abs(rebuilt - window.logits_TV).max())
            self._largest_difference = max(self._largest_difference, difference)
        assert window.hidden_TD is not None, "the form is hidden only where states were given"
        return encode_rows(window.hidden_TD, self.chosen.row_encoding)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Per-row values of the whole pass."""
        names = ("log_normalizer", "entropy", "nll", "top1_probability", "top5")
        return {
            name: np.concatenate([getattr(part, name) for part in self._described])
            for name in names
        }

    def rebuild_error(self) -> dict[str, Any] | None:
        """How far rebuilt logits were from the engine's; null where logits are stored."""
        if not self._self_kld:
            return None
        kld = np.concatenate(self._self_kld)
        return {
            "self_kld_mean": float(kld.mean()),
            "self_kld_max": float(kld.max()),
            "largest_logit_difference": self._largest_difference,
            "positions": len(kld),
        }

    def _observed(self, index: int) -> NDArray[np.int32]:
        return observed_tokens(self._windows.tokens[index], self._windows.plan.first_scored)

    def _rebuild(self, window: WindowLogits) -> NDArray[np.float32]:
        assert self._head is not None
        assert window.hidden_TD is not None
        code = self._head.row_code
        states = decode_rows(encode_rows(window.hidden_TD, code), code, self._width)
        rebuilt = np.empty(window.logits_TV.shape, np.float32)
        self._head.logits(states, rebuilt)
        return rebuilt

    def _timed_rebuild(self, window: WindowLogits) -> tuple[float, NDArray[np.float32]]:
        """Rebuild a window and give the shorter of two times: the first warms up."""
        times = []
        for _ in range(2):
            started = time.perf_counter()
            rebuilt = self._rebuild(window)
            times.append(time.perf_counter() - started)
        return min(times), rebuilt

    def _compare_with_self(self, rebuilt: NDArray[np.float32], window: WindowLogits) -> Any:  # noqa: ANN401
        observed = self._observed(window.index)
        engine = np.ascontiguousarray(window.logits_TV)
        return compare_rows(engine, rebuilt, observed, describe_rows(engine, observed))

    def _check_finite(self, window: WindowLogits) -> None:
        worst = window.logits_TV.max(axis=1)
        bad = np.flatnonzero(~np.isfinite(worst))
        if len(bad):
            position = self._windows.plan.first_scored + 1 + int(bad[0])
            raise NonFiniteLogitsError(
                f"the reference `{self._backend.model.name}` gives logits that are not finite in "
                f"window {window.index} of corpus `{self._corpus}`, first at position {position} "
                f"({len(bad)} of {len(worst)} positions)",
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
