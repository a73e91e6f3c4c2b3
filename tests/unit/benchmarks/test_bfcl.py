"""BFCL's items, in made files and, where they can be had, in the package's own."""

from __future__ import annotations

import dataclasses
import json

import pytest

from silentzone.benchmarks.registry import BUILT_IN
from silentzone.benchmarks.rules.call_text import Call, written
from silentzone.benchmarks.rules.function_calls import check_calls
from silentzone.benchmarks.sets.bfcl import (
    ASSET,
    BFCL,
    BFCL_IRRELEVANCE,
    BFCL_LIVE,
    BFCL_SETS,
    read_bfcl,
)
from silentzone.benchmarks.sets.bfcl_damage import DAMAGED
from silentzone.errors import BenchmarkError, SilentzoneError

RIDE = {
    "name": "ride",
    "description": "Book a {ride}.",
    "parameters": {
        "type": "dict",
        "properties": {
            "to": {"type": "string"},
            "via": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["to"],
    },
}
USER = {"role": "user", "content": "Take me home, {please}."}
ROW = {"id": "own_0", "question": [[USER]], "function": [RIDE]}
ANSWER = {"id": "own_0", "ground_truth": [{"ride": {"to": ["home"], "via": [""]}}]}
OWN = dataclasses.replace(BFCL, name="own", categories=("own",))


@pytest.fixture
def read(tmp_path):
    def read(rows=(ROW,), answers=(ANSWER,), benchmark=OWN):
        (tmp_path / "possible_answer").mkdir(exist_ok=True)
        for folder, lines in ((tmp_path, rows), (tmp_path / "possible_answer", answers)):
            text = "\n".join(json.dumps(line) for line in lines)
            (folder / "BFCL_v4_own.json").write_text(text, "utf-8")
        return read_bfcl(benchmark, tmp_path)

    return read


def test_an_item_offers_its_functions_and_asks_the_users_question(read):
    (item,), left_out = read()
    (system, asked), user = item.messages
    assert left_out == 0
    assert system == "system"
    assert json.dumps(RIDE) in asked
    assert "[first_function(parameter=value, ...), second_function(" in asked
    assert user == ("user", USER["content"])
    assert (item.item_id, item.prompt) == ("own_0", None)
    assert check_calls({"text": "[ride(to='Home')]", "value": item.gold.value})["score"] == 1.0
    assert check_calls({"text": "[ride(to='Rome')]", "value": item.gold.value})["score"] == 0.0


def test_the_items_own_system_message_comes_after_ours(read):
    system = {"role": "system", "content": "Speak Latin."}
    (item,), _ = read([{**ROW, "question": [[system, USER]]}])
    assert item.messages[0][1].endswith("empty list: []\n\nSpeak Latin.")
    assert len(item.messages) == 2


def test_questions_about_the_same_functions_are_one_cluster(read):
    other = {**RIDE, "name": "walk"}
    rows = [ROW, {**ROW, "id": "own_1"}, {**ROW, "id": "own_2", "function": [RIDE, other]}]
    answers = [{**ANSWER, "id": row["id"]} for row in rows]
    items, _ = read(rows, answers)
    clusters = [item.cluster_id for item in items]
    assert clusters[0] == clusters[1] != clusters[2]


def test_irrelevance_wants_no_call_and_needs_no_answers(read):
    (item,), _ = read(answers=[], benchmark=dataclasses.replace(OWN, wants_calls=False))
    assert json.loads(item.gold.value)["calls"] == []


def test_known_damage_is_left_out_and_counted(read):
    known = next(iter(DAMAGED))
    items, left_out = read([ROW, {"id": known, "question": 1, "function": []}])
    assert (len(items), left_out) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "answers", "message"),
    [
        ([{**ROW, "extra": 1}], [ANSWER], "line 1: unknown field `extra`"),
        ([ROW, ROW], [ANSWER], "line 2"),
        ([{**ROW, "question": [[USER], [USER]]}], [ANSWER], "must be one turn"),
        ([{**ROW, "question": [[{"role": "user"}]]}], [ANSWER], "must be one turn"),
        ([{**ROW, "question": [[USER, USER]]}], [ANSWER], "one of the user"),
        ([{**ROW, "function": []}], [ANSWER], "one or more functions"),
        ([{**ROW, "function": [{"name": "ride"}]}], [ANSWER], "not described as usual"),
        ([{**ROW, "function": [5]}], [ANSWER], "not described as usual"),
        ([ROW], [{**ANSWER, "id": "own_9"}], "no `ground_truth` is stated for `own_0`"),
        ([ROW], [ANSWER, ANSWER], "possible_answer/BFCL_v4_own.json` line 2"),
        ([ROW], [{**ANSWER, "ground_truth": []}], "one or more calls"),
        (
            [ROW],
            [{**ANSWER, "ground_truth": [{"ride": {"to": [5]}}]}],
            "possible_answer/BFCL_v4_own.json` line 1: `function_calls` has an answer of `ride(to",
        ),
        ([], [], "holds no items"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(read, rows, answers, message):
    with pytest.raises(BenchmarkError) as caught:
        read(rows, answers)
    assert message in caught.value.message


def test_the_sets_are_built_in_and_say_what_they_need():
    for benchmark in BFCL_SETS:
        entry = BUILT_IN[benchmark.name]
        assert (entry.kind, entry.asset, entry.licence) == ("generate", "bfcl", "Apache-2.0")
        assert not entry.needs_sandbox


@pytest.fixture(scope="module")
def package_folder():
    from silentzone.studies.assets import fetch_asset

    try:
        return fetch_asset(ASSET)
    except SilentzoneError as error:
        pytest.skip(f"the items of BFCL are not there: {error.message}")


@pytest.mark.parametrize(
    ("benchmark", "n_items", "n_left_out", "n_clusters"),
    [(BFCL, 994, 6, 903), (BFCL_LIVE, 1318, 33, 530), (BFCL_IRRELEVANCE, 1111, 13, 632)],
)
def test_every_item_of_the_package_can_be_asked(
    package_folder, benchmark, n_items, n_left_out, n_clusters
):
    items, left_out = read_bfcl(benchmark, package_folder)
    assert (len(items), left_out) == (n_items, n_left_out)
    assert benchmark.item_count == n_items
    assert len({item.cluster_id for item in items}) == n_clusters


def test_all_known_damage_is_in_the_package(package_folder):
    assert sum(read_bfcl(benchmark, package_folder)[1] for benchmark in BFCL_SETS) == len(DAMAGED)


@pytest.mark.parametrize("benchmark", [BFCL, BFCL_LIVE])
def test_each_gold_of_the_package_is_right_and_less_is_wrong(package_folder, benchmark):
    items, _ = read_bfcl(benchmark, package_folder)
    for item in items:
        calls = tuple(map(_first_answers, json.loads(item.gold.value)["calls"]))
        for text, score in ((written(calls), 1.0), (written(calls[1:]), 0.0)):
            assert check_calls({"text": text, "value": item.gold.value})["score"] == score, text


def _first_answers(call):
    ((name, answers),) = call.items()
    given = {parameter: _given(options) for parameter, options in answers.items()}
    return Call(
        function=name, arguments={key: value for key, value in given.items() if value != ""}
    )


def _given(options):
    """The first of the answers that is one, with the first of each of its own."""
    answer = next((option for option in options if option != ""), "")
    if isinstance(answer, list):
        return [_given([one]) if isinstance(one, dict) else one for one in answer]
    if isinstance(answer, dict):
        firsts = {key: next((o for o in of if o != ""), "") for key, of in answer.items()}
        return {key: value for key, value in firsts.items() if value != ""}
    return answer


def test_a_set_where_silence_is_right_has_a_chance_that_no_score_exceeds():
    chances = {one.name: one.built_in().chance for one in BFCL_SETS}
    assert chances == {"bfcl": 0.0, "bfcl_live": 0.0, "bfcl_irrelevance": 1.0}
