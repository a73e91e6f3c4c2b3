from __future__ import annotations

import json

import pytest

from silentzone.benchmarks.jsonl import read_jsonl
from silentzone.errors import BenchmarkError

GOOD = {"item_id": "a", "prompt": "Bees make", "choices": ["honey", "sand"], "target": 0}


def write(folder, *lines):
    file = folder / "own.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(texts), encoding="utf-8")
    return file


def test_one_space_joins_prompt_and_choice_and_is_not_counted(tmp_path):
    (item,) = read_jsonl(write(tmp_path, GOOD))
    assert item.prompt + item.choices[0] == "Bees make honey"
    assert item.lengths == (5, 4)
    assert item.gold == 0
    assert item.cluster_id is None


@pytest.mark.parametrize(
    ("prompt", "choice", "whole"),
    [
        ("Bees make ", "honey", "Bees make honey"),
        ("Bees make\n", "honey", "Bees make\nhoney"),
        ("Bees make", " honey", "Bees make honey"),
    ],
)
def test_white_space_of_their_own_is_enough(tmp_path, prompt, choice, whole):
    fields = {**GOOD, "prompt": prompt, "choices": [choice, "sand"]}
    (item,) = read_jsonl(write(tmp_path, fields))
    assert item.prompt + item.choices[0] == whole
    assert item.lengths[0] == 5


def test_the_target_may_be_the_text_of_a_choice(tmp_path):
    (item,) = read_jsonl(write(tmp_path, {**GOOD, "target": "sand"}))
    assert item.gold == 1


def test_numbers_are_good_ids_and_blank_lines_are_passed_over(tmp_path):
    file = write(tmp_path, {**GOOD, "item_id": 7, "cluster": 3}, "", "  ", {**GOOD, "cluster": "c"})
    items = read_jsonl(file)
    assert [item.item_id for item in items] == ["7", "a"]
    assert [item.cluster_id for item in items] == ["3", "c"]


def test_windows_line_ends_do_not_enter_the_text(tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_bytes(json.dumps(GOOD).encode() + b"\r\n")
    assert len(read_jsonl(file)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item_id": None}, "`item_id` must be a text"),
        ({"item_id": True}, "`item_id` must be a text"),
        ({"item_id": ""}, "`item_id` must be a text"),
        ({"prompt": 5}, "`prompt` must be a text"),
        ({"prompt": " \n"}, "`prompt` must be a text"),
        ({"prompt": "half \ud83d"}, "`prompt` holds half a surrogate pair"),
        ({"choices": ["honey", "\udc08"]}, "`choices` holds half a surrogate pair"),
        ({"choices": "honey"}, "`choices` must be a list"),
        ({"choices": ["honey"]}, "`choices` must be a list of two or more"),
        ({"choices": ["honey", " "]}, "every choice must be a text"),
        ({"choices": ["honey", 4]}, "every choice must be a text"),
        ({"choices": ["honey", " honey"]}, "another choice reads like the gold one"),
        ({"target": 2}, r"`target` must lie in 0\.\.1; it is 2"),
        ({"target": -1}, "`target` must lie in"),
        ({"target": "wax"}, "`target` is none of the choices: 'wax'"),
        ({"target": True}, "`target` must be the index or the text"),
        ({"target": 0.0}, "`target` must be the index or the text"),
        ({"target": None}, "`target` must be the index or the text"),
        ({"cluster": 1.5}, "`cluster` must be a text"),
        ({"label": 0}, "unknown field `label`"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_with_its_number(tmp_path, change, message):
    file = write(tmp_path, {**GOOD, "item_id": "first"}, "", {**GOOD, **change})
    with pytest.raises(BenchmarkError, match=r"`own\.jsonl` line 3: " + message):
        read_jsonl(file)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 is not JSON"),
        ("[" * 100_000, "line 1 is not JSON"),
        ("[1]", "line 1 must be a JSON object; it is a list"),
        ('{"target": 0, "target": 1}', "line 1: a field occurs twice"),
    ],
)
def test_a_line_that_is_no_object_is_refused(tmp_path, line, message):
    with pytest.raises(BenchmarkError, match=message):
        read_jsonl(write(tmp_path, line))


def test_a_repeated_id_names_both_lines(tmp_path):
    with pytest.raises(BenchmarkError, match="line 2: `item_id` 'a' was used on line 1"):
        read_jsonl(write(tmp_path, GOOD, GOOD))


def test_a_file_without_items_is_refused(tmp_path):
    with pytest.raises(BenchmarkError, match="holds no items"):
        read_jsonl(write(tmp_path, ""))
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_jsonl(tmp_path / "absent.jsonl")


def test_bytes_that_are_not_utf_8_name_their_line(tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_bytes(json.dumps(GOOD).encode() + b"\n\xff")
    with pytest.raises(BenchmarkError, match="line 2 is not UTF-8"):
        read_jsonl(file)
