"""Requests of lm-evaluation-harness put to an engine: log-likelihoods and written texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from silentzone.backends.base import BatchSplit, ContinuationRequest, Sampling, TextRequest
from silentzone.benchmarks.pairs import split_pair
from silentzone.errors import BenchmarkError
from silentzone.metrics.kernels import log_likelihood

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend, TextBackend

    Tokenize = Callable[[str], NDArray[np.int32]]

_REGULAR = BatchSplit()
_DEFAULT_TOKENS = 256
"""Of a text, where the task names no limit: lm-evaluation-harness's own."""
_TOKEN_LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_NO_EFFECT = {"num_beams": 1, "repetition_penalty": 1.0, "presence_penalty": 0.0, "min_p": 0.0}
"""Settings that may stand in a task as long as they have these values, which change nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Context and continuation as token ids."""

    status: str
    """``ok``, ``empty_prompt``, ``empty_continuation`` or ``too_long``."""
    context: NDArray[np.int32]
    continuation: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """What a model says to one pair; the numbers are null unless ``status`` is ``ok``."""

    status: str
    log_likelihood: float | None = None
    is_greedy: bool | None = None
    """Whether every token of the continuation is the most likely one."""


def tokenizer_of(backend: LogitBackend, *, chat: bool) -> Tokenize:
    """Text to token ids, with BOS where the vocabulary adds it; rendered templates as such."""
    if chat:
        return cast("TextBackend", backend).tokenize_chat
    return lambda text: backend.tokenize(text, add_bos=True)


def prefix_token(backend: LogitBackend) -> int | None:
    """Token that stands in for an empty context: BOS, or else EOS; null where neither is known."""
    alone = backend.tokenize("", add_bos=True)
    if len(alone) == 1:
        return int(alone[0])
    if not backend.capabilities.generates_text:
        return None
    writer = cast("TextBackend", backend)
    template = writer.chat_template
    if template is None:
        return None
    for text in (template.bos_token, template.eos_token):
        tokens = writer.tokenize_chat(text) if text else np.empty(0, np.int32)
        if len(tokens) == 1:
            return int(tokens[0])
    return None


def encode_pair(
    backend: LogitBackend, context: str, continuation: str, context_length: int, *, chat: bool
) -> Pair:
    """Tokens of a context and what follows, split as lm-evaluation-harness splits them.

    An empty context is the prefix token. A pair that does not fit is ``too_long``:
    lm-evaluation-harness cuts its beginning off, which asks another question.
    """
    if context:
        pair = split_pair(tokenizer_of(backend, chat=chat), context, continuation)
        status, head, tail = pair.status, pair.prompt, pair.continuation
    else:
        prefix = prefix_token(backend)
        tail = backend.tokenize(continuation, add_bos=False)
        head = np.array([] if prefix is None else [prefix], np.int32)
        if prefix is not None and tail[:1].tolist() == [prefix]:
            tail = tail[1:]
        status = "ok" if len(head) and len(tail) else "empty_prompt"
        if len(head) and not len(tail):
            status = "empty_continuation"
    if status == "ok" and len(head) + len(tail) > context_length:
        status = "too_long"
    return Pair(status=status, context=head, continuation=tail)


def score_pairs(
    backend: LogitBackend,
    pairs: Sequence[Pair],
    *,
    split: BatchSplit = _REGULAR,
    on_pair: Callable[[int], None] = lambda _done: None,
) -> list[PairScore]:
    """Log-likelihood of every continuation after its context.

    Pairs with the same context are one request, whatever their order: the context is decoded once
    and its continuations after it. The same pair asked twice is decoded once.
    """
    groups: dict[bytes, dict[bytes, list[int]]] = {}
    for index, pair in enumerate(pairs):
        if pair.status == "ok":
            tails = groups.setdefault(pair.context.tobytes(), {})
            tails.setdefault(pair.continuation.tobytes(), []).append(index)
    places = [list(tails.values()) for tails in groups.values()]
    requests = [
        ContinuationRequest(
            prompt=pairs[group[0][0]].context,
            continuations=tuple(pairs[same[0]].continuation for same in group),
        )
        for group in places
    ]
    scores = [PairScore(status=pair.status) for pair in pairs]
    done = 0
    for part in backend.continuation_logits(requests, split=split):
        same = places[part.request][part.continuation]
        tokens = requests[part.request].continuations[part.continuation]
        score = _score(part.logits_NV, tokens)
        for index in same:
            scores[index] = score
        done += len(same)
        on_pair(done)
    return scores


def _score(logits_NV: NDArray[np.float32], tokens: NDArray[np.int32]) -> PairScore:
    value = log_likelihood(logits_NV, tokens)
    if not np.isfinite(value):
        return PairScore(status="non_finite")
    is_greedy = bool((logits_NV.argmax(axis=1) == tokens).all())
    return PairScore(status="ok", log_likelihood=float(value), is_greedy=is_greedy)


def text_request(
    tokens: NDArray[np.int32],
    settings: Mapping[str, Any],
    *,
    seed: int,
    timeout_seconds: float | None,
    task: str,
) -> TextRequest:
    """One prompt with a task's ``generation_kwargs``.

    Raises
    ------
    BenchmarkError
        If they ask for something that our engines do not do.
    """
    given = dict(settings)
    limits = [given.pop(name, None) for name in _TOKEN_LIMITS]
    limit = next((value for value in limits if value is not None), _DEFAULT_TOKENS)
    until = given.pop("until", None) or []
    stop = [until] if isinstance(until, str) else list(until)
    temperature = float(given.pop("temperature", 0.0) or 0.0)
    does_sample = given.pop("do_sample", None)
    if does_sample is False:
        temperature = 0.0
    elif does_sample and temperature == 0.0:
        temperature = 1.0 if "temperature" not in settings else 0.0
    top_k, top_p = int(given.pop("top_k", 0) or 0), float(given.pop("top_p", 1.0) or 1.0)
    for name, value in given.items():
        if _NO_EFFECT.get(name, value if value is None else object()) != value:
            raise BenchmarkError(
                f"the task `{task}` asks for `{name}: {value}` in `generation_kwargs`, which our "
                "engines do not do",
                hint="leave it out, or run the task with another model of lm-evaluation-harness",
            )
    return TextRequest(
        prompt=tokens,
        max_tokens=int(limit),
        stop=tuple(str(one) for one in stop if one),
        sampling=Sampling(temperature=temperature, top_k=max(0, top_k), top_p=top_p, seed=seed),
        timeout_seconds=timeout_seconds,
    )
