"""Tasks loaded: identity, draw, golds, filters and metrics, data, templates."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.unit.harness.conftest import CHOICE, DOCS, WRITTEN

from silentzone.errors import BenchmarkError, TimeLimitError


def metric(name, **keys):
    return {"metric": name, "aggregation": "mean", "higher_is_better": True, **keys}


def test_a_choice_task_is_described(load):
    task = load({**CHOICE, "metadata": {"version": 2.5}}, cluster="topic")
    assert (task.item_count, task.n_shot, task.version, task.is_written) == (3, 0, "2.5", False)
    assert task.chance == pytest.approx((1 / 2 + 1 / 3 + 1 / 2) / 3)
    assert [item.cluster_id for item in task.items()] == ["p", "p", "7"]
    assert [item.item_id for item in task.items()] == ["0", "1", "2"]
    assert task.items()[1].requests[2].args == ("two", " z")


def test_a_written_task_cannot_be_guessed(load):
    task = load(WRITTEN)
    assert (task.chance, task.can_be_guessed, task.is_written) == (0.0, False, True)
    assert load().can_be_guessed


def test_the_identity_holds_all_that_changes_a_score_and_no_path(load):
    first = load().items_sha256
    assert load().items_sha256 == first
    for other in (
        load({**CHOICE, "doc_to_text": "Q: {{q}}"}),
        load({**CHOICE, "target_delimiter": ""}),
        load(docs=(*DOCS[:2], {**DOCS[2], "g": 0})),
        load(cluster="topic"),
        load({**CHOICE, "metric_list": [metric("acc_norm")]}),
        load(items=2),
    ):
        assert other.items_sha256 != first


def test_a_smaller_draw_is_part_of_a_larger_one(load):
    docs = [{**DOCS[0], "q": f"question {k}"} for k in range(30)]
    small, large = load(docs=docs, items=5), load(docs=docs, items=20)
    assert len(small.doc_ids) == 5
    assert set(small.doc_ids) < set(large.doc_ids)
    assert small.doc_ids == tuple(sorted(small.doc_ids))
    for item, doc_id in zip(small.items(), small.doc_ids, strict=True):
        assert (item.item_id, item.doc["q"]) == (str(doc_id), f"question {doc_id}")
    assert load(docs=docs, items=5, seed=2).doc_ids != small.doc_ids


@pytest.mark.parametrize("gold", [3, -100, -1, "neither", [0, 5], []])
def test_an_impossible_gold_is_an_error_that_names_task_and_document(load, gold):
    docs = [
        {
            **doc,
            "g": gold
            if index == 1
            else type(gold)(doc["c"][:1])
            if isinstance(gold, list)
            else "x"
            if isinstance(gold, str)
            else doc["g"],
        }
        for index, doc in enumerate(DOCS)
    ]
    with pytest.raises(BenchmarkError, match=r"(?s)task `t`.*document (0|1)"):
        load(docs=docs)


@pytest.mark.parametrize("choices", [["x"], [], ["x", ""]])
def test_choices_that_are_none_are_an_error(load, choices):
    docs = [DOCS[0], {**DOCS[1], "c": choices, "g": 0}]
    with pytest.raises(BenchmarkError, match="document 1"):
        load(docs=docs)


def test_golds_as_texts_are_found_among_the_choices(load):
    docs = [{**doc, "g": doc["c"][doc["g"]]} for doc in DOCS]
    assert load(docs=docs).item_count == 3


def test_several_metrics_or_filters_must_be_chosen_from(load):
    keys = {**CHOICE, "metric_list": [metric("acc"), metric("acc_norm")]}
    with pytest.raises(BenchmarkError, match="has 2 metrics: `acc`, `acc_norm`") as caught:
        load(keys)
    assert 'metric = "acc"' in str(caught.value.hint)
    assert load(keys, metric="acc_norm").score.metric == "acc_norm"
    with pytest.raises(BenchmarkError, match="no metric `f1`; it has `acc`, `acc_norm`"):
        load(keys, metric="f1")
    two = [{"name": name, "filter": [{"function": "take_first"}]} for name in ("one", "two")]
    with pytest.raises(BenchmarkError, match="has 2 filters: `one`, `two`"):
        load({**WRITTEN, "filter_list": two})
    assert load({**WRITTEN, "filter_list": two}, filter="two").score.filter == "two"


@pytest.mark.parametrize(
    ("name", "aggregation"),
    [("f1", "f1"), ("mcc", "matthews_corrcoef"), ("brier_score", "brier_score")],
)
def test_metrics_of_all_items_together_are_refused_with_the_reason(load, name, aggregation):
    keys = {**CHOICE, "metric_list": [metric(name, aggregation=aggregation)]}
    with pytest.raises(BenchmarkError, match="computed from all items together"):
        load(keys)
    both = {**CHOICE, "metric_list": [metric("acc"), metric(name, aggregation=aggregation)]}
    assert load(both).score.metric == "acc", "the only one that can be a score is taken"
    with pytest.raises(BenchmarkError, match="so there is no score per item"):
        load(both, metric=name)


def test_perplexity_and_corpus_scores_are_refused(load):
    rolling = {key: CHOICE[key] for key in CHOICE if not key.startswith(("doc_to", "metric"))}
    rolling |= {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "q"}
    with pytest.raises(BenchmarkError, match="measures perplexity"):
        load(rolling)
    with pytest.raises(BenchmarkError, match="computed from all items together"):
        load({**WRITTEN, "metric_list": [metric("bleu", aggregation="bleu")]})
    with pytest.raises(BenchmarkError, match="`likelihood` is a pair"):
        load({**CHOICE, "metric_list": [metric("likelihood")]})


@pytest.mark.parametrize(
    ("keys", "said", "hint"),
    [
        ({**CHOICE, "metric_list": [metric("acc_nrom")]}, "metric `acc_nrom`", "`acc_norm`"),
        (
            {**WRITTEN, "filter_list": [{"name": "n", "filter": [{"function": "take_frist"}]}]},
            "filter function `take_frist`",
            "`take_first`",
        ),
        ({**CHOICE, "doc_to_txet": "q"}, "doc_to_txet", None),
        ({**CHOICE, "output_type": "guess"}, "guess", None),
        ({**CHOICE, "doc_to_text": "{{ nothing }}"}, "nothing", None),
        ({**CHOICE, "doc_to_text": "{{ q "}, "cannot be used as a task", None),
        ({**CHOICE, "test_split": "exam"}, "exam", None),
        ({**CHOICE, "dataset_kwargs": {"data_files": {"test": "no.jsonl"}}}, "no.jsonl", None),
        (
            {**CHOICE, "dataset_kwargs": {"data_files": {"test": "https://x.example/y.json"}}},
            "lies on a network",
            "name the file",
        ),
        ({**CHOICE, "dataset_path": "nobody/no-such-set"}, "not on this machine", "hub|local"),
        ({**CHOICE, "doc_to_image": "q"}, "pictures", None),
    ],
)
def test_a_task_that_cannot_be_is_refused_in_words(load, keys, said, hint):
    with pytest.raises(BenchmarkError, match=said) as caught:
        load(keys)
    if hint is not None:
        import re

        assert re.search(hint, caught.value.hint or "")


def test_examples_are_as_many_as_asked_for_unless_the_task_forbids_them(load):
    samples = {"fewshot_config": {"sampler": "first_n", "samples": list(DOCS[:2])}}
    keys = {**CHOICE, **samples, "num_fewshot": 1}
    assert load(keys).n_shot == 1
    task = load(keys, num_fewshot=2)
    assert task.n_shot == 2
    assert task.items()[2].requests[0].args[0] == "one x\n\ntwo yy\n\nthree"
    with pytest.raises(BenchmarkError, match="num_fewshot: 0"):
        load({**CHOICE, "num_fewshot": 0}, num_fewshot=2)


def test_a_cluster_field_that_is_not_there_is_named_with_those_that_are(load):
    with pytest.raises(BenchmarkError, match="no field `subject`") as caught:
        load(cluster="subject")
    assert "`topic`" in str(caught.value.hint)


@pytest.mark.parametrize(
    "template",
    [
        "{{ q.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.system('touch was-run') }}",
        "{{ lipsum.__globals__['os'].popen('true').read() }}",
    ],
)
def test_a_template_reaches_no_python_without_any_function_tag(load, template):
    with pytest.raises(BenchmarkError, match=r"(?i)unsafe|SecurityError|undefined"):
        load({**CHOICE, "doc_to_text": template})


def test_a_template_that_does_not_end_is_stopped(load, monkeypatch):
    from silentzone.harness import tasks

    monkeypatch.setattr(tasks, "_BUILD_SECONDS", 0.5)
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with pytest.raises(TimeLimitError, match="took longer than"):
        load({**CHOICE, "doc_to_text": loop})


def test_a_group_is_refused(tmp_path):
    from silentzone.harness.tasks import load_task
    from silentzone.records.harness import HarnessEntry

    (tmp_path / "g.yaml").write_text("group: g\ntask: [a, b]\n", "utf-8")
    with pytest.raises(BenchmarkError, match="is a group of tasks"):
        load_task(HarnessEntry(task="g"), tmp_path, items=None, seed=1, name="g")


def test_nothing_is_written_to_the_users_folder_and_no_torch_is_loaded(load, tmp_path):
    load()
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import sys; from pathlib import Path\n"
        "from silentzone.harness.tasks import load_task\n"
        "from silentzone.records.harness import HarnessEntry\n"
        "entry, folder = HarnessEntry(task='t'), Path(sys.argv[1])\n"
        "task = load_task(entry, folder, items=None, seed=1, name='t')\n"
        "assert 'torch' not in sys.modules\n"
        "print(task.items_sha256)\n"
    )
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "c")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert done.stdout.strip() == load().items_sha256, "the same in another process"
    assert not [path for path in home.rglob("*") if path.is_file()]
