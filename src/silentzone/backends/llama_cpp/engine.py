"""Logits of a GGUF model through llama-cpp-python's low-level interface.

Shape letters: W windows, C tokens of a window, T scored positions of a window, V vocabulary
entries, D width of the final hidden state, N tokens of a continuation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import llama_cpp as native
import numpy as np

from silentzone.backends.base import (
    BatchSplit,
    Capabilities,
    ContinuationLogits,
    ContinuationRequest,
    EngineSettings,
    WindowLogits,
)
from silentzone.backends.llama_cpp.batches import Batch, Group, group_requests
from silentzone.backends.llama_cpp.description import describe_engine
from silentzone.backends.llama_cpp.generation import MORE_SEQUENCES, Decoder, Generation, slot_sizes
from silentzone.backends.llama_cpp.native_log import capture_log, forget_log, last_log_lines
from silentzone.backends.llama_cpp.vocabulary import Vocabulary
from silentzone.errors import InputError, MeasurementError, ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import ChatTemplate, TextRequest, TextResult
    from silentzone.records.models import ModelRef
    from silentzone.records.windows import WindowPlan

_REGULAR = BatchSplit()
_Part = TypeVar("_Part")
_GROUP_TOKENS = 1024
"""Tokens of the requests decoded together; attention reads the cells of the whole group."""
_GROUP_SEQUENCES = 64


class LlamaCppBackend:
    """One GGUF model loaded in llama.cpp. Use as a context manager.

    Parameters
    ----------
    path : Path
        The file, or the first shard.
    model : ModelRef
        Its identity as ``gguf_file.read_model`` gives it.
    settings : EngineSettings
        Threads, batch sizes, GPU layers.

    Raises
    ------
    ModelFileError
        If llama.cpp refuses the file; the message carries what it said.
    """

    capabilities = Capabilities(
        gives_hidden_states=True, can_share_prompts=True, generates_text=True
    )

    def __init__(self, path: Path, model: ModelRef, settings: EngineSettings) -> None:
        self.model = model
        self._settings = settings
        capture_log()
        forget_log()
        self._context: Any = None
        self._context_shape: tuple[object, ...] | None = None
        self._streams = 0
        native.llama_backend_init()
        parameters = native.llama_model_default_params()
        parameters.n_gpu_layers = settings.gpu_layers
        self._model = native.llama_model_load_from_file(str(path).encode(), parameters)
        if not self._model:
            raise ModelFileError(
                f"llama.cpp could not load `{Path(path).name}`: {last_log_lines(2)}",
                hint="the file may need a newer llama.cpp, or is damaged",
            )
        self._vocabulary = Vocabulary(self._model)
        self._vocabulary_size = self._vocabulary.size
        self._width = int(native.llama_model_n_embd_out(self._model))
        self.info = describe_engine(settings)

    def __enter__(self) -> LlamaCppBackend:
        """Give the backend itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Free the context and the model."""
        self._free_context()
        if self._model:
            native.llama_model_free(self._model)
            self._model = None

    @property
    def adds_bos(self) -> bool:
        """Whether the vocabulary asks for BOS before a text."""
        return self._vocabulary.adds_bos

    def tokenize(self, text: str, *, add_bos: bool) -> NDArray[np.int32]:
        """Token ids of a text, with BOS in front if asked and the vocabulary has the habit."""
        tokens = self._vocabulary.tokenize(text, with_control=False)
        return self._vocabulary.with_bos(tokens) if add_bos else tokens

    def token_bytes(self, tokens: NDArray[np.int32]) -> list[bytes]:
        """Bytes each token stands for; empty for control tokens."""
        pieces = {
            token: self._vocabulary.token_bytes(token) for token in np.unique(tokens).tolist()
        }
        return [pieces[token] for token in tokens.tolist()]

    @property
    def chat_template(self) -> ChatTemplate | None:
        """Template of the model's own metadata; null where it has none."""
        return self._vocabulary.chat_template()

    def tokenize_chat(self, text: str) -> NDArray[np.int32]:
        """Token ids of a rendered template, its control tokens read, one BOS where usual."""
        tokens = self._vocabulary.tokenize(text, with_control=True)
        begins = tokens[:1].tolist() == [self._vocabulary.bos]
        return tokens if begins else self._vocabulary.with_bos(tokens)

    def window_logits(
        self,
        windows: Iterable[NDArray[np.int32]],
        plan: WindowPlan,
        *,
        with_hidden: bool = False,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[WindowLogits]:
        """Logits of the scored positions of each window, in order.

        The arrays are views of the engine's buffer, valid until the next window is asked for.

        Raises
        ------
        MeasurementError
            If a decode fails; names the first window of the batch. Also if the backend was asked
            for other logits before all of these were taken.
        """
        return self._alone(self._window_stream(windows, plan, with_hidden, split))

    def _window_stream(
        self,
        windows: Iterable[NDArray[np.int32]],
        plan: WindowPlan,
        with_hidden: bool,
        split: BatchSplit,
    ) -> Iterator[WindowLogits]:
        rows = plan.positions_per_window
        together = self._windows_per_call(plan, rows, with_hidden, split)
        self._open_context(
            tokens=plan.context_length * together,
            sequences=together,
            batch=max(plan.context_length * together, 1),
            with_hidden=with_hidden,
            is_unified=False,
        )
        waiting: list[NDArray[np.int32]] = []
        first = 0
        for window in windows:
            waiting.append(self._with_bos(window, plan))
            if len(waiting) == together:
                yield from self._decode_windows(waiting, first, plan, with_hidden, split)
                first += together
                waiting = []
        while waiting:
            part = waiting[: _power_of_two(len(waiting))]
            yield from self._decode_windows(part, first, plan, with_hidden, split)
            first += len(part)
            waiting = waiting[len(part) :]

    def continuation_logits(
        self,
        requests: Sequence[ContinuationRequest],
        *,
        with_hidden: bool = False,
        share_prompts: bool = True,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[ContinuationLogits]:
        """Logits that predict every continuation, grouped by request, in order.

        A shared prompt is decoded once: its tokens belong to the sequences of all its
        continuations, in a cache that the sequences share.
        """
        return self._alone(self._continuation_stream(requests, with_hidden, share_prompts, split))

    def _continuation_stream(
        self,
        requests: Sequence[ContinuationRequest],
        with_hidden: bool,
        share_prompts: bool,
        split: BatchSplit,
    ) -> Iterator[ContinuationLogits]:
        one_by_one = split.tokens_per_call is not None
        groups = group_requests(
            requests,
            most_tokens=0 if one_by_one else _GROUP_TOKENS,
            most_sequences=_GROUP_SEQUENCES,
            share_prompts=share_prompts,
        )
        if not groups:
            return
        cells = max(_GROUP_TOKENS, *(len(group.batch) for group in groups))
        self._open_context(
            tokens=cells,
            sequences=max(_GROUP_SEQUENCES, *(group.sequences for group in groups)),
            batch=cells,
            with_hidden=with_hidden,
            is_unified=True,
        )
        for group in groups:
            yield from self._decode_group(group, requests, with_hidden, split)

    def generate(
        self,
        requests: Sequence[TextRequest],
        *,
        context_length: int,
        slots: int = 8,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[TextResult]:
        """Continue every prompt, ``slots`` at a time; results come as each is finished.

        ``split`` bounds the tokens of a prompt in one call; a token is always decoded together
        with those of the other answers under way.
        """
        return self._alone(self._text_stream(requests, context_length, slots, split))

    def _text_stream(
        self,
        requests: Sequence[TextRequest],
        context_length: int,
        slots: int,
        split: BatchSplit,
    ) -> Iterator[TextResult]:
        step = split.tokens_per_call or self._settings.batch_tokens
        cells, slots = slot_sizes(requests, context_length, slots)
        sequences = slots + MORE_SEQUENCES
        self._open_context(
            tokens=cells * sequences,
            sequences=sequences,
            batch=max(step, sequences),  # llama.cpp aborts below one output per sequence
            with_hidden=False,
            is_unified=True,
        )
        self._clear()
        decoder = Decoder(self._context, self._vocabulary, self._submit)
        yield from Generation(decoder, requests, context_length, slots, step).run()

    def _alone(self, stream: Iterator[_Part]) -> Iterator[_Part]:
        """Refuse to go on with a stream whose buffers another one has taken."""
        self._streams += 1
        own = self._streams
        for part in stream:
            yield part
            if self._streams != own:
                raise MeasurementError(
                    f"`{self.model.name}` was asked for other logits before all of the last ones "
                    "were taken; they share one buffer"
                )

    def _with_bos(self, window: NDArray[np.int32], plan: WindowPlan) -> NDArray[np.int32]:
        if not plan.add_bos:
            return window
        changed = window.copy()
        changed[0] = self._vocabulary.bos
        return changed

    def _windows_per_call(
        self, plan: WindowPlan, rows: int, with_hidden: bool, split: BatchSplit
    ) -> int:
        """Windows decoded together: llama-perplexity's number, fewer if memory is short.

        Always a power of two: llama.cpp cuts a call into micro-batches with an equal stretch of
        every window, and stretches such as 170 tokens give other sums than 128 or 512 do.
        """
        if split.tokens_per_call is not None:
            return 1
        # asking for hidden states makes every token an output
        output_rows = plan.context_length if with_hidden else rows
        fits = self._settings.memory_bytes // (4 * self._vocabulary_size * output_rows)
        most = int(native.llama_max_parallel_sequences())
        together = min(self._settings.batch_tokens // plan.context_length, fits, most)
        return _power_of_two(max(1, int(together)))

    def _decode_windows(
        self,
        windows: list[NDArray[np.int32]],
        first: int,
        plan: WindowPlan,
        with_hidden: bool,
        split: BatchSplit,
    ) -> Iterator[WindowLogits]:
        length, rows = plan.context_length, plan.positions_per_window
        scored = np.zeros(length, np.int8)
        scored[plan.first_scored : plan.first_scored + rows] = 1
        batch = Batch(length * len(windows))
        for sequence, window in enumerate(windows):
            if len(window) != length:
                raise InputError(
                    f"window {first + sequence} has {len(window)} tokens, not {length}."
                )
            batch.add(window, np.arange(length), (sequence,), scored)
        where = f"windows {first} to {first + len(windows) - 1}"
        if split.tokens_per_call is not None:
            logits = self._decode_in_steps(batch, split.tokens_per_call, where)
            yield WindowLogits(first, logits, None)
            return
        self._decode(batch, where)
        # with hidden states every token is an output, otherwise only the scored ones
        outputs = len(batch) if with_hidden else rows * len(windows)
        logits = self._output_logits(outputs)
        hidden = self._output_hidden(outputs) if with_hidden else None
        for k in range(len(windows)):
            start = k * length + plan.first_scored if with_hidden else k * rows
            part = slice(start, start + rows)
            states = None if hidden is None else hidden[part]
            yield WindowLogits(first + k, logits[part], states, len(windows))

    def _decode_group(
        self,
        group: Group,
        requests: Sequence[ContinuationRequest],
        with_hidden: bool,
        split: BatchSplit,
    ) -> Iterator[ContinuationLogits]:
        where = f"items {group.first_request} to {group.first_request + group.requests - 1}"
        hidden = None
        if split.tokens_per_call is not None:
            logits = self._decode_in_steps(group.batch, split.tokens_per_call, where)
        else:
            self._decode(group.batch, where)
            # with hidden states every token is an output, otherwise only those asked for
            outputs = len(group.batch) if with_hidden else group.batch.output_count
            logits = self._output_logits(outputs)
            hidden = self._output_hidden(outputs) if with_hidden else None
        asked = group.batch.output_tokens
        for part in group.parts:
            rows = part.rows(len(requests[part.request].continuations[part.continuation]))
            if hidden is not None:
                rows = asked[rows]
            states = None if hidden is None else hidden[rows]
            yield ContinuationLogits(
                part.request, part.continuation, logits[rows], states, group.requests
            )

    def _decode(self, batch: Batch, where: str) -> None:
        self._clear()
        self._submit(batch.native(0, len(batch)), where)

    def _decode_in_steps(self, batch: Batch, step: int, where: str) -> NDArray[np.float32]:
        """Decode a batch in calls of ``step`` tokens and gather the outputs, (outputs, V)."""
        self._clear()
        gathered = np.empty((batch.output_count, self._vocabulary_size), np.float32)
        done = 0
        for start in range(0, len(batch), step):
            stop = min(start + step, len(batch))
            self._submit(batch.native(start, stop), where)
            outputs = batch.outputs_between(start, stop)
            if outputs:
                gathered[done : done + outputs] = self._output_logits(outputs)
                done += outputs
        return gathered

    def _submit(self, native_batch: Any, where: str) -> None:  # noqa: ANN401 - a ctypes structure
        code = native.llama_decode(self._context, native_batch)
        if code != 0:
            raise MeasurementError(
                f"llama.cpp could not decode {where} of `{self.model.name}` (code {code}): "
                f"{last_log_lines(2)}"
            )

    def _clear(self) -> None:
        native.llama_memory_clear(native.llama_get_memory(self._context), False)

    def _output_logits(self, rows: int) -> NDArray[np.float32]:
        pointer = native.llama_get_logits(self._context)
        return np.ctypeslib.as_array(pointer, shape=(rows, self._vocabulary_size))

    def _output_hidden(self, rows: int) -> NDArray[np.float32]:
        pointer = native.llama_get_embeddings(self._context)
        return np.ctypeslib.as_array(pointer, shape=(rows, self._width))

    def _open_context(
        self, *, tokens: int, sequences: int, batch: int, with_hidden: bool, is_unified: bool
    ) -> None:
        shape = (tokens, sequences, batch, with_hidden, is_unified)
        if shape == self._context_shape:
            return
        self._free_context()
        parameters = native.llama_context_default_params()
        parameters.n_ctx = tokens
        parameters.n_batch = batch
        parameters.n_ubatch = min(self._settings.micro_batch_tokens, batch)
        parameters.n_seq_max = sequences
        parameters.n_threads = self._settings.threads
        parameters.n_threads_batch = self._settings.threads
        parameters.embeddings = with_hidden
        parameters.pooling_type = native.LLAMA_POOLING_TYPE_NONE
        parameters.kv_unified = is_unified
        parameters.no_perf = True
        self._context = native.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise MeasurementError(
                f"llama.cpp could not make a context of {tokens} tokens for `{self.model.name}`: "
                f"{last_log_lines(2)}",
                hint="use a smaller context length or batch, or free memory",
            )
        self._context_shape = shape

    def _free_context(self) -> None:
        if self._context:
            native.llama_free(self._context)
        self._context = None
        self._context_shape = None


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above a positive number."""
    return 1 << (number.bit_length() - 1)
