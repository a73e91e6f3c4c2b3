from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from silentzone.records.escaping import labels, shorten, visible
from silentzone.report.terminal import printable


@given(st.text())
def test_no_control_or_direction_character_survives(text):
    shown = visible(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


def test_bidi_override_is_spelled_out():
    assert visible("Q4\u202eK_4Q") == "Q4\\u202eK_4Q"


@given(st.text(alphabet="[]/redbold\x1b(31m", max_size=40))
def test_rich_prints_a_printable_text_as_it_reads(text):
    console = Console(width=1000, highlight=False, force_terminal=True, color_system="truecolor")
    with console.capture() as capture:
        console.print(printable(text), end="", soft_wrap=True)
    assert capture.get() == visible(text)


def test_long_names_keep_head_and_tail():
    short = shorten("a" * 150 + "b" * 150, 40)
    assert len(short) == 41
    assert short.startswith("aa")
    assert short.endswith("bb")


@given(st.lists(st.text(alphabet="ab\u202e", max_size=4), max_size=6))
def test_labels_differ_when_names_differ_by_what_cannot_be_seen(names):
    found = labels(names)
    assert len(found) == len(names)
    assert len(set(found)) == len(names)


def test_names_that_differ_only_in_the_middle_get_numbers():
    names = ["x" * 100 + mark + "y" * 100 for mark in "ab"]
    assert len(set(labels(names))) == 2
