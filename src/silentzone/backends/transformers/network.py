"""A loaded model as a function of tokens: final hidden states, with or without a cache.

Shape letters: B sequences, C tokens, T positions, V vocabulary entries, D width of the final
hidden state.
"""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import DynamicCache

from silentzone.backends.transformers.head import head_step
from silentzone.backends.transformers.kv_cache import (
    CACHES,
    block_calls,
    copied_cache,
    failure_hint,
    new_quantized_cache,
)
from silentzone.backends.transformers.tail import own_tail, probe
from silentzone.errors import MeasurementError, MissingExtraError, ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_PLAIN_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}


class Network:
    """A model, and how its states become logits.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Loaded.
    name : str
        For messages.
    cache : str, optional
        Type in which keys and values are cached, of ``kv_cache.CACHES``; left out, as they are.

    Raises
    ------
    MissingExtraError
        If a package that rounds them is not installed.
    ModelFileError
        If transformers has no such cache for the model.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - classes by architecture
        name: str,
        cache: str | None = None,
    ) -> None:
        self._model = model
        self._name = name
        config = model.config.get_text_config()
        self._config = config
        probed = probe(model)
        self.head = head_step(model, config.to_dict(), probed)
        """Null where the last step has no known form."""
        self._tail = None if self.head is not None else own_tail(model, probed)
        self._gives_states = self.head is not None or self._tail is not None
        self._run = model.base_model if self._gives_states else model
        accepted = inspect.signature(self._run.forward).parameters
        self._cache_name = "cache" if "cache" in accepted else "past_key_values"
        embedding = model.get_input_embeddings()
        self._device = embedding.weight.device
        layers = set(getattr(config, "layer_types", None) or ["full_attention"])
        self._is_plain = layers <= _PLAIN_LAYERS and not getattr(model, "_is_stateful", False)
        self.rounds_cache = cache is not None
        """Whether text has to be read in blocks, one sequence at a time, always with a cache."""
        self.can_pad = self._is_plain and "position_ids" in accepted and not self.rounds_cache
        """Whether sequences of different lengths can share a cache."""
        self._cache = cache
        if cache is not None:
            self._check_cache(cache)
        self.vocabulary_size = self._rows()
        self._entries = int(getattr(embedding, "num_embeddings", 0) or self.vocabulary_size)

    def new_cache(self) -> Any:  # noqa: ANN401
        """Empty cache of keys and values.

        Layers with a window keep everything all the same: what may be looked back at is told by
        distance then, whatever stands in front.
        """
        if self._cache is not None:
            return new_quantized_cache(self._cache, self._config, self._head_width())
        return DynamicCache() if self._is_plain else DynamicCache(config=self._config)

    def copy_of(self, cache: Any) -> Any:  # noqa: ANN401
        """Cache that can be extended while the other stays as it is."""
        return copied_cache(cache) if self.rounds_cache else copy.deepcopy(cache)

    def calls(self, length: int, step: int | None, before: int = 0) -> Iterator[slice]:
        """Cut tokens into calls of at most ``step``, after those ``before`` that a cache holds."""
        if self.rounds_cache:
            yield from block_calls(length, step, before)
        else:
            size = max(1, length if step is None else step)
            yield from (slice(start, start + size) for start in range(0, length, size))

    def states_in_calls(
        self,
        tokens_C: NDArray[np.integer],
        step: int | None,
        cache: Any,  # noqa: ANN401
        before: int = 0,
    ) -> torch.Tensor:
        """States of one sequence, (C, D), run with a cache in calls as :meth:`calls` cuts them."""
        return torch.cat(
            [
                self.states(tokens_C[None, part], cache)[0]
                for part in self.calls(len(tokens_C), step, before)
            ]
        )

    def states(
        self,
        tokens_BC: NDArray[np.integer],
        cache: Any = None,  # noqa: ANN401
        mask: NDArray[np.integer] | None = None,
        positions_BC: NDArray[np.integer] | None = None,
    ) -> torch.Tensor:
        """Give final hidden states, (B, C, D); logits, (B, C, V), of a model that shows no states.

        Parameters
        ----------
        tokens_BC : ndarray of shape (B, C)
        cache : Cache, optional
            What went before; it is extended.
        mask : ndarray, optional
            1 for every token in the cache and here that counts, 0 for padding.
        positions_BC : ndarray of shape (B, C), optional
        """
        largest = int(tokens_BC.max(initial=0))
        if largest >= self._entries:
            # a GPU answers with an error that leaves it unusable, and names no token
            raise MeasurementError(
                f"the tokenizer gives token {largest} and the embedding of `{self._name}` has "
                f"{self._entries} entries",
                hint="see that the tokenizer in its folder is the model's own",
            )
        given: dict[str, Any] = {"input_ids": self._tensor(tokens_BC), "use_cache": False}
        if cache is not None:
            given |= {self._cache_name: cache, "use_cache": True}
        if mask is not None:
            given["attention_mask"] = self._tensor(mask)
        if positions_BC is not None:
            given["position_ids"] = self._tensor(positions_BC)
        try:
            with torch.inference_mode():
                output = self._run(**given)
        except (RuntimeError, ValueError, IndexError, NotImplementedError) as error:
            raise MeasurementError(
                f"PyTorch could not run {tokens_BC.size} tokens of `{self._name}`: {error!s:.300}",
                hint="use a smaller context length or `batch_tokens`, or another `attention`"
                + failure_hint(self._cache, tokens_BC.size),
            ) from error
        found: torch.Tensor = output.last_hidden_state if self._gives_states else output.logits
        return found

    def logits(self, states_TD: torch.Tensor) -> NDArray[np.float32]:
        """Logits of states, (T, V), float32."""
        with torch.inference_mode():
            last = self.head or self._tail
            rows = states_TD.float() if last is None else last.logits(states_TD)
        found: NDArray[np.float32] = rows.cpu().numpy()
        return found

    def hidden(self, states_TD: torch.Tensor) -> NDArray[np.float32] | None:
        """States as they go to the head, (T, D); null where no form of it is known."""
        if self.head is None:
            return None
        found: NDArray[np.float32] = states_TD.float().cpu().numpy()
        return found

    @property
    def is_on_gpu(self) -> bool:
        """Whether the head and what leads to it are on a CUDA device."""
        return self._device.type == "cuda" and (
            self.head is None or self.head.weight_VD.device.type == "cuda"
        )

    def close(self) -> None:
        """Let go of the weights."""
        is_cuda = self._device.type == "cuda"
        self._model = self._run = self.head = self._tail = None
        if is_cuda:
            torch.cuda.empty_cache()

    def _tensor(self, values: NDArray[np.integer]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int64)).to(self._device)

    def _check_cache(self, kind: str) -> None:
        helper = CACHES[kind].helper
        try:
            self.new_cache()
        except ImportError as error:
            raise MissingExtraError(
                f"a cache in `{kind}` needs a package that is not installed: {error!s:.300}",
                hint=None if helper is None else f"pip install {helper}",
            ) from error
        except (ValueError, AttributeError) as error:  # some models have no heads to speak of
            raise ModelFileError(
                f"transformers keeps no cache in `{kind}` for `{self._name}`: {error!s:.300}",
                hint="leave `cache_k` and `cache_v` out, or take another type",
            ) from error

    def _head_width(self) -> int:
        width = getattr(self._config, "head_dim", None)
        return int(width or self._config.hidden_size // self._config.num_attention_heads)

    def _rows(self) -> int:
        if self.head is not None:
            return len(self.head.weight_VD)
        layer = self._model.get_output_embeddings()
        return int(getattr(layer, "out_features", None) or self._config.vocab_size)
