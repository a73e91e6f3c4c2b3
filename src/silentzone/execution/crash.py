"""How a worker process ended, in words for the person who waits."""

from __future__ import annotations

import re
import signal
import unicodedata

LINES_KEPT = 12
_LINE_LENGTH = 300

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_TELLING = re.compile(
    r"GGML_ASSERT|GGML_ABORT|terminate called|what\(\):|bad_alloc|out of memory|cannot allocate"
    r"|fatal|\berror\b|\bfailed\b",
    re.IGNORECASE,
)
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

_SIGNALS = {
    "SIGABRT": ("the native library aborted", "the last lines it printed say why"),
    "SIGSEGV": (
        "the native library touched memory it may not",
        "check that the model file is whole and made for this engine",
    ),
    "SIGBUS": (
        "a file it had mapped became shorter or unreadable",
        "check that the model file is whole and does not change while it is read",
    ),
    "SIGILL": (
        "the native library used an instruction this processor does not have",
        "install the engine built on this machine",
    ),
    "SIGFPE": ("the native library divided by zero", "check that the model file is whole"),
    "SIGKILL": (
        "it was killed, most likely for lack of memory",
        "close other programs, or use a smaller model, batch or context",
    ),
    "SIGTERM": ("it was told to stop", None),
    "SIGXCPU": ("it used up the processor time this machine allows", None),
}


def printed_lines(printed: bytes) -> tuple[str, ...]:
    r"""Last lines of what a process printed, as plain text.

    Parameters
    ----------
    printed : bytes
        Raw output; may begin in the middle of a line or of a character.

    Returns
    -------
    tuple of str
        At most 12 lines of at most 300 characters, blank ones left out; without escape sequences,
        control characters and characters that change the direction of text.

    Examples
    --------
    >>> printed_lines(b"loading\n\x1b[31mGGML_ASSERT(n > 0) failed\x1b[0m\n")
    ('loading', 'GGML_ASSERT(n > 0) failed')
    """
    lines = (plain_line(line) for line in re.split(r"[\r\n]+", printed.decode("utf-8", "replace")))
    return tuple(line for line in lines if line)[-LINES_KEPT:]


def plain_line(text: str) -> str:
    """One line of at most 300 characters that can be shown anywhere."""
    text = _ESCAPE_SEQUENCE.sub("", text)
    shown = "".join(
        " " if character in "\t\r\n" else character
        for character in text
        if character in "\t\r\n" or unicodedata.category(character) not in _HIDDEN_CATEGORIES
    ).strip()
    return shown if len(shown) <= _LINE_LENGTH else shown[: _LINE_LENGTH - 1] + "…"


def telling_line(lines: tuple[str, ...]) -> str | None:
    """Line most likely to say why: the last one that speaks of a failure, else the last."""
    telling = [line for line in lines if _TELLING.search(line)]
    found = telling or list(lines)
    return found[-1] if found else None


def ending(return_code: int) -> tuple[str, str | None]:
    """How a process ended, and a way out.

    Parameters
    ----------
    return_code : int
        As ``subprocess`` gives it: negative is the number of the signal.

    Returns
    -------
    tuple of (str, str or None)

    Examples
    --------
    >>> ending(-6)[0]
    'the native library aborted (SIGABRT)'
    >>> ending(3)[0]
    'it ended with exit code 3 before it gave a result'
    """
    if return_code >= 0:
        return f"it ended with exit code {return_code} before it gave a result", None
    try:
        name = signal.Signals(-return_code).name
    except ValueError:
        name = f"signal {-return_code}"
    words, hint = _SIGNALS.get(name, ("it was stopped by the system", None))
    return f"{words} ({name})", hint
