"""One answer as it grows token by token, and when it ends."""

from __future__ import annotations

import codecs
import time
from typing import TYPE_CHECKING

import numpy as np

from silentzone.backends.base import TextResult
from silentzone.backends.sampling import choose_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from silentzone.backends.base import TextRequest


class Answer:
    """An answer under way.

    Parameters
    ----------
    index : int
        Position of the request.
    request : TextRequest
    context_length : int
        Tokens of prompt and answer together that the model can hold.
    piece : callable
        Bytes of a token; null where the token is the model's end.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        index: int,
        request: TextRequest,
        context_length: int,
        piece: Callable[[int], bytes | None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.request = request
        self.tokens: list[int] = []
        self._index = index
        self._piece = piece
        self._clock = clock
        self._started = clock()
        self._rng = np.random.default_rng(request.sampling.seed)
        # UTF-8 never has one character's bytes inside another's, so bytes are searched.
        self._bytes = bytearray()
        self._stops = tuple(stop.encode() for stop in request.stop)
        self._longest_stop = max(map(len, self._stops), default=0)
        self._room = context_length - len(request.prompt)
        self.result: TextResult | None = None if self._room > 0 else self._end("too_long")
        """Set when the answer has ended."""

    def take(self, logits_V: NDArray[np.float32]) -> int | None:
        """Choose the next token; null where the answer has ended with it."""
        if not np.isfinite(logits_V).all():
            self.fail(f"the logits of token {len(self.tokens)} are not finite")
            return None
        token = choose_token(logits_V, self.request.sampling, self._rng)
        piece = self._piece(token)
        if piece is None:
            self.result = self._end("stop")
            return None
        self.tokens.append(token)
        reason = self._reason(piece)
        if reason is not None:
            self.result = self._end(reason)
            return None
        return token

    def fail(self, message: str) -> None:
        """End the answer with an error."""
        self.result = self._end("error", message)

    def _reason(self, piece: bytes) -> str | None:
        """Why the answer ends with the token just taken."""
        before = len(self._bytes)
        self._bytes += piece
        start = max(0, before - self._longest_stop + 1)
        found = [place for stop in self._stops if (place := self._bytes.find(stop, start)) >= 0]
        limit = self.request.timeout_seconds
        if found:
            del self._bytes[min(found) :]
            return "stop"
        if len(self.tokens) >= self.request.max_tokens:
            return "length"
        if len(self.tokens) >= self._room:
            return "context"
        if limit is not None and self._clock() - self._started > limit:
            return "timeout"
        return None

    def _end(self, reason: str, error: str | None = None) -> TextResult:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return TextResult(
            request=self._index,
            text=decoder.decode(bytes(self._bytes)),
            tokens=np.array(self.tokens, np.int32),
            finish_reason=reason,
            seconds=self._clock() - self._started,
            error=error,
        )
