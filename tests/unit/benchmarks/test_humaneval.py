from __future__ import annotations

import gzip
import json

import pytest

from silentzone.benchmarks.built_in import Draw
from silentzone.benchmarks.rules.python_tests import read_tests_gold
from silentzone.benchmarks.sets.humaneval import (
    FILE,
    HUMANEVAL,
    HUMANEVAL_CHAT,
    STOPS,
    read_humaneval,
)
from silentzone.errors import BenchmarkError

LINE = {
    "task_id": "HumanEval/0",
    "prompt": '\ndef f(x):\n    """Doubles."""\n',
    "entry_point": "f",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}


@pytest.fixture
def write(tmp_path):
    def written(*lines):
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        (tmp_path / FILE).write_bytes(gzip.compress(text.encode()))
        return tmp_path

    return written


def test_an_item_is_the_prompt_as_it_stands(write):
    (item,) = read_humaneval(write(LINE))
    assert item.prompt == LINE["prompt"]
    assert item.stop == STOPS
    assert item.item_id == "HumanEval/0"
    gold = read_tests_gold(item.gold.value, "here")
    assert (gold.test, gold.entry_point, gold.answer) == (LINE["test"], "f", "completion")
    assert "canonical" not in item.gold.value
    assert item.gold.rule == "python_tests"


def test_asked_as_a_message_it_has_no_stops(write):
    (item,) = read_humaneval(write(LINE), answer="chat")
    assert item.prompt is None
    assert item.stop == ()
    ((role, content),) = item.messages
    assert role == "user"
    assert '```python\ndef f(x):\n    """Doubles."""\n```' in content
    assert read_tests_gold(item.gold.value, "here").answer == "chat"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not JSON"),
        ({**LINE, "extra": 1}, "line 2: unknown field `extra`"),
        ({**LINE, "task_id": "HumanEval/0"}, "line 2: .*was used on line 1"),
        ({**LINE, "task_id": "x", "test": "x = 1"}, "line 2: `test` must define"),
        ({**LINE, "task_id": "x", "entry_point": "g"}, "line 2: `prompt` does not define"),
        ({**LINE, "task_id": "x", "canonical_solution": ""}, "line 2: `canonical_solution`"),
        ({**LINE, "task_id": "x", "prompt": 3}, "line 2: `prompt`"),
    ],
)
def test_a_line_that_cannot_be_used_is_said_with_its_number(write, line, message):
    with pytest.raises(BenchmarkError, match=message):
        read_humaneval(write(LINE, line))


def test_a_file_that_is_not_whole_is_said(write):
    folder = write(LINE)
    path = folder / FILE
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_humaneval(folder)
    path.write_bytes(b"no archive")
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_humaneval(folder)
    path.unlink()
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_humaneval(folder)


def test_a_file_that_unpacks_without_end_is_refused(write):
    folder = write("x" * (17 * 2**20))
    with pytest.raises(BenchmarkError, match="holds more than"):
        read_humaneval(folder)


def test_the_real_set_has_all_its_items(human_eval):
    for benchmark in (HUMANEVAL, HUMANEVAL_CHAT):
        items, left_out = benchmark.read(Draw(folder=human_eval, items=None, seed=0))
        assert len(items) == HUMANEVAL.item_count == HUMANEVAL_CHAT.item_count
        assert left_out == 0
        assert benchmark.needs_sandbox
