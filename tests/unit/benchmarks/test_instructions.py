from __future__ import annotations

import json
from pathlib import Path

import pytest

from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.rules.instructions import check_instructions, check_instructions_gold
from silentzone.errors import BenchmarkError

IFEVAL = Path(__file__).parents[4] / "shared" / "benchmarks" / "ifeval-input_data.jsonl"
NO_COMMA = {"id": "punctuation:no_comma"}
WORDS = "length_constraints:number_words"


def _check(text, *instructions):
    return check_instructions({"text": text, "value": json.dumps(instructions)})


def _refused(*instructions):
    with pytest.raises(BenchmarkError, match=r"^line 3: ") as caught:
        check_instructions_gold(json.dumps(instructions), "line 3")
    return caught.value


def test_all_instructions_must_be_followed():
    title = {"id": "detectable_format:title"}
    found = _check("<<A>> one, two", NO_COMMA, title)
    assert (found["score"], found["prediction"]) == (0.0, "not followed: punctuation:no_comma")
    assert [one["strict"] for one in found["details"]["instructions"]] == [False, True]
    assert _check("<<A>> one two", NO_COMMA, title)["score"] == 1.0


def test_loose_forgives_the_first_line_the_last_and_asterisks():
    found = _check("Sure, here you are:\nno comma", NO_COMMA)
    assert (found["score"], found["details"]["loose"]) == (0.0, 1.0)
    ending = {"id": "startend:end_checker", "kwargs": {"end_phrase": "the end"}}
    assert _check("**the end**", ending)["details"]["loose"] == 1.0
    assert _check("the end\nor not", ending)["details"]["loose"] == 1.0
    assert _check("a, b", NO_COMMA)["details"]["loose"] == 0.0


def test_an_empty_answer_follows_nothing():
    found = _check(" \n", NO_COMMA)
    assert found["score"] == found["details"]["loose"] == 0.0
    assert found["prediction"] is None


def test_the_deepest_json_is_no_crash():
    assert _check("[" * 200_000, {"id": "detectable_format:json_format"})["score"] == 0.0
    assert _check("9" * 5000, {"id": "detectable_format:json_format"})["score"] == 0.0
    assert _check('```json\n{"a": 1}\n```', {"id": "detectable_format:json_format"})["score"] == 1.0


def test_keywords_are_texts_and_no_patterns():
    keywords = {"id": "keywords:existence", "kwargs": {"keywords": ["C++", "(a"]}}
    assert _check("I like c++ (A).", keywords)["score"] == 1.0
    forbidden = {"id": "keywords:forbidden_words", "kwargs": {"forbidden_words": ["c.t"]}}
    assert _check("cut the cat", forbidden)["score"] == 1.0
    assert _check("a C.T scan", forbidden)["score"] == 0.0


def test_an_unknown_instruction_is_answered_with_the_closest():
    assert (
        "did you mean `punctuation:no_comma`?" in _refused({"id": "punctuation:no_commas"}).message
    )


@pytest.mark.parametrize(
    ("instruction", "message"),
    [
        ({"id": WORDS, "kwargs": {"num_words": 5}}, f"`{WORDS}` needs `relation`"),
        ({"id": WORDS, "kwargs": {"num_words": 0, "relation": "at least"}}, "whole number in 1.."),
        ({"id": WORDS, "kwargs": {"num_words": True, "relation": "at least"}}, "number in 1.."),
        ({"id": WORDS, "kwargs": {"num_words": 5, "relation": "at most"}}, "at least, less than"),
        ({**NO_COMMA, "kwargs": {"x": 1}}, "has no setting `x`"),
        ({**NO_COMMA, "kwargs": []}, "`kwargs` of `punctuation:no_comma` must be an object"),
        ({**NO_COMMA, "weight": 1}, "unknown field `weight`"),
        ({"id": 3}, "an object with an `id`"),
        ({"id": "keywords:existence", "kwargs": {"keywords": []}}, "one or more texts"),
        ({"id": "keywords:existence", "kwargs": {"keywords": ["\ud800"]}}, "one or more texts"),
        ({"id": "startend:end_checker", "kwargs": {"end_phrase": "\udfff"}}, "surrogate pair"),
        ({"id": "startend:end_checker", "kwargs": {"end_phrase": "x" * 10_001}}, "at most 10000"),
        ({"id": "language:response_language", "kwargs": {"language": "xx"}}, "must be one of ar,"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused(instruction, message):
    assert message in _refused(instruction).message


@pytest.mark.parametrize("value", ["{", "{}", "[]", "[" * 100_000, json.dumps([NO_COMMA] * 21)])
def test_what_is_no_list_of_instructions_is_refused(value):
    with pytest.raises(BenchmarkError, match="`instructions`"):
        check_instructions_gold(value, "line 3")


def _with(name, **kwargs):
    return {"id": name, "kwargs": kwargs}


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        ([_with("keywords:existence", keywords=["big bees"]),
          _with("keywords:forbidden_words", forbidden_words=["Bees"])], "`Bees` is forbidden"),
        ([_with("startend:end_checker", end_phrase="Well, bye"), NO_COMMA], "has a comma"),
        ([_with(WORDS, num_words=9, relation="at least"),
          _with(WORDS, num_words=9, relation="less than")], "at least 9 and less than 9"),
        ([_with(WORDS, num_words=1, relation="less than")], "none has less than 1"),
        ([_with(WORDS, num_words=2, relation="less than"),
          _with("keywords:existence", keywords=["two words"])], "too many words"),
        ([_with("length_constraints:nth_paragraph_first_word", num_paragraphs=2, nth_paragraph=3,
                first_word="a")], "paragraph 3 of 2"),
        ([_with("detectable_format:number_bullet_lists", num_bullets=2),
          _with("detectable_format:number_bullet_lists", num_bullets=3)], "2 and 3"),
        ([_with("change_case:english_capital"), _with("change_case:english_lowercase")],
         "capitals alone"),
        ([_with("change_case:english_capital"),
          _with("language:response_language", language="de")], "English and `de`"),
        ([_with("change_case:english_lowercase"),
          _with("detectable_format:constrained_response")], "both capitals and small"),
        ([_with("change_case:english_capital"),
          _with("detectable_format:multiple_sections", section_spliter="Part", num_sections=2)],
         "`Part` is written otherwise"),
        ([_with("change_case:english_lowercase"), _with(
            "change_case:capital_word_frequency", capital_frequency=1, capital_relation="at least",
          )], "words in capitals"),
        ([_with("keywords:letter_frequency", letter="E", let_frequency=2, let_relation="less than"),
          _with("keywords:frequency", keyword="bee", frequency=1, relation="at least")],
         "too many of `e`"),
    ],
)  # fmt: skip
def test_instructions_that_rule_each_other_out_are_refused(instructions, message):
    assert message in _refused(*instructions).message
    assert message in _refused(*reversed(instructions)).message


def test_instructions_that_only_look_alike_are_not_refused():
    together = [
        _with("keywords:existence", keywords=["beehive"]),
        _with("keywords:forbidden_words", forbidden_words=["bee"]),
        _with(WORDS, num_words=8, relation="at least"),
        _with(WORDS, num_words=9, relation="less than"),
        _with("startend:end_checker", end_phrase="Bye"),
        _with("change_case:english_lowercase"),
    ]
    check_instructions_gold(json.dumps(together), "line 3")


@pytest.fixture
def read(tmp_path):
    def read(*lines):
        path = tmp_path / "own.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
        return read_generated(path)

    return read


IFEVAL_LINE = {
    "key": 7, "prompt": "Write a poem.", "instruction_id_list": ["punctuation:no_comma", WORDS],
    "kwargs": [{"num_words": None}, {"num_words": 30, "relation": "at least", "keyword": None}],
}  # fmt: skip


def test_a_line_of_ifeval_is_read_as_it_is(read):
    (item,) = read(IFEVAL_LINE)
    assert (item.item_id, item.messages) == ("7", (("user", "Write a poem."),))
    found = check_instructions({"text": "a " * 30, "value": item.gold.value})
    assert [one["id"] for one in found["details"]["instructions"]] == [
        "punctuation:no_comma",
        WORDS,
    ]
    assert found["score"] == 1.0
    assert check_instructions({"text": "a " * 29, "value": item.gold.value})["score"] == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kwargs": [{}]}, "lists of the same length"),
        ({"kwargs": None}, "lists of the same length"),
        ({"prompt": ""}, "`prompt` must be a text"),
        ({"key": None}, "`key` must be a text"),
        ({"target": "x"}, "unknown field `target`"),
        ({"instruction_id_list": ["punctuation:comma", WORDS]}, "did you mean"),
    ],
)
def test_a_broken_line_of_ifeval_is_refused_with_its_number(read, change, message):
    with pytest.raises(BenchmarkError, match="line 2") as caught:
        read(IFEVAL_LINE, {**IFEVAL_LINE, "key": 8, **change})
    assert message in caught.value.message


def test_more_words_than_tokens_are_refused(read):
    line = {"item_id": 1, "prompt": "Go", "max_tokens": 20,
            "instructions": [_with(WORDS, num_words=30, relation="at least")]}  # fmt: skip
    with pytest.raises(BenchmarkError, match="must have 30 words and may have 20 tokens"):
        read(line)
    assert read({**line, "max_tokens": 30})[0].max_tokens == 30


@pytest.mark.skipif(not IFEVAL.exists(), reason=f"{IFEVAL.name} is not beside this checkout")
def test_of_the_published_ifeval_four_lines_contradict_themselves(tmp_path):
    with pytest.raises(BenchmarkError, match="4 lines cannot be used") as caught:
        read_generated(IFEVAL)
    numbers = (116, 456, 524, 529)
    assert all(f"line {number}: no answer can follow" in str(caught.value) for number in numbers)
    lines = IFEVAL.read_text("utf-8").splitlines()
    kept = [line for number, line in enumerate(lines, start=1) if number not in numbers]
    path = tmp_path / "rest.jsonl"
    path.write_text("\n".join(kept), "utf-8")
    assert len(read_generated(path)) == 537
