"""What an engine must offer to be measured.

Shape letters: W windows, C tokens of a window, T scored positions of a window, V vocabulary
entries, D width of the final hidden state, N tokens of a continuation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from silentzone.records.config import ModelLoading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from silentzone.gpu.projection import Projection
    from silentzone.records.models import BackendInfo, ModelRef
    from silentzone.records.windows import WindowPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do, as data."""

    gives_hidden_states: bool
    can_share_prompts: bool
    generates_text: bool = False
    """Whether the engine is a :class:`TextBackend` as well."""
    keeps_states_on_device: bool = False
    """Whether the engine is a :class:`DeviceBackend` as well, and faster as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How an engine is started. ``memory_bytes`` bounds the vocabulary-wide values held at once."""

    threads: int
    batch_tokens: int = 2048
    micro_batch_tokens: int = 512
    gpu_layers: int = 0
    memory_bytes: int = 512 * 2**20
    loading: ModelLoading = field(default_factory=ModelLoading)


@dataclass(frozen=True, slots=True, eq=False)
class WindowLogits:
    """Logits of one window, or of a stretch of one; valid until the next one is asked for.

    A window whose logits are more than an engine may hold at once comes in stretches, in order.
    """

    index: int
    """Position of the window in the input order."""
    logits_TV: NDArray[np.float32]
    hidden_TD: NDArray[np.float32] | None
    windows_in_call: int = 1
    """Windows that were decoded in the same call of the engine."""
    start: int = 0
    """Scored position of the window, counted from its first, that the first row is of."""

    @property
    def rows(self) -> slice:
        """Scored positions of the window that the rows are of."""
        return slice(self.start, self.start + len(self.logits_TV))


@dataclass(frozen=True, slots=True, eq=False)
class WindowStates:
    """Scored positions of one window as final hidden states, and the head they go to."""

    index: int
    """Position of the window in the input order."""
    projection: Projection
    """On the engine's device."""


@dataclass(frozen=True, slots=True, eq=False)
class ContinuationRequest:
    """A shared prompt and the continuations to be scored after it, as token ids."""

    prompt: NDArray[np.int32]
    """At least one token."""
    continuations: tuple[NDArray[np.int32], ...]
    """Each at least one token."""


@dataclass(frozen=True, slots=True, eq=False)
class ContinuationLogits:
    """Logits that predict one continuation; valid until the next one is asked for."""

    request: int
    continuation: int
    logits_NV: NDArray[np.float32]
    """Row j predicts token j of the continuation."""
    hidden_ND: NDArray[np.float32] | None = None
    requests_in_call: int = 1
    """Requests that were decoded in the same call of the engine."""


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """How windows are cut into decode calls; used to perturb a run against itself.

    ``tokens_per_call`` null is the engine's regular batching of several windows per call.
    """

    tokens_per_call: int | None = None
    from_token: int = 0
    """Tokens of a window before this one go in one call all the same, or in one per stretch.

    Without ``tokens_per_call`` it says nothing."""

    def calls(self, first: int, last: int) -> Iterator[slice]:
        """Cut a stretch of a window into the calls of a split.

        Examples
        --------
        >>> [(part.start, part.stop) for part in BatchSplit(2, from_token=4).calls(0, 7)]
        [(0, 4), (4, 6), (6, 7)]
        """
        assert self.tokens_per_call is not None, "regular calls are the engine's own"
        if first < self.from_token:
            yield slice(first, min(self.from_token, last))
        for start in range(max(first, self.from_token), last, self.tokens_per_call):
            yield slice(start, min(start + self.tokens_per_call, last))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen: greedily, or drawn from a narrowed distribution."""

    temperature: float = 0.0
    """0 takes the most likely token, the lower id between equal ones; the rest is then unused."""
    top_k: int = 0
    """Most likely tokens that are kept; 0 keeps all."""
    top_p: float = 1.0
    """Smallest probability that the kept tokens reach together, after ``top_k``."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextRequest:
    """A prompt whose continuation the model writes."""

    prompt: NDArray[np.int32]
    """At least one token."""
    max_tokens: int
    stop: tuple[str, ...] = ()
    """The text ends before the first of these; they are found across token boundaries."""
    sampling: Sampling = Sampling()
    timeout_seconds: float | None = None
    """Wall-clock time from the start of this request."""
    draft: NDArray[np.int32] | None = None
    """Tokens that may well be the answer's first, another model's answer for example: an engine
    may try many of them out in one call. Whatever they are, and unless the sampling is greedy not
    at all, they decide no token; by the shape of its calls an engine may round otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextResult:
    """What became of one request."""

    request: int
    """Position of the request in the input order."""
    text: str
    """Written before the end; bytes that are no whole character at its end are left out."""
    tokens: NDArray[np.int32]
    """All that were generated, without the model's own end token."""
    finish_reason: str
    """``stop`` (the model's end or a stop string), ``length`` (``max_tokens``), ``context``,
    ``timeout``, ``too_long`` (the prompt leaves no room) or ``error``."""
    seconds: float
    """From the start of this request; others were under way at the same time."""
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTemplate:
    """A model's own template of a conversation, and the tokens it may name."""

    source: str
    """Jinja2. Code of a stranger: to be rendered in a sandbox only."""
    bos_token: str
    eos_token: str


class LogitBackend(Protocol):
    """An engine with one model loaded. Use as a context manager."""

    model: ModelRef
    info: BackendInfo
    capabilities: Capabilities

    def __enter__(self) -> LogitBackend:
        """Give the backend itself."""
        ...

    def __exit__(self, *exc_info: object) -> None:
        """Free the engine's memory."""
        ...

    @property
    def adds_bos(self) -> bool:
        """Whether the vocabulary asks for BOS before a text."""
        ...

    def tokenize(self, text: str, *, add_bos: bool) -> NDArray[np.int32]:
        """Token ids of a text; control tokens written out in the text stay text."""
        ...

    def token_bytes(self, tokens: NDArray[np.int32]) -> list[bytes]:
        """Bytes each token stands for (empty for control tokens)."""
        ...

    def window_logits(
        self,
        windows: Iterable[NDArray[np.int32]],
        plan: WindowPlan,
        *,
        with_hidden: bool = False,
        split: BatchSplit = BatchSplit(),
    ) -> Iterator[WindowLogits]:
        """Logits of the scored positions of each window, in order, one window at a time.

        A window whose logits take more than the settings' ``memory_bytes`` comes in stretches.
        """
        ...

    def continuation_logits(
        self,
        requests: Sequence[ContinuationRequest],
        *,
        with_hidden: bool = False,
        share_prompts: bool = True,
        split: BatchSplit = BatchSplit(),
    ) -> Iterator[ContinuationLogits]:
        """Logits that predict every continuation, grouped by request, in order."""
        ...


class DeviceBackend(LogitBackend, Protocol):
    """An engine whose states can be compared where they are, without logits on this side."""

    def window_states(
        self, windows: Iterable[NDArray[np.int32]], plan: WindowPlan
    ) -> Iterator[WindowStates]:
        """Hidden states of the scored positions of each window, in order."""
        ...


class TextBackend(LogitBackend, Protocol):
    """An engine that generates text besides, as its capabilities say."""

    @property
    def chat_template(self) -> ChatTemplate | None:
        """Template of the model's own metadata; null where it has none."""
        ...

    def tokenize_chat(self, text: str) -> NDArray[np.int32]:
        """Token ids of a rendered template: its control tokens are read as such.

        BOS is put in front if the vocabulary has the habit and the text does not begin with it.
        """
        ...

    def generate(
        self,
        requests: Sequence[TextRequest],
        *,
        context_length: int,
        slots: int = 8,
        split: BatchSplit = BatchSplit(),
    ) -> Iterator[TextResult]:
        """Continue every prompt, ``slots`` at a time; results come as each is finished."""
        ...
