"""What llama.cpp prints, kept instead of printed: its last lines explain a failure."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

_KEPT_CHARACTERS: Final = 16_384
_pieces: deque[str] = deque(maxlen=512)
_callbacks: list[Any] = []


def capture_log() -> None:
    """Send llama.cpp's messages to memory from now on.

    The callback object is kept for the life of the process: the library calls it from native code
    at any later time, also while it shuts down.
    """
    if _callbacks:
        return
    import llama_cpp

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator,unused-ignore]
    def keep(level: int, text: bytes | None, user_data: object) -> None:  # noqa: ARG001 - C's form
        _pieces.append((text or b"").decode("utf-8", "replace")[:_KEPT_CHARACTERS])

    _callbacks.append(keep)
    llama_cpp.llama_log_set(keep, None)


def forget_log() -> None:
    """Drop what was kept, so that the next failure is explained by its own lines."""
    _pieces.clear()


def last_log_lines(count: int = 6) -> str:
    """Give the last lines llama.cpp printed, control characters removed."""
    lines = [
        "".join(character for character in line if character.isprintable()).strip()
        for line in "".join(_pieces)[-_KEPT_CHARACTERS:].splitlines()
    ]
    return "\n".join([line for line in lines if line.strip("= .")][-count:])
