"""Our engines as the model ``silentzone`` of lm-evaluation-harness.

This file imports lm-evaluation-harness: only its registry, or whoever wants this class, loads it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.errors import BenchmarkError, ConfigError, MeasurementError
from silentzone.harness.asking import Pair, prefix_token, score_pairs, text_request, tokenizer_of
from silentzone.harness.chat import ChatRenderer
from silentzone.metrics.kernels import set_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import TextBackend, TextRequest

_LOG = logging.getLogger("lm_eval.silentzone")
_DEFAULT_LENGTH = 2048
_PER_ROUND = 256
"""Contexts decoded between two reports of progress."""


class SilentzoneLM(TemplateLM):  # type: ignore[misc]
    """A model file on one of our engines.

    Parameters
    ----------
    path : str
        The model file.
    backend : str
        Name of the engine.
    threads : int, optional
        All processors that this process may use if not given.
    max_length : int, optional
        Tokens of context and continuation together; what the model was trained on if not given.
    gpu_layers : int
    seed : int
        Of texts that are drawn.
    answers_at_a_time : int
    truncate : bool
        Whether a prompt that does not fit loses its beginning, as with other models of
        lm-evaluation-harness; each is counted in the log. Without it such a prompt is an error,
        since there is no status here that an item could have instead of a score.
    batch_size, max_batch_size, device
        Taken because lm-evaluation-harness hands them to every model; they have no effect.
    """

    def __init__(  # noqa: PLR0913 - one per --model_args key
        self,
        path: str,
        backend: str = "llama_cpp",
        threads: int | None = None,
        max_length: int | None = None,
        gpu_layers: int = 0,
        *,
        seed: int = 1234,
        answers_at_a_time: int = 8,
        truncate: bool = False,
        batch_size: object = None,  # noqa: ARG002
        max_batch_size: object = None,  # noqa: ARG002
        device: object = None,  # noqa: ARG002
    ) -> None:
        super().__init__()
        if not (Path(path).is_file() or (Path(path) / "config.json").is_file()):
            raise ConfigError(f"`path={path}` is no model file and no folder of one")
        engine = engine_named(backend)
        count = int(threads or len(os.sched_getaffinity(0)))
        set_threads(count)
        settings = EngineSettings(threads=count, gpu_layers=int(gpu_layers))
        model = engine.read_model(Path(path), Path(path).stem)
        self._engine = engine.open(Path(path), model, settings).__enter__()
        self._length = int(max_length or model.training_context_length or _DEFAULT_LENGTH)
        self._seed, self._slots, self._truncates = int(seed), int(answers_at_a_time), bool(truncate)
        self._renderer: ChatRenderer | None = None
        self._shortened = 0

    # ------------------------------------------------- what the base class asks for

    @property
    def eot_token_id(self) -> int:
        """Token that stands in for an empty context."""
        return self.prefix_token_id

    @property
    def prefix_token_id(self) -> int:
        """BOS of the vocabulary, or else EOS."""
        token = prefix_token(self._engine)
        if token is None:
            raise MeasurementError(
                f"`{self._engine.model.name}` names no BOS and no EOS to stand in for an empty "
                "context"
            )
        return token

    @property
    def max_length(self) -> int:
        """Tokens of context and continuation together."""
        return self._length

    @property
    def tokenizer_name(self) -> str:
        """Identity of tokenizer and template, for caches of requests."""
        model = self._engine.model
        return f"{model.tokenizer_sha256[:16]}-{(model.chat_template_sha256 or 'none')[:16]}"

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_kwargs: object
    ) -> list[int]:
        """Token ids, with BOS where the vocabulary adds it."""
        if add_special_tokens is False:
            tokens = self._engine.tokenize(string, add_bos=False)
        else:
            tokens = tokenizer_of(self._engine, chat=self._renderer is not None)(string)
        return [int(token) for token in tokens]

    def get_model_info(self) -> dict[str, Any]:
        """Identity of the file and of the engine, for the results."""
        model, info = self._engine.model, self._engine.info
        return {
            "model_sha256": model.sha256,
            "model_num_parameters": model.parameter_count,
            "weight_format": model.weight_format,
            "tokenizer_sha256": model.tokenizer_sha256,
            "chat_template_sha256": model.chat_template_sha256,
            "engine": f"{info.name} {info.version} ({info.build})",
            "engine_settings": dict(info.settings),
        }

    # ------------------------------------------------------------------ requests

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[Any, Sequence[int], Sequence[int]]],
        disable_tqdm: bool = False,  # noqa: ARG002
        **_kwargs: object,
    ) -> list[tuple[float, bool]]:
        pairs = [self._fitting(context, rest) for _, context, rest in requests]
        answers = []
        for (asked, _, _), score in zip(requests, score_pairs(self._engine, pairs), strict=True):
            if score.log_likelihood is None or score.is_greedy is None:
                raise MeasurementError(f"no log-likelihood for {asked!r:.200}: {score.status}")
            answer = (score.log_likelihood, score.is_greedy)
            if asked is not None:
                self.cache_hook.add_partial("loglikelihood", asked, answer)
            answers.append(answer)
        return answers

    def loglikelihood_rolling(
        self,
        requests: Sequence[Any],
        disable_tqdm: bool = False,  # noqa: ARG002
    ) -> list[float]:
        """Log-likelihood of whole texts in windows of `max_length`, each token predicted once."""
        windows: list[tuple[Any, list[int], list[int]]] = []
        counts = []
        for request in requests:
            own = [
                (None, *make_disjoint_window(window))
                for window in get_rolling_token_windows(
                    token_list=self.tok_encode(request.args[0]),
                    prefix_token=self.prefix_token_id,
                    max_seq_len=self.max_length,
                    context_len=1,
                )
            ]
            counts.append(len(own))
            windows += own
        values = iter(value for value, _ in self._loglikelihood_tokens(windows))
        sums = [float(sum(next(values) for _ in range(count))) for count in counts]
        for request, value in zip(requests, sums, strict=True):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, value)
        return sums

    def generate_until(
        self,
        requests: Sequence[Any],
        disable_tqdm: bool = False,  # noqa: ARG002
    ) -> list[str]:
        """Texts, many at a time, each up to a stop string, the model's end or its limit."""
        if not self._engine.capabilities.generates_text:
            raise MeasurementError(f"the engine `{self._engine.info.name}` does not generate text")
        asked = [self._text_request(index, request) for index, request in enumerate(requests)]
        texts: list[str] = [""] * len(asked)
        writer = cast("TextBackend", self._engine)
        for result in writer.generate(asked, context_length=self._length, slots=self._slots):
            if result.finish_reason in {"error", "too_long"}:
                raise MeasurementError(
                    f"no text for request {result.request}: {result.error or result.finish_reason}"
                )
            texts[result.request] = result.text
            self.cache_hook.add_partial(
                "generate_until", requests[result.request].args, result.text
            )
        return texts

    def _text_request(self, index: int, request: Any) -> TextRequest:  # noqa: ANN401
        text, settings = request.args[:2]
        identity = json.dumps([self._seed, index, text])
        made = text_request(
            np.array(self.tok_encode(text), np.int32),
            settings,
            seed=int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8]),
            timeout_seconds=None,
            task=str(request.task_name),
        )
        room = self._length - made.max_tokens
        if len(made.prompt) <= room:
            return made
        kept = self._shortened_to(made.prompt, room)
        return type(made)(
            prompt=kept,
            max_tokens=made.max_tokens,
            stop=made.stop,
            sampling=made.sampling,
            timeout_seconds=None,
        )

    def _fitting(self, context: Sequence[int], continuation: Sequence[int]) -> Pair:
        tail = np.array(continuation, np.int32)
        head = np.array(context, np.int32)
        # The last token is predicted and never read: it needs no place, as everywhere in lm-eval.
        if len(head) + len(tail) > self._length + 1:
            head = self._shortened_to(head, self._length + 1 - len(tail))
        status = "ok" if len(head) and len(tail) else "empty_prompt or empty_continuation"
        return Pair(status=status, context=head, continuation=tail)

    def _shortened_to(self, tokens: NDArray[np.int32], room: int) -> NDArray[np.int32]:
        if not self._truncates or room < 1:
            raise BenchmarkError(
                f"a prompt of {len(tokens)} tokens does not fit: {max(room, 0)} of "
                f"`max_length={self._length}` are left for it",
                hint="`truncate=true` in --model_args cuts the beginning off, as other models of "
                "lm-evaluation-harness do; a study gives such an item the status `too_long`",
            )
        self._shortened += 1
        _LOG.warning("%d prompts were cut at their beginning", self._shortened)
        return tokens[-room:]

    # ------------------------------------------------------------- chat templates

    def apply_chat_template(
        self,
        chat_history: list[dict[str, str]],
        add_generation_prompt: bool = True,
    ) -> str:
        """Render messages with the template of the model's own metadata, in a sandbox."""
        if self._renderer is None:
            self._renderer = ChatRenderer(self._engine)
        return self._renderer(chat_history, add_generation_prompt)

    def chat_template(self, chat_template: bool | str = False) -> str | None:
        """Template of the model's own metadata; there is one, so no name chooses it."""
        if not chat_template:
            return None
        if isinstance(chat_template, str):
            raise ConfigError(f"a model file has one chat template, none of name `{chat_template}`")
        return ChatRenderer(self._engine).source
