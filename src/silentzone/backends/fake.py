"""A deterministic engine that computes nothing of a language: for tests of the whole pipeline.

A model is a JSON file::

    {"fake_model": 1, "seed": 7, "noise": 0.05, "vocabulary": 257, "misbehave": null}

Logits are a fixed random function of the last tokens; ``noise`` displaces the output head, so two
files with the same ``seed`` and different ``noise`` behave like a reference and a quant of it.
``misbehave`` is ``nan`` (non-finite logits in window 1), ``abort`` (the process dies in window 1)
or ``refuse`` (a decode fails). ``tokenizer`` names another tokenizer than the usual ``bytes``, and
``quantized`` claims that the weights are. A text that it writes ends with a NUL; the logits of the
second text asked for are not finite under ``nan``. ``chat_template`` is the model's own template.
A cache in ``q8_0`` or ``q4_0`` displaces the hidden states a little; one in ``f16`` does not.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.backends.answer import Answer
from silentzone.backends.base import (
    BatchSplit,
    Capabilities,
    ChatTemplate,
    ContinuationLogits,
    ContinuationRequest,
    EngineSettings,
    WindowLogits,
)
from silentzone.backends.registry import Engine
from silentzone.errors import InputError, MeasurementError, ModelFileError
from silentzone.metrics.head import OutputHead
from silentzone.records.models import BackendInfo, ModelRef, text_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from silentzone.backends.base import TextRequest, TextResult
    from silentzone.records.windows import WindowPlan

_BOS = 256
_WIDTH = 16
_REACH = 3
"""Tokens that a logit depends on."""
_REGULAR = BatchSplit()
_CACHE_NOISE = {None: 0.0, "f16": 0.0, "q8_0": 0.01, "q4_0": 0.1}


class FakeBackend:
    """A fake model, loaded."""

    capabilities = Capabilities(
        gives_hidden_states=True, can_share_prompts=True, generates_text=True
    )
    adds_bos = True

    def __init__(self, path: Path, model: ModelRef, settings: EngineSettings) -> None:
        content = _read(path)
        self.model = model
        self.info = _describe(settings)
        self._misbehave = content["misbehave"]
        self._chat_template = content["chat_template"]
        self._head = _head(content)
        generator = np.random.default_rng([content["seed"], 1])
        self._embedding = generator.standard_normal((content["vocabulary"], _WIDTH))
        self._rows_at_once = max(1, settings.memory_bytes // (4 * content["vocabulary"]))
        self._cache_noise = max(_CACHE_NOISE[kind] for kind in (model.cache_k, model.cache_v))

    def __enter__(self) -> FakeBackend:
        """Give the backend itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Hold nothing."""

    def tokenize(self, text: str, *, add_bos: bool) -> NDArray[np.int32]:
        """Bytes as token ids, BOS (256) in front if asked."""
        tokens = np.frombuffer(text.encode(), np.uint8).astype(np.int32)
        return np.concatenate(([_BOS], tokens)).astype(np.int32) if add_bos else tokens

    def token_bytes(self, tokens: NDArray[np.int32]) -> list[bytes]:
        """Each token is a byte; BOS is nothing."""
        return [bytes([token]) if token < 256 else b"" for token in tokens.tolist()]

    def window_logits(
        self,
        windows: Iterable[NDArray[np.int32]],
        plan: WindowPlan,
        *,
        with_hidden: bool = False,
        split: BatchSplit = _REGULAR,
    ) -> Iterator[WindowLogits]:
        """Logits of the scored positions of each window, in order."""
        for index, window in enumerate(windows):
            if index == 1:
                self._fail()
            if len(window) != plan.context_length:
                raise InputError(
                    f"window {index} has {len(window)} tokens, not {plan.context_length}."
                )
            tokens = window.copy()
            if plan.add_bos:
                tokens[0] = _BOS
            hidden = self._hidden(tokens)[plan.first_scored : plan.context_length - 1]
            logits = self._logits(hidden, split)
            if index == 1 and self._misbehave == "nan":
                logits[3] = np.nan
            for start in range(0, len(logits), self._rows_at_once):
                part = slice(start, start + self._rows_at_once)
                states = hidden[part] if with_hidden else None
                yield WindowLogits(index, logits[part], states, start=start)

    def continuation_logits(
        self,
        requests: Sequence[ContinuationRequest],
        *,
        with_hidden: bool = False,
        share_prompts: bool = True,  # noqa: ARG002 - changes nothing in this engine
        split: BatchSplit = _REGULAR,
    ) -> Iterator[ContinuationLogits]:
        """Logits that predict every continuation, grouped by request, in order."""
        for index, request in enumerate(requests):
            for k, continuation in enumerate(request.continuations):
                tokens = np.concatenate((request.prompt, continuation[:-1]))
                hidden = self._hidden(tokens)[len(request.prompt) - 1 :]
                states = hidden if with_hidden else None
                yield ContinuationLogits(index, k, self._logits(hidden, split), states)

    @property
    def chat_template(self) -> ChatTemplate | None:
        """The template the file names; its tokens are nothing."""
        source = self._chat_template
        return None if source is None else ChatTemplate(source=source, bos_token="", eos_token="")

    def tokenize_chat(self, text: str) -> NDArray[np.int32]:
        """Bytes as token ids, BOS in front."""
        return self.tokenize(text, add_bos=True)

    def generate(
        self,
        requests: Sequence[TextRequest],
        *,
        context_length: int,
        slots: int = 8,  # noqa: ARG002 - changes nothing in this engine
        split: BatchSplit = _REGULAR,
    ) -> Iterator[TextResult]:
        """Continue every prompt, one after the other."""
        for index, request in enumerate(requests):
            answer = Answer(index, request, context_length, _piece)
            tokens = request.prompt
            while answer.result is None:
                logits = self._logits(self._hidden(tokens[-_REACH:])[-1:], split)
                if index == 1 and self._misbehave == "nan":
                    logits[:] = np.nan
                token = answer.take(logits[0])
                tokens = np.append(tokens, np.int32(token or 0))
            yield answer.result

    def _fail(self) -> None:
        if self._misbehave == "abort":
            os.abort()
        if self._misbehave == "refuse":
            raise MeasurementError(
                f"the fake engine refuses window 1 of `{self.model.name}`",
                hint="leave `misbehave` out of its file",
            )

    def _hidden(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        embedded = self._embedding[tokens]
        mixed = embedded.copy()
        for back in range(1, _REACH):
            mixed[back:] += embedded[:-back] / (1 + back)
        mixed += self._cache_noise * np.sin(1e3 * mixed)  # a cache's rounding of what was read
        return mixed.astype(np.float32)

    def _logits(self, hidden: NDArray[np.float32], split: BatchSplit) -> NDArray[np.float32]:
        logits = np.empty((len(hidden), len(self._head.weight_VD)), np.float32)
        self._head.logits(hidden, logits)
        if split.tokens_per_call is not None:  # an engine's rounding under another split
            logits += np.float32(1e-4) * np.sin(1e4 * logits)
        return logits


def _piece(token: int) -> bytes | None:
    """Each token is a byte, BOS is nothing; NUL ends a text."""
    if token == 0:
        return None
    return bytes([token]) if token < _BOS else b""


def _describe(settings: EngineSettings) -> BackendInfo:
    return BackendInfo(
        name="fake",
        version="1",
        build="numpy",
        device="CPU",
        settings=(("batch_tokens", str(settings.batch_tokens)),),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ModelFileError(f"`{path}` does not exist") from error
    except (OSError, ValueError) as error:
        raise ModelFileError(f"`{path}` is not a fake model file") from error
    if not isinstance(content, dict) or content.get("fake_model") != 1:
        raise ModelFileError(f"`{path}` is not a fake model file")
    usual = {"vocabulary": 257, "noise": 0.0, "tokenizer": "bytes", "quantized": False}
    return {**usual, "seed": 1, "misbehave": None, "chat_template": None, **content}


def _head(content: dict[str, Any]) -> OutputHead:
    shape = (content["vocabulary"], _WIDTH)
    weight = np.random.default_rng([content["seed"], 2]).standard_normal(shape)
    displacement = np.random.default_rng([content["seed"], 3]).standard_normal(shape)
    return OutputHead(
        row_code="f32", weight_VD=(weight + content["noise"] * displacement).astype(np.float32)
    )


def _read_model(
    path: Path, name: str, *, on_bytes: Callable[[int], None] | None = None
) -> ModelRef:
    content = _read(path)
    data = path.read_bytes()
    if on_bytes is not None:
        on_bytes(len(data))
    vocabulary = content["vocabulary"]
    return ModelRef(
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        file_bytes=len(data),
        parameter_count=2 * vocabulary * _WIDTH,  # head and body
        bits_per_weight=16.0 / (1.0 + content["noise"]),
        weight_format=f"noise {content['noise']}",
        architecture="fake",
        vocabulary_size=vocabulary,
        tokenizer_sha256=hashlib.sha256(f"{content['tokenizer']}{vocabulary}".encode()).hexdigest(),
        head_type="F32",
        is_quantized=content["quantized"],
        chat_template_sha256=text_sha256(content["chat_template"]),
    )


def _memory_bytes(
    path: Path, context_length: int, *, cache_k: str | None = None, cache_v: str | None = None
) -> tuple[int | None, str | None]:
    per_token = sum({"q8_0": 8, "q4_0": 4}.get(kind or "f16", 16) for kind in (cache_k, cache_v))
    return path.stat().st_size + context_length * per_token // 32, None


ENGINE = Engine(
    name="fake",
    open=FakeBackend,
    describe=_describe,
    read_model=_read_model,
    output_head=lambda path, _settings=None: _head(_read(path)),
    memory_bytes=_memory_bytes,
    cache_types=tuple(kind for kind in _CACHE_NOISE if kind is not None),
)
