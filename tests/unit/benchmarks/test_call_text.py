"""Function calls read in what a model wrote, hostile texts among it."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silentzone.benchmarks.rules.call_text import (
    LONGEST_TEXT,
    Call,
    UnreadableCallsError,
    read_calls,
    written,
)

_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(2), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [
        "[a.b(x=1), c()]",
        "a.b(x=1), c()",
        " [a.b(x=1),\n c()]\n",
        "```\n[a.b(x=1), c()]\n```",
        "```python\n[a.b(x=1), c()]\n```",
        "```[a.b(x=1), c()]```",
        "`a.b(x=1), c()`",
        "[a.b(x=1), c()",
    ],
)
def test_space_a_fence_and_missing_brackets_are_forgiven(text):
    assert written(read_calls(text)) == "[a.b(x=1), c()]"


@pytest.mark.parametrize("text", ["", " \n", "[]", "```\n[]\n```"])
def test_no_call_is_read_in_an_empty_list_and_in_nothing(text):
    assert read_calls(text) == ()


@given(st.dictionaries(st.from_regex(r"\Ax[a-z0-9_]{0,8}\Z"), _VALUES, max_size=4))
def test_what_is_written_is_read_again(arguments):
    calls = (Call(function="a.b", arguments=arguments),)
    text = written(calls)
    assert read_calls(text) == calls
    assert written(read_calls(text)) == text


@given(st.text(st.characters() | st.sampled_from("[](){}=,'\"`.-1a\n\\#"), max_size=60))
def test_any_text_is_calls_or_unreadable(text):
    try:
        calls = read_calls(text)
    except UnreadableCallsError:
        return
    assert read_calls(written(calls)) == calls


def test_bare_words_are_texts_and_signs_belong_to_numbers():
    (call,) = read_calls("[f(a=red, b=-1, c=+2.5, d=None, e=True, g=true)]")
    assert call.arguments == {"a": "red", "b": -1, "c": 2.5, "d": None, "e": True, "g": "true"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sure: [f(x=1)]", "not Python"),
        ("[f(x=1)] Done.", "not Python"),
        ("[f(x=1)]\n[f(x=1)]", "not Python"),
        ("[f(x=1)]; import os", "not Python"),
        ("[f(x=1)], [f(x=1)]", "not one list"),
        ("[f(x=1) for _ in y]", "not one list"),
        ("[f(x=1)][0]", "not one list"),
        ("[[f(x=1)]]", "not a call"),
        ("[f]", "not a call"),
        ("[await f(x=1)]", "not a call"),
        ("[f(1)]", "no name"),
        ("[f(*[1])]", "no name"),
        ("[f(**{'x': 1})]", "unpacked"),
        ("[f(x=1, x=1)]", "repeated"),
        ("[f(x={1: 1, 1: 1})]", "a key is repeated"),
        ("[f(x={(1, 2): 1})]", "a key"),
        ("[f(x={**{}})]", "a key"),
        ("[f(x=g(y=1))]", "not a literal"),
        ("[f(x=1 + 1)]", "not a literal"),
        ("[f(x=10**10**10)]", "not a literal"),
        ("[f(x=f'{1}')]", "not a literal"),
        ("[f(x=(y := 1))]", "not a literal"),
        ("[f(x=[*[1]])]", "not a literal"),
        ("[f(x=lambda: 1)]", "not a literal"),
        ("[f(x={1})]", "not a literal"),
        ("[f(x=...)]", "not a literal"),
        ("[f(x=b'1')]", "not a literal"),
        ("[f(x=1j)]", "not a literal"),
        ("[f(x=not 1)]", "not a literal"),
        ("[f(x=-True)]", "not a number"),
        ("[f(x=1e999)]", "too large"),
        ("[f(x=0x" + "f" * 15_000 + ")]", "too large"),
        ("[f(x=" + "9" * 10_000 + ")]", "not Python"),
        ("[f(x='\0')]", "not Python"),
        ("[f(x='\ud800')]", "not Python"),
        ("['f'(x=1)]", "not a name"),
        ("[f(x=1)(x=1)]", "not a name"),
        ("[f(x=" + "[" * 40 + "]" * 40 + ")]", "too deeply"),
        ("[f(x=" + "[" * 9_000 + "]" * 9_000 + ")]", "not Python"),
        ("[f(x=" + "-" * 15_000 + "1)]", "not Python"),
        ("a." * 9_000 + "f(x=1)", "not Python"),
        ("(" * 9_000, "not Python"),
        ("f" * (LONGEST_TEXT + 1), "longer than"),
    ],
)
def test_what_is_no_list_of_literal_calls_is_refused(text, why):
    with pytest.raises(UnreadableCallsError, match=why):
        read_calls(text)


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system(cmd={0})",
        "f(x=__import__('os').system({0}))",
        "f(x=open({0}, 'w'))",
    ],
)
def test_nothing_that_is_read_is_run(code, tmp_path):
    with pytest.raises(UnreadableCallsError):
        read_calls(f"[{code.format(repr(str(tmp_path / 'made')))}]")
    assert list(tmp_path.iterdir()) == []


def test_odd_escapes_are_read_whatever_is_done_with_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (call,) = read_calls(r"[f(x='\d')]")
    assert call.arguments == {"x": r"\d"}


def test_what_cannot_be_stored_is_written_as_an_escape():
    assert written(read_calls(r"[f(x='\ud800\x00')]")) == r"[f(x='\ud800\x00')]"
