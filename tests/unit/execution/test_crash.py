"""Words for how a process ended."""

from __future__ import annotations

import signal

import pytest

from silentzone.execution.crash import ending, plain_line, printed_lines, telling_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\x00\x08\x7f\x9bb", "ab"),
        ("right\u202eleft\u2066", "rightleft"),
        ("  tab\there  ", "tab here"),
        ("y" * 400, "y" * 299 + "…"),
    ],
)
def test_a_line_can_be_shown_anywhere(text, shown):
    assert plain_line(text) == shown


def test_output_may_begin_inside_a_character_and_overwrite_lines():
    printed = b"\xa9cut\n\n10 %\r20 %\r\n" + "é".encode()
    assert printed_lines(printed) == ("\ufffdcut", "10 %", "20 %", "é")


def test_only_the_last_lines_are_kept():
    printed = b"".join(b"%d\n" % number for number in range(100))
    assert printed_lines(printed) == tuple(str(number) for number in range(88, 100))


def test_the_last_line_that_speaks_of_a_failure_is_the_telling_one():
    assert telling_line(("error: a", "error: b", "frame")) == "error: b"
    assert telling_line(("loading", "done")) == "done"
    assert telling_line(()) is None


@pytest.mark.parametrize("number", [*signal.Signals, 200])
def test_every_signal_has_words(number):
    words, _ = ending(-int(number))
    name = signal.Signals(number).name if number in list(signal.Signals) else "signal 200"
    assert words.endswith(f"({name})")
    assert len(words) > len(name) + 5
