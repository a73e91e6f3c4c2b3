"""Logits of a model through transformers and PyTorch.

Shape letters: C tokens of a window, T scored positions of a window, V vocabulary entries, D width
of the final hidden state, N tokens of a continuation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from silentzone.backends.base import BatchSplit, Capabilities
from silentzone.backends.transformers.continuations import ContinuationPass
from silentzone.backends.transformers.description import describe_engine, require_as_planned
from silentzone.backends.transformers.generation import Generation
from silentzone.backends.transformers.loading import load_model
from silentzone.backends.transformers.network import Network
from silentzone.backends.transformers.tokens import Tokenizer
from silentzone.backends.transformers.windows import WindowPass
from silentzone.errors import MeasurementError, ModelFileError, SilentzoneError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from silentzone.backends.base import (
        ChatTemplate,
        ContinuationLogits,
        ContinuationRequest,
        EngineSettings,
        TextRequest,
        TextResult,
        WindowLogits,
        WindowStates,
    )
    from silentzone.records.models import ModelRef
    from silentzone.records.windows import WindowPlan

_REGULAR = BatchSplit()


class TransformersBackend:
    """One model loaded through transformers. Use as a context manager.

    Parameters
    ----------
    path : Path
        Folder of a model in safetensors, or a GGUF file.
    model : ModelRef
        Its identity as ``entry.read_model`` gives it.
    settings : EngineSettings
        Threads, batch sizes, and how it is loaded.

    Raises
    ------
    ModelFileError
        If transformers refuses it or its cache, or its logits are not as many as its settings say.
    EnvironmentNotReadyError
        If transformers runs it otherwise than its identity says.
    MissingExtraError
        If a package that unpacks its weights or rounds its keys and values is not installed.
    """

    def __init__(self, path: Path, model: ModelRef, settings: EngineSettings) -> None:
        self.model = model
        self._settings = settings
        self.info = describe_engine(settings)
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(settings.threads)
        # off for good, as is recorded: cuDNN plans anew, some 40 ms, for each length of a cache
        torch.backends.cuda.enable_cudnn_sdp(enabled=False)
        self._tokenizer = Tokenizer(path)
        loaded = load_model(path, settings.loading)
        require_as_planned(loaded, model)
        self._network = _tried(loaded, model)
        self.capabilities = Capabilities(
            gives_hidden_states=True,
            can_share_prompts=True,
            generates_text=True,
            # On a CPU rows of logits are nearer to the kernels than states are.
            keeps_states_on_device=self._network.is_on_gpu and self._network.head is not None,
        )
        if self._network.vocabulary_size != model.vocabulary_size:
            raise ModelFileError(
                f"`{model.name}` gives {self._network.vocabulary_size} logits and its settings "
                f"say {model.vocabulary_size}"
            )

    def __enter__(self) -> TransformersBackend:
        """Give the backend itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Let go of the weights."""
        self._network.close()
        torch.set_num_threads(self._threads_before)

    @property
    def adds_bos(self) -> bool:
        """Whether the vocabulary asks for BOS before a text."""
        return self._tokenizer.bos is not None

    def tokenize(self, text: str, *, add_bos: bool) -> NDArray[np.int32]:
        """Token ids of a text, with BOS in front if asked and the vocabulary has the habit."""
        tokens = self._tokenizer.tokenize(text, with_control=False)
        return self._tokenizer.with_bos(tokens) if add_bos else tokens

    def token_bytes(self, tokens: NDArray[np.int32]) -> list[bytes]:
        """Bytes each token stands for; empty for control tokens."""
        pieces = {token: self._tokenizer.token_bytes(token) for token in np.unique(tokens).tolist()}
        return [pieces[token] for token in tokens.tolist()]

    @property
    def chat_template(self) -> ChatTemplate | None:
        """Template of the model's own files; null where it has none."""
        return self._tokenizer.chat_template()

    def tokenize_chat(self, text: str) -> NDArray[np.int32]:
        """Token ids of a rendered template, its control tokens read, one BOS where usual."""
        tokens = self._tokenizer.tokenize(text, with_control=True)
        begins = tokens[:1].tolist() == [self._tokenizer.bos]
        return tokens if begins else self._tokenizer.with_bos(tokens)

    def window_logits(
        self,
        windows: Iterable[NDArray[np.int32]],
        plan: WindowPlan,
        *,
        with_hidden: bool = False,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[WindowLogits]:
        """Logits of the scored positions of each window, in order.

        Raises
        ------
        MeasurementError
            If PyTorch cannot run them.
        """
        one_pass = WindowPass(
            self._network, self._settings, plan, self._tokenizer.bos, with_hidden=with_hidden
        )
        return one_pass.run(windows, split)

    def window_states(
        self, windows: Iterable[NDArray[np.int32]], plan: WindowPlan
    ) -> Iterator[WindowStates]:
        """Hidden states of the scored positions of each window, where the model is.

        Raises
        ------
        MeasurementError
            If PyTorch cannot run them.
        """
        one_pass = WindowPass(
            self._network, self._settings, plan, self._tokenizer.bos, with_hidden=True
        )
        return one_pass.states(windows)

    def continuation_logits(
        self,
        requests: Sequence[ContinuationRequest],
        *,
        with_hidden: bool = False,
        share_prompts: bool = True,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[ContinuationLogits]:
        """Logits that predict every continuation, grouped by request, in order.

        A shared prompt is run once, and so is what prompts in a row begin with; the cache is
        handed to all that follow.
        """
        one_pass = ContinuationPass(
            self._network,
            self._settings,
            requests,
            with_hidden=with_hidden,
            share_prompts=share_prompts,
        )
        return one_pass.run(split)

    def generate(
        self,
        requests: Sequence[TextRequest],
        *,
        context_length: int,
        slots: int = 8,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[TextResult]:
        """Continue every prompt, ``slots`` at a time; results come as each is finished.

        ``split`` bounds the tokens of a prompt in one call.
        """
        step = split.tokens_per_call or self._settings.batch_tokens
        generation = Generation(
            self._network, self._tokenizer, requests, context_length, slots, step
        )
        return generation.run()


def _tried(loaded: Any, model: ModelRef) -> Network:  # noqa: ANN401 - of any class
    """Network of a loaded model that has been run on a few tokens."""
    try:
        return Network(loaded, model.name, model.cache_k)
    except SilentzoneError:
        raise
    except (RuntimeError, ValueError, IndexError) as error:
        said = f"{error!s:.300}"
        raise MeasurementError(
            f"PyTorch cannot run `{model.name}` as it has been loaded: {said}",
            hint="leave `dtype` out of [engine] of study.toml, or give the type that the model was "
            'quantized from, mostly "bfloat16"'
            if "dtype" in said
            else None,
        ) from error
