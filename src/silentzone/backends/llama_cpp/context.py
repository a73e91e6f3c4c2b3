"""llama.cpp's context of a loaded model: its cache of tokens, and what a decode gives.

Shape letters: V vocabulary entries, D width of the final hidden state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llama_cpp as native
import numpy as np

from silentzone.backends.llama_cpp.kv_cache import cache_type_number
from silentzone.backends.llama_cpp.native_log import last_log_lines
from silentzone.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from silentzone.backends.base import EngineSettings
    from silentzone.backends.llama_cpp.batches import Batch
    from silentzone.backends.llama_cpp.vocabulary import Vocabulary
    from silentzone.records.models import ModelRef


class Context:
    """The one context of a model at a time; opened in the shape that a pass needs.

    Parameters
    ----------
    model : ctypes pointer
        Loaded; to be freed after this is closed.
    vocabulary : Vocabulary
    settings : EngineSettings
    identity : ModelRef
        Its name, for messages, and in which types it keeps keys and values.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - a ctypes pointer
        vocabulary: Vocabulary,
        settings: EngineSettings,
        identity: ModelRef,
    ) -> None:
        self.vocabulary = vocabulary
        self.settings = settings
        self._model = model
        self._name = identity.name
        self._cache_types = tuple(
            cache_type_number(kind) for kind in (identity.cache_k, identity.cache_v)
        )
        self._width = int(native.llama_model_n_embd_out(model))
        self._context: Any = None
        self._shape: tuple[object, ...] | None = None
        self.can_take_back = not (
            native.llama_model_is_recurrent(model) or native.llama_model_is_hybrid(model)
        )
        """Whether tokens can be taken back; a state that runs along the text has no way back."""

    def open(
        self, *, tokens: int, sequences: int, batch: int, with_hidden: bool, is_unified: bool
    ) -> None:
        """Make an empty context, or empty the one that is open where it has this shape."""
        shape = (tokens, sequences, batch, with_hidden, is_unified)
        if shape == self._shape:
            self.clear()
            return
        self.close()
        parameters = native.llama_context_default_params()
        parameters.n_ctx = tokens
        parameters.n_batch = batch
        parameters.n_ubatch = min(self.settings.micro_batch_tokens, batch)
        parameters.n_seq_max = sequences
        parameters.n_threads = self.settings.threads
        parameters.n_threads_batch = self.settings.threads
        parameters.type_k, parameters.type_v = self._cache_types
        parameters.embeddings = with_hidden
        parameters.pooling_type = native.LLAMA_POOLING_TYPE_NONE
        parameters.kv_unified = is_unified
        parameters.no_perf = True
        self._context = native.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise MeasurementError(
                f"llama.cpp could not make a context of {tokens} tokens for `{self._name}`: "
                f"{last_log_lines(2)}",
                hint="use a smaller context length or batch, or free memory",
            )
        self._shape = shape

    def close(self) -> None:
        """Free the context."""
        if self._context:
            native.llama_free(self._context)
        self._context = None
        self._shape = None

    def clear(self) -> None:
        """Empty every sequence."""
        native.llama_memory_clear(self._memory, False)

    def forget(self, sequence: int) -> None:
        """Empty a sequence."""
        native.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def forget_from(self, sequence: int, position: int) -> None:
        """Take a sequence back to before a position; not to be asked unless `can_take_back`."""
        native.llama_memory_seq_rm(self._memory, sequence, position, -1)

    def copy(self, source: int, target: int, tokens: int = -1) -> None:
        """Make an empty sequence begin as another one does: all of it, or so many tokens."""
        native.llama_memory_seq_cp(self._memory, source, target, -1, tokens)

    def decode(self, batch: Batch, where: str) -> None:
        """Append the tokens of a batch to their sequences."""
        self._submit(batch.native(0, len(batch)), where)

    def decode_part(self, batch: Batch, part: slice, where: str) -> None:
        """Append a stretch of the tokens of a batch to their sequences."""
        self._submit(batch.native(part.start, part.stop), where)

    def decode_in_calls(
        self, batch: Batch, calls: Iterable[slice], where: str
    ) -> NDArray[np.float32]:
        """Decode parts of a batch one after the other; their outputs, (outputs, V)."""
        parts = list(calls)
        total = sum(batch.outputs_between(part.start, part.stop) for part in parts)
        gathered = np.empty((total, self.vocabulary.size), np.float32)
        done = 0
        for part in parts:
            self._submit(batch.native(part.start, part.stop), where)
            outputs = batch.outputs_between(part.start, part.stop)
            if outputs:
                gathered[done : done + outputs] = self.logits(outputs)
                done += outputs
        return gathered

    def logits(self, rows: int) -> NDArray[np.float32]:
        """Logits of the last call, (rows, V), valid until the next one."""
        pointer = native.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, shape=(rows, self.vocabulary.size))

    def hidden(self, rows: int) -> NDArray[np.float32]:
        """Hidden states, final ones, of the last call, (rows, D), valid until the next one."""
        pointer = native.llama_get_embeddings(self._context)
        return np.ctypeslib.as_array(pointer, shape=(rows, self._width))

    @property
    def _memory(self) -> Any:  # noqa: ANN401 - a ctypes pointer
        return native.llama_get_memory(self._context)

    def _submit(self, native_batch: Any, where: str) -> None:  # noqa: ANN401 - a ctypes structure
        code = native.llama_decode(self._context, native_batch)
        if code != 0:
            raise MeasurementError(
                f"llama.cpp could not decode {where} of `{self._name}` (code {code}): "
                f"{last_log_lines(2)}"
            )
