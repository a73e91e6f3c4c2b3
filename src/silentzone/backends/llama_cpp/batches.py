"""Token batches for ``llama_decode``, kept as arrays that the native structure points into."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import llama_cpp as native
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Batch:
    """Tokens with position, sequences and whether their logits are wanted.

    A token may belong to several sequences: that is how continuations share a prompt.
    """

    def __init__(self, capacity: int) -> None:
        self._length = 0
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._outputs = np.zeros(capacity, np.int8)
        self._sequence_counts = np.zeros(capacity, np.int32)
        self._sequence_pointers = np.zeros(capacity, np.uintp)
        self._kept: list[NDArray[np.int32]] = []  # what the pointers point to must stay alive

    def __len__(self) -> int:
        return self._length

    @property
    def output_count(self) -> int:
        """Rows of logits the whole batch asks for."""
        return self.outputs_between(0, self._length)

    @property
    def output_tokens(self) -> NDArray[np.intp]:
        """Index in the batch of each token whose logits are wanted."""
        return np.flatnonzero(self._outputs[: self._length])

    def outputs_between(self, start: int, stop: int) -> int:
        """Rows of logits that the tokens of a stretch ask for."""
        return int(self._outputs[start:stop].sum())

    def add(
        self,
        tokens: NDArray[np.int32],
        positions: NDArray[np.integer],
        sequences: tuple[int, ...],
        outputs: NDArray[np.int8],
    ) -> None:
        """Append tokens that all belong to the same sequences."""
        part = slice(self._length, self._length + len(tokens))
        self._tokens[part] = tokens
        self._positions[part] = positions
        self._outputs[part] = outputs
        self._sequence_counts[part] = len(sequences)
        owners = np.array(sequences, np.int32)
        self._kept.append(owners)
        self._sequence_pointers[part] = owners.ctypes.data
        self._length += len(tokens)

    def native(self, start: int, stop: int) -> Any:  # noqa: ANN401 - a ctypes structure
        """Structure over the tokens of a stretch; valid while this object lives."""
        batch = native.llama_batch()
        batch.n_tokens = stop - start
        batch.token = _pointer(self._tokens, start, native.llama_token)
        batch.embd = None
        batch.pos = _pointer(self._positions, start, native.llama_pos)
        batch.n_seq_id = _pointer(self._sequence_counts, start, ctypes.c_int32)
        batch.seq_id = ctypes.cast(
            int(self._sequence_pointers[start:].ctypes.data),
            ctypes.POINTER(ctypes.POINTER(native.llama_seq_id)),
        )
        batch.logits = _pointer(self._outputs, start, ctypes.c_int8)
        return batch


def _pointer(array: NDArray[Any], start: int, kind: Any) -> Any:  # noqa: ANN401 - ctypes
    return ctypes.cast(int(array[start:].ctypes.data), ctypes.POINTER(kind))
