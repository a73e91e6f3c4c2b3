from __future__ import annotations

import json

import pytest

from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.registry import load_generated
from silentzone.errors import BenchmarkError
from silentzone.records.items import BenchmarkSource, Gold

GOOD = {"item_id": "a", "prompt": "2 + 2 =", "number": 4}
CHAT = {"role": "user", "content": "Hi"}


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "own.jsonl"

    def read(*lines):
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("\n".join(texts), "utf-8")
        return read_generated(path)

    return read


def test_every_field_arrives(read):
    messages = [{"role": "system", "content": "Be brief."}, CHAT]
    line = {
        "item_id": 7, "messages": messages, "number": 2.5, "tolerance": 0.1, "cluster": "c",
        "max_tokens": 9, "stop": "\n",
    }  # fmt: skip
    (item,) = read(line)
    assert (item.item_id, item.prompt, item.cluster_id) == ("7", None, "c")
    assert item.messages == (("system", "Be brief."), ("user", "Hi"))
    assert item.gold == Gold(rule="number", value="2.5", tolerance=0.1)
    assert (item.max_tokens, item.stop) == (9, ("\n",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"messages": [CHAT]}, "either `prompt` or `messages`"),
        ({"target": "four"}, "; it has 2"),
        ({"number": "4"}, "`number` must be a number"),
        ({"number": True}, "`number` must be a number"),
        ({"tolerance": -1}, "not negative"),
        ({"max_tokens": 0}, "`max_tokens`"),
        ({"stop": [""]}, "`stop`"),
        ({"stop": ["x"] * 17}, "up to 16"),
        ({"prompt": " "}, "`prompt` must be a text"),
        ({"choices": []}, "unknown field `choices`"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_with_its_number(read, change, message):
    with pytest.raises(BenchmarkError, match=r"line 1") as caught:
        read({**GOOD, **change})
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "one or more messages"),
        ([{"role": "user"}], "alone"),
        ([{"role": "tool", "content": "x"}], "`role` must be one of"),
        ([CHAT, {"role": "assistant", "content": "x"}], "the last message must be the user's"),
    ],
)
def test_messages_that_cannot_be_put_are_refused(read, messages, message):
    with pytest.raises(BenchmarkError, match=message):
        read({"item_id": "a", "messages": messages, "target": "x"})


def test_tolerance_without_number_is_refused(read):
    with pytest.raises(BenchmarkError, match="`tolerance` goes with `number` only"):
        read({"item_id": "a", "prompt": "x", "target": "y", "tolerance": 1})


def test_all_bad_lines_are_said_at_once(read):
    with pytest.raises(BenchmarkError) as caught:
        read("{", GOOD, GOOD, {**GOOD, "item_id": "b", "number": None})
    assert caught.value.message.startswith("3 lines cannot be used")
    for part in ("line 1 is not JSON", "line 3: `item_id` 'a' was used on line 2", "line 4"):
        assert part in caught.value.message


def test_a_long_list_of_bad_lines_is_cut_and_counted(read):
    with pytest.raises(BenchmarkError, match="and 5 more"):
        read(*["{"] * 25)


def test_no_items_are_refused(read):
    with pytest.raises(BenchmarkError, match="no items"):
        read("")


def test_the_identity_depends_on_the_gold(read, tmp_path):
    hashes = []
    path = str(tmp_path / "own.jsonl")
    source = BenchmarkSource(name="own", path=path, is_built_in=False, items=None, seed=1)
    for number in (4, 5):
        read({**GOOD, "number": number})
        ref, _ = load_generated(source)
        hashes.append(ref.items_sha256)
    assert (ref.chance, ref.headline, ref.item_count) == (0.0, "generated", 1)
    assert hashes[0] != hashes[1]
