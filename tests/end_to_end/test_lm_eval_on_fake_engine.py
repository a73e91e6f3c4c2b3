"""Tasks of lm-evaluation-harness through a whole study on the fake engine."""

from __future__ import annotations

import json
import tomllib

import pytest
from tests.end_to_end.fake_studies import Listener, StudyFiles, run_in_process

from silentzone.benchmarks.chance import at_chance
from silentzone.errors import ConfigError
from silentzone.records.tables import CHURN, GENERATIONS, ITEMS, QUESTIONS
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import dump_config, parse_config

CHOICE = """
task: pick
dataset_path: json
dataset_kwargs: {data_files: {test: data.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "Q: {{question}}\\nA:"
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
metadata: {version: 3}
"""
WRITTEN = """
task: letters
dataset_path: json
dataset_kwargs: {data_files: {test: data.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{question}} {{topic}}"
doc_to_target: "{{letter}}"
generation_kwargs: {until: [e, i, o, u, t, s, r, h, l, d, m, p, g, f, w, v, k, q], max_gen_toks: 12}
filter_list:
  - name: first
    filter: [{function: regex, regex_pattern: "([a-z])"}, {function: take_first}]
  - name: last
    filter: [{function: regex, regex_pattern: "([a-z])", group_select: -1}, {function: take_first}]
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""
TEMPLATE = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}> "


def docs(count=40):
    return [
        {
            "question": f"question {k} of many",
            "choices": [f"one {k}", f"another {k}", "none of these"],
            "gold": k % 3,
            "letter": "abc"[k % 3],
            "topic": f"t{k // 2}",
        }
        for k in range(count)
    ]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in" / "tasks").mkdir(parents=True)
    files = StudyFiles(tmp_path / "in")
    files.model("a", noise=0.3)
    tasks = tmp_path / "in" / "tasks"
    (tasks / "pick.yaml").write_text(CHOICE, "utf-8")
    (tasks / "letters.yaml").write_text(WRITTEN, "utf-8")
    (tasks / "data.jsonl").write_text("\n".join(map(json.dumps, docs())), "utf-8")
    return files


@pytest.fixture
def run(files, tmp_path):
    def give(out="out", progress=None, **entry):
        mapping = files.mapping("a")
        mapping["benchmarks"] = [{"kind": "lm-eval", "path": "tasks", **entry}]
        config = files.config(mapping)
        measured, outcome = run_in_process(config, tmp_path / out, progress=progress)
        return StudyFolder(tmp_path / out), measured, outcome

    return give


def test_a_choice_task_lands_in_our_tables_and_is_resumed(run):
    entry = {"name": "pick", "metric": "acc_norm", "cluster": "topic", "at_chance": "go on"}
    folder, measured, outcome = run(**entry)
    items = folder.read_table(ITEMS, "pick", "a")
    assert items.n_rows == 40
    assert items.strings("cluster_id")[:3] == ["t0", "t0", "t1"]
    assert items.floats("score")[0].tolist() == items.floats("score_normalized")[0].tolist()
    assert folder.read_table(CHURN, "pick", "a").n_rows == 5
    questions = folder.read_table(QUESTIONS, "pick", "ref")
    assert questions.strings("prompt")[1] == "Q: question 1 of many\nA:"
    assert json.loads(questions.strings("choices")[1]) == [
        " one 1", " another 1", " none of these",
    ]  # fmt: skip
    assert questions.strings("gold")[:3] == ["0", "1", "2"]
    (row,) = outcome.analysis["benchmarks"]
    assert row["chance"] == pytest.approx(1 / 3)
    assert row["headline"] == "acc_norm, filter none"
    assert "version 3, 0-shot" in row["description"]
    assert ("a", "benchmark pick") in measured
    assert run(**entry)[1] == []


def test_a_reference_at_chance_stops_a_choice_task(files, run):
    same = [{**doc, "choices": ["one", "two", "three"]} for doc in docs(300)]
    (files.folder / "tasks" / "data.jsonl").write_text("\n".join(map(json.dumps, same)), "utf-8")
    listener = Listener()
    folder, _, _ = run(name="pick", metric="acc", progress=listener)
    scores, _ = folder.read_table(ITEMS, "pick", "ref").floats("score")
    why = at_chance(scores, 1 / 3)
    assert why is not None, "the fake engine knows nothing"
    assert any(why in note for note in listener.notes)
    assert not folder.has_table(ITEMS, "pick", "a")


def test_a_written_task_keeps_texts_and_every_filter(run):
    folder, _, outcome = run(name="letters", filter="last", score_truncated=True)
    items = folder.read_table(ITEMS, "letters", "a")
    texts = folder.read_table(GENERATIONS, "letters", "a")
    for score, target, prediction, text, check in zip(
        items.floats("score")[0],
        items.strings("target"),
        items.strings("prediction"),
        texts.strings("text"),
        texts.strings("check"),
        strict=True,
    ):
        letters = [letter for letter in text if "a" <= letter <= "z"]
        assert prediction == (letters[-1] if letters else "[invalid]")
        assert score == float(prediction == target)
        first = letters[0] if letters else "[invalid]"
        assert json.loads(check)["first"]["exact_match"] == float(first == target)
    (row,) = outcome.analysis["benchmarks"]
    assert (row["chance"], row["headline"]) == (0.0, "exact_match, filter last")


def test_a_text_that_was_cut_has_a_status_unless_asked_for(run):
    folder, _, _ = run(name="letters", filter="last")
    statuses = folder.read_table(ITEMS, "letters", "a").strings("status")
    reasons = folder.read_table(GENERATIONS, "letters", "a").strings("finish_reason")
    assert {"length", "stop"} == set(reasons)
    assert [status == "truncated" for status in statuses] == [one == "length" for one in reasons]


def test_a_chat_task_goes_through_the_models_template(files, run):
    for name, noise in (("ref", 0.0), ("a", 0.3)):
        files.model(name, noise=noise, chat_template=TEMPLATE)
    folder, _, _ = run(name="letters", filter="last", chat=True, score_truncated=True)
    items = folder.read_table(ITEMS, "letters", "a")
    rendered = "[user] question 0 of many t0\n> "
    assert items.integers("prompt_tokens")[0][0] == 1 + len(rendered)
    assert dict(items.key.protocol)["chat_template_sha256"] != "not used"


def test_a_chat_task_on_a_model_without_a_template_is_a_recorded_failure(run):
    _, _, outcome = run(name="letters", filter="last", chat=True)
    assert any("has no chat template" in text for text in outcome.failures)


def test_an_unknown_task_costs_its_benchmark_and_asks_whether_another_was_meant(run):
    listener = Listener()
    _, measured, _ = run(name="pikc", progress=listener)
    assert any("there is no task `pikc`" in note for note in listener.notes)
    assert not [part for _, part in measured if "pikc" in part]


def test_the_study_file_keeps_all_that_was_asked(files):
    mapping = files.mapping("a")
    mapping["benchmarks"] = [
        {"kind": "lm-eval", "path": "tasks", "name": "p1", "task": "pick", "metric": "acc"},
        {"kind": "lm-eval", "name": "arc_easy", "code": True, "num_fewshot": 3, "items": 5},
    ]
    config = files.config(mapping)
    again = parse_config(tomllib.loads(dump_config(config)), files.folder)
    assert again == config
    assert config.benchmarks[1].harness.num_fewshot == 3
    assert config.benchmarks[0].harness.task == "pick"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"kind": "lm-eval", "path": "own.jsonl", "name": "x"}, "must be the folder"),
        ({"kind": "lm-eval"}, "needs `name`"),
        ({"kind": "lm-eval", "name": "x", "score": "raw"}, "`score` does not go with"),
        ({"kind": "lm-eval", "name": "x", "temperature": 0.5}, "`temperature` does not go with"),
        ({"name": "piqa", "metric": "acc"}, '`metric` goes with `kind` = "lm-eval" only'),
    ],
)
def test_keys_that_do_not_go_together_are_said(files, entry, said):
    mapping = files.mapping("a")
    mapping["benchmarks"] = [entry]
    with pytest.raises(ConfigError, match=said):
        files.config(mapping)
