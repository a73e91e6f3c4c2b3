from __future__ import annotations

import json

import pytest

from silentzone.benchmarks.rules.python_tests import (
    ProgramGold,
    check_tests_gold,
    code_blocks,
    program_of,
    read_tests_gold,
)
from silentzone.errors import BenchmarkError

PROMPT = 'import math\n\ndef twice(x):\n    return 2 * x\n\ndef f(x):\n    """Doubles."""\n'
GOLD = {"prompt": PROMPT, "test": "def check(candidate):\n    pass", "entry_point": "f"}
COMPLETED = ProgramGold(**GOLD, answer="completion")
ASKED = ProgramGold(**GOLD, answer="chat")
BEFORE = "import math\n\ndef twice(x):\n    return 2 * x\n\n"


def test_a_gold_comes_back_as_it_was():
    assert read_tests_gold(ASKED.as_value(), "here") == ASKED
    assert read_tests_gold(json.dumps(GOLD), "here") == COMPLETED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": "def check(candidate:"}, "`test` is no Python"),
        ({"test": "x = 1"}, r"must define `check\(candidate\)`"),
        ({"test": "def check():\n    pass"}, r"must define `check\(candidate\)`"),
        ({"test": "def check(candidate):\n    pass\n\x00"}, "`test` is no Python"),
        ({"test": "(" * 5000}, "`test` is no Python"),
        ({"prompt": "def g(x):\n"}, "`prompt` does not define `f`"),
        ({"prompt": "def f(x:\n"}, "`prompt` is no Python"),
        ({"prompt": "x" * 200_000}, "`prompt` must be a text"),
        ({"entry_point": "f()"}, "`entry_point` must be the name"),
        ({"entry_point": 1}, "`entry_point` must be a text"),
        ({"test": ""}, "`test` must be a text"),
        ({"answer": "guess"}, "`answer` must be one of completion, chat"),
        ({"more": 1}, "must have the fields"),
    ],
)
def test_tests_that_no_answer_could_meet_are_refused(change, message):
    with pytest.raises(BenchmarkError, match=f"here: .*{message}"):
        check_tests_gold(json.dumps(GOLD | change), "here")


@pytest.mark.parametrize("value", ["{", "[]", "[" * 100_000, '{"prompt": "x"}'])
def test_what_is_no_object_with_its_fields_is_refused(value):
    with pytest.raises(BenchmarkError, match="here"):
        check_tests_gold(value, "here")


def test_a_completion_stands_after_the_prompt_as_it_is():
    assert program_of("    return x\n```", COMPLETED) == PROMPT + "    return x\n```"


def test_of_a_message_the_block_that_defines_the_function_is_taken():
    text = (
        "First:\n```\npip install x\n```\nThen\n```python\ndef f(x):\n    return twice(x)\n```\n"
        "and\n```python\nprint(f(1))\n```\n"
    )
    assert program_of(text, ASKED) == BEFORE + "def f(x):\n    return twice(x)\n"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("def f(x):\n    return 1", BEFORE + "def f(x):\n    return 1"),
        ("    return 1\n", PROMPT + "    return 1\n"),
        ("```\n    return 1\n```", PROMPT + "    return 1\n"),
        ("```py\ndef f(x):\n    return 1\n", BEFORE + "def f(x):\n    return 1\n"),
        ("~~~python\ndef f(x):\n    return '```'\n~~~", BEFORE + "def f(x):\n    return '```'\n"),
        ("```bash\nls\n```\nI cannot.", PROMPT + "```bash\nls\n```\nI cannot."),
        ("```python\nasync def f(x):\n    ...\n```", BEFORE + "async def f(x):\n    ...\n"),
        ("", PROMPT),
    ],
)
def test_messages_of_many_forms_are_read(text, program):
    assert program_of(text, ASKED) == program


def test_blocks_are_read_line_by_line():
    assert code_blocks("a\n````python\n```\nx\n````\n```js\ny\n```\n```\nz") == ["```\nx\n", "z"]
    assert code_blocks("no code, `x = 1` alone") == []
    assert len(code_blocks("```\n" * 100_001)) == 50_001
