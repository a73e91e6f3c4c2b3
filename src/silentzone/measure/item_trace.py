"""The reference along the choices of a benchmark's items, kept while its own items are scored."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.errors import MeasurementError
from silentzone.measure.trace_rows import (
    LARGEST_LOGITS_BYTES,
    EngineRows,
    KeptRows,
    block_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import ContinuationLogits
    from silentzone.benchmarks.pairs import TokenItem
    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import ModelRef
    from silentzone.records.parts import PartKey
    from silentzone.store.folder import StudyFolder
    from silentzone.store.trace_writer import TraceWriter


class ItemTraceRun:
    """Observer that stores the reference's rows. Use as a context manager.

    Parameters
    ----------
    model : ModelRef
        The reference.
    head : OutputHead or None
        Its last product; null stores logits.
    folder : StudyFolder
        Where the trace goes.
    benchmark : str
        Whose items are asked.
    key : PartKey
        Of the trace.

    Notes
    -----
    Held are the first rows, about a window's, until the form has been chosen by them; then those
    of one continuation.
    """

    def __init__(
        self,
        model: ModelRef,
        head: OutputHead | None,
        folder: StudyFolder,
        benchmark: str,
        key: PartKey,
    ) -> None:
        self._model = model
        self._head = head
        self._folder = folder
        self._benchmark = benchmark
        self._key = key
        self._tokens: dict[tuple[int, int], NDArray[np.int32]] = {}
        self._kept: KeptRows
        self._writer: TraceWriter | None = None
        self._first: list[EngineRows] = []
        self._taken = 0

    def __enter__(self) -> ItemTraceRun:
        """Give the run itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Remove what is not whole."""
        if self._writer is not None:
            self._writer.abandon()

    @property
    def with_hidden(self) -> bool:
        """Whether final hidden states are needed."""
        return self._head is not None

    def begin(self, tokenized: Sequence[TokenItem]) -> None:
        """Take down what will be asked.

        Raises
        ------
        MeasurementError
            If no item can be asked.
        """
        self._tokens = {
            (item, choice): tokens
            for item, entry in enumerate(tokenized)
            if entry.status == "ok"
            for choice, tokens in enumerate(entry.continuations)
        }
        if not self._tokens:
            raise MeasurementError(
                f"no item of benchmark `{self._benchmark}` can be asked, so there is nothing to "
                "compare along its choices"
            )
        rows = sum(map(len, self._tokens.values()))
        self._kept = KeptRows(self._model, self._head, rows, checked_parts=1)

    def take(self, item: int, part: ContinuationLogits) -> None:
        """Keep the rows of one continuation.

        Raises
        ------
        MeasurementError
            If logits would have to be stored and take too much room.
        StorageError
            If the disk refuses.
        """
        observed = self._tokens[item, part.continuation]
        logits = np.ascontiguousarray(part.logits_NV)
        self._taken += 1
        if self._writer is not None:
            self._writer.append_rows(self._kept.take(EngineRows(logits, part.hidden_ND, observed)))
            return
        hidden = None if part.hidden_ND is None else part.hidden_ND.copy()
        self._first.append(EngineRows(logits.copy(), hidden, observed))
        is_last = self._taken == len(self._tokens)
        held = sum(len(rows.observed) for rows in self._first)
        if is_last or held >= block_rows(self._model.vocabulary_size):
            self._begin_trace()

    def finish(self) -> None:
        """Store the trace.

        Raises
        ------
        MeasurementError
            If the engine stopped before the last continuation.
        StorageError
            If the disk refuses.
        """
        if self._taken != len(self._tokens) or self._writer is None:
            raise MeasurementError(
                f"the engine gave {self._taken} of {len(self._tokens)} continuations"
            )
        arrays = {
            **self._kept.arrays(),
            "item": np.array([item for item, _ in self._tokens], np.int32),
            "choice": np.array([choice for _, choice in self._tokens], np.int32),
            "length": np.array([len(tokens) for tokens in self._tokens.values()], np.int32),
            "token_id": self._all_tokens(),
        }
        self._writer.finish(arrays, {"rebuild_error": self._kept.rebuild_error()})

    def _begin_trace(self) -> None:
        """Choose the form by the first rows, open the trace and store them."""
        kept, first = self._kept, _joined(self._first)
        self._first = []
        kept.choose_form(first)
        if kept.chosen.form == "logits" and kept.logits_bytes > LARGEST_LOGITS_BYTES:
            raise MeasurementError(
                f"the reference's logits along the choices of benchmark `{self._benchmark}` would "
                f"take {kept.logits_bytes:,} bytes on disk, and smaller rows cannot be stored: "
                f"{kept.chosen.reason}",
                hint="ask fewer items, or set `divergence = false` for this benchmark",
            )
        self._writer = self._folder.trace_writer(
            self._benchmark, self._key, {**self._header(), **kept.header()}, kept.chosen.row_bytes
        )
        self._writer.append_rows(kept.take(first))

    def _header(self) -> dict[str, Any]:
        tokens = self._all_tokens()
        return {
            "continuations": len(self._tokens),
            "rows": len(tokens),
            "items": len({item for item, _ in self._tokens}),
            "tokens_sha256": hashlib.sha256(tokens.astype("<i4").tobytes()).hexdigest(),
        }

    def _all_tokens(self) -> NDArray[np.int32]:
        return np.concatenate(list(self._tokens.values())).astype(np.int32)


def _joined(parts: Sequence[EngineRows]) -> EngineRows:
    """Give the rows of several continuations as one part."""
    states = [part.hidden_TD for part in parts if part.hidden_TD is not None]
    return EngineRows(
        np.concatenate([part.logits_TV for part in parts]),
        np.concatenate(states) if states else None,
        np.concatenate([part.observed for part in parts]),
    )
