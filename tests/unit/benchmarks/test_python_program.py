from __future__ import annotations

import collections
import enum
import json
import math

import pytest

from silentzone.benchmarks.rules.python_program import (
    LARGEST_BITS,
    MOST_KEYS,
    NotPlainError,
    decode,
    encode,
    runnable_prompt,
)


class Colour(enum.IntEnum):
    RED = 7


class AlwaysEqual:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


class EqualList(list[int]):
    def __eq__(self, other):
        return True


def nested(depth):
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -(2**70), 1.5, -0.0, math.inf, 5e-324, 1 + 2j, "", "é\ud800\x00",
        b"\x00\xff", [], [1, [2, (3,)]], (), {"a": [1], 2: None, (1, 2): {3}}, {1, "a"},
        frozenset({(1,)}), range(3, 30, 4), bytearray(b"x"),
    ],
)  # fmt: skip
def test_plain_data_comes_back_as_it_was(value):
    found = decode(encode(value))
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


def test_not_a_number_comes_back():
    assert math.isnan(decode(encode(math.nan)))


def test_subclasses_come_back_as_pythons_own_types():
    given = [Colour.RED, collections.Counter("aab"), collections.defaultdict(int, a=1)]
    found = decode(encode(given))
    assert found == [7, {"a": 2, "b": 1}, {"a": 1}]
    assert [type(one) for one in found] == [int, dict, dict]


def test_a_list_that_equals_everything_loses_that():
    found = decode(encode(EqualList([1])))
    assert found != [2]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (AlwaysEqual(), "AlwaysEqual"),
        ([AlwaysEqual()], "AlwaysEqual"),
        (iter([1]), "list_iterator"),
        (len, "builtin_function_or_method"),
        (1 << (LARGEST_BITS + 1), "huge number"),
        (nested(100), "too deep"),
        (["x"] * 200_000, "too large"),
        ("x" * 2**21, "too large"),
        (set(range(MOST_KEYS + 1)), "too large"),
        (range(10**9), "too large"),
        (range(10**3000), "too large"),
    ],
)
def test_what_is_not_plain_is_refused(value, reason):
    with pytest.raises(NotPlainError, match=reason):
        encode(value)


def test_a_list_that_holds_itself_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(NotPlainError, match="too deep"):
        encode(value)


@pytest.mark.parametrize(
    "line",
    [
        "", "{", "{}", "NaN", "1.5", '["object", []]', '["list"]', '["list", 1]',
        '["set", [["list", []]]]',
        '["dict", [[1]]]', '["dict", [[["list", []], 1]]]', '["float", "x"]', '["float", 1]',
        '["range", [1, 2, 0]]', '["range", [0, 1000000000]]', '["complex", ["0x1p0"]]',
        '["bytes", "0"]', "1" * 5000, json.dumps(1 << (LARGEST_BITS + 1)),
        "[" * 100_000, '["list", [' * 80 + "]]" * 80, '["__class__", []]',
        '["list", [' + "1," * 200_000 + "1]]",
        '["set", [' + ",".join(map(str, range(20_000))) + "]]",
        '"' + "x" * 2**21 + '"',
    ],
)  # fmt: skip
def test_a_line_that_could_not_have_been_made_is_refused(line):
    with pytest.raises(NotPlainError):
        decode(line)


def test_a_prompt_gets_a_body_where_it_has_none():
    bare = "def f(x):\n    # adds one\n"
    described = 'def f(x):\n    """Adds one."""\n'
    compile(runnable_prompt(bare), "prompt", "exec")
    assert runnable_prompt(described) == described
