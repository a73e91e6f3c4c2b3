"""Task files found by name and searched for code, with nothing of them run."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("yaml", reason="lm-evaluation-harness is not installed (make setup-test)")

from silentzone.errors import BenchmarkError
from silentzone.harness.task_files import find_task_file, refuse_code

PLAIN = "task: {name}\ndataset_path: json\noutput_type: multiple_choice\n"


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


def places(tmp_path, name="t"):
    return [(one.file.name, one.line) for one in find_task_file(name, tmp_path).code]


def test_a_task_is_found_by_its_name_in_any_folder_below(put, tmp_path):
    path = put("deep/er/x.yaml", PLAIN.format(name="mine"))
    put("other.yaml", PLAIN.format(name="yours"))
    found = find_task_file("mine", tmp_path)
    assert found.path == path
    assert found.kind == "task"
    assert found.code == ()


def test_a_name_may_come_from_an_included_file_and_the_files_own_wins(put, tmp_path):
    put("_base.txt", PLAIN.format(name="base"))
    path = put("x.yaml", "include: _base.txt\ntask: own\n")
    found = find_task_file("own", tmp_path)
    assert [one.name for one in found.files] == ["x.yaml", "_base.txt"]
    assert found.path == path
    with pytest.raises(BenchmarkError, match="no task `base`"):
        find_task_file("base", tmp_path)


def test_an_unknown_task_asks_whether_another_was_meant(put, tmp_path):
    put("x.yaml", PLAIN.format(name="arithmetic"))
    with pytest.raises(BenchmarkError, match="no task `arithmetik`") as caught:
        find_task_file("arithmetik", tmp_path)
    assert caught.value.hint == "did you mean `arithmetic`?"
    with pytest.raises(BenchmarkError) as caught:
        find_task_file("zzz", tmp_path)
    assert "`arithmetic`" in str(caught.value.hint)


def test_tasks_that_come_with_the_harness_are_known():
    pytest.importorskip("lm_eval")
    assert find_task_file("arc_easy", None).path.name == "arc_easy.yaml"
    with pytest.raises(BenchmarkError) as caught:
        find_task_file("arc_eazy", None)
    assert caught.value.hint == "did you mean `arc_easy`?"


def test_a_name_defined_twice_is_refused_with_both_files(put, tmp_path):
    put("a.yaml", PLAIN.format(name="t"))
    put("b.yaml", PLAIN.format(name="t"))
    with pytest.raises(BenchmarkError, match=r"twice: in .*a\.yaml.*b\.yaml"):
        find_task_file("t", tmp_path)


def test_a_file_that_is_not_yaml_is_named_with_its_line(put, tmp_path):
    put("x.yaml", "task: t\nmetric_list: [1, 2\nother: {\n")
    with pytest.raises(BenchmarkError, match=r"`x\.yaml` line \d+ is not YAML"):
        find_task_file("t", tmp_path)


def test_a_broken_file_does_not_hide_a_task_that_is_whole(put, tmp_path):
    put("broken.yaml", "task: [\n")
    put("x.yaml", PLAIN.format(name="t"))
    assert find_task_file("t", tmp_path).path.name == "x.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "must hold keys and values"),
        ("", "must hold keys and values"),
        ("task: t\ninclude: x.yaml\n", "line 2: `x.yaml` includes itself"),
        ("task: t\ninclude: nowhere.yaml\n", "line 2: .*nowhere.yaml` does not exist"),
        ("task: t\ninclude: {a: b}\n", "line 2: `include` must be a file name"),
        ("task: t\nx: !!python/object/apply:os.system [true]\n", "line 2: the tag .* not allowed"),
        ("task: t\nx: !mine 3\n", "line 2: the tag `!mine` is not allowed"),
    ],
)
def test_files_that_cannot_be_task_files_are_said_to_be_none(put, tmp_path, text, said):
    put("x.yaml", text)
    with pytest.raises(BenchmarkError, match=said):
        find_task_file("t", tmp_path)


@pytest.mark.parametrize(
    ("line", "is_code"),
    [
        ("process_docs: !function utils.process", True),
        ("metric_list: [{metric: !function utils.score}]", True),
        ("fewshot_config: {samples: !function utils.list}", True),
        ("unsafe_code: true", True),
        ("unsafe_code: false", False),
        ("class: utils.Task", True),
        ("custom_dataset: utils.make", True),
        ("use_prompt: promptsource:x", True),
        ("use_prompt: null", False),
        ("metric_list: [{metric: x, hf_evaluate: true}]", True),
        ("dataset_path: pandas", True),
        ("dataset_path: webdataset", True),
        ("dataset_path: ./folder", True),
        ("dataset_path: /tmp", True),
        ("dataset_path: parquet", False),
        ("dataset_path: org/set", False),
        ("doc_to_text: '{{ question }}'", False),
        ("description: 'the word !function in a text'", False),
    ],
)
def test_what_is_code_is_found_with_its_line(put, tmp_path, line, is_code):
    put("x.yaml", f"task: t\noutput_type: multiple_choice\n{line}\n")
    assert places(tmp_path) == ([("x.yaml", 3)] if is_code else [])


def test_code_in_an_included_file_and_behind_an_alias_is_found(put, tmp_path):
    put("deep/_base.yaml.inc", "a: &f !function utils.f\nb: *f\n")
    put("x.yaml", "task: t\ninclude: deep/_base.yaml.inc\n")
    assert places(tmp_path) == [("_base.yaml.inc", 1)]


def test_a_file_included_by_way_of_a_merge_key_is_searched(put, tmp_path):
    put("_base.inc", "a: !function utils.f\n")
    put("x.yaml", "base: &base\n  include: _base.inc\n<<: *base\ntask: t\n")
    assert places(tmp_path) == [("_base.inc", 1)]
    put("x.yaml", "<<: [{<<: {include: _base.inc}}, {b: c}]\ntask: t\n")
    assert places(tmp_path) == [("_base.inc", 1)]


def test_a_task_with_code_is_refused_before_anything_is_imported(put, tmp_path):
    pytest.importorskip("lm_eval")
    from silentzone.harness.tasks import load_task
    from silentzone.records.harness import HarnessEntry

    trace = tmp_path / "was-run"
    put("utils.py", f"open({str(trace)!r}, 'w').close()\ndef docs(set):\n    return set\n")
    put("data.jsonl", '{"q": "a", "c": ["x", "y"], "g": 0}\n')
    put(
        "x.yaml",
        "task: t\ndataset_path: json\ndataset_kwargs: {data_files: {test: data.jsonl}}\n"
        "test_split: test\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\n"
        "doc_to_target: g\nprocess_docs: !function utils.docs\n"
        "metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]\n",
    )
    before = set(sys.modules)
    with pytest.raises(
        BenchmarkError, match=r"`x\.yaml` line 9: `!function utils\.docs`"
    ) as caught:
        load_task(HarnessEntry(task="t"), tmp_path, items=None, seed=1, name="t")
    assert "code = true" in str(caught.value.hint)
    assert not trace.exists()
    assert not [name for name in set(sys.modules) - before if "utils" in name and "was" in name]
    load_task(HarnessEntry(task="t", code=True), tmp_path, items=None, seed=1, name="t")
    assert trace.exists(), "the flag lets it run, so the test above could have failed"


def test_a_refusal_names_ten_places_and_counts_the_rest(put, tmp_path):
    put("x.yaml", "task: t\n" + "".join(f"k{k}: !function u.f\n" for k in range(13)))
    with pytest.raises(BenchmarkError, match="and 3 more"):
        refuse_code(find_task_file("t", tmp_path), "t")


def test_a_folder_that_is_none_is_said_so(tmp_path):
    with pytest.raises(BenchmarkError, match="is no folder"):
        find_task_file("t", tmp_path / "nowhere")
