"""Logits of a GGUF model through llama-cpp-python's low-level interface.

Shape letters: W windows, C tokens of a window, T scored positions of a window, V vocabulary
entries, D width of the final hidden state, N tokens of a continuation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

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
from silentzone.backends.llama_cpp.context import Context
from silentzone.backends.llama_cpp.continuations import continuation_pass
from silentzone.backends.llama_cpp.description import describe_engine
from silentzone.backends.llama_cpp.generation import Generation
from silentzone.backends.llama_cpp.native_log import capture_log, forget_log, last_log_lines
from silentzone.backends.llama_cpp.vocabulary import Vocabulary
from silentzone.backends.llama_cpp.windows import WindowPass
from silentzone.errors import MeasurementError, ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import ChatTemplate, TextRequest, TextResult
    from silentzone.records.models import ModelRef
    from silentzone.records.windows import WindowPlan

_REGULAR = BatchSplit()
_Part = TypeVar("_Part")


def encode_texts(path: Path, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Token ids of texts, with BOS where the vocabulary has the habit; no weights are read.

    Raises
    ------
    ModelFileError
        If llama.cpp refuses the file.
    """
    capture_log()
    native.llama_backend_init()
    parameters = native.llama_model_default_params()
    parameters.vocab_only = True
    model = native.llama_model_load_from_file(str(path).encode(), parameters)
    if not model:
        raise ModelFileError(
            f"llama.cpp could not read the vocabulary of `{path.name}`: {last_log_lines(2)}"
        )
    try:
        vocabulary = Vocabulary(model)
        plain = (vocabulary.tokenize(text, with_control=False) for text in texts)
        return [vocabulary.with_bos(tokens) for tokens in plain]
    finally:
        native.llama_model_free(model)


class LlamaCppBackend:
    """One GGUF model loaded in llama.cpp. Use as a context manager.

    Parameters
    ----------
    path : Path
        The file, or the first shard.
    model : ModelRef
        Its identity as ``gguf_file.read_model`` gives it, and the types of its cache.
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
        self._context = Context(self._model, self._vocabulary, settings, model)
        self.info = describe_engine(settings)

    def __enter__(self) -> LlamaCppBackend:
        """Give the backend itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Free the context and the model."""
        self._context.close()
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
        return self._alone(WindowPass(self._context, plan, with_hidden, split).run(windows))

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
        return self._alone(
            continuation_pass(
                self._context,
                requests,
                with_hidden=with_hidden,
                share_prompts=share_prompts,
                split=split,
            )
        )

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
        step = split.tokens_per_call or self._settings.batch_tokens
        return self._alone(Generation(self._context, requests, context_length, slots, step).run())

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
