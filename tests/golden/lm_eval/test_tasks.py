"""Tasks of lm-evaluation-harness on our engine against its own `hf` model; see README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (make setup-test)")

from silentzone.backends.base import EngineSettings
from silentzone.backends.llama_cpp.entry import ENGINE
from silentzone.harness.library import load, quiet
from silentzone.harness.rows import item_columns
from silentzone.harness.runner import run_task
from silentzone.harness.tasks import load_task
from silentzone.records.harness import HarnessEntry

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected_samples.json").read_text(encoding="utf-8"))
SAMPLES = EXPECTED["samples"]
# Nats, on sums over 1 to 22 tokens after up to 60: float32 throughout there; F16 weights,
# activations and cache here. The largest difference seen is 0.019, the mean absolute one 0.004.
TOLERANCE = 0.04
OF_TEXTS = 0.1
"""The same of texts of up to 830 tokens in two windows; seen is 0.046."""

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def samples(smollm2_f16):
    """What lm-evaluation-harness's own evaluator gets from our model, by task."""
    evaluator, tasks = load("lm_eval.evaluator"), load("lm_eval.tasks")
    model_class = load("silentzone.harness.model").SilentzoneLM
    length = EXPECTED["context_length"]
    model = model_class(path=str(smollm2_f16), threads=1, max_length=length)
    with pytest.MonkeyPatch.context() as context, quiet():
        context.chdir(HERE / "tasks")
        manager = tasks.TaskManager(include_path=str(HERE / "tasks"), include_defaults=False)
        found: dict[str, list[dict[str, Any]]] = {}
        for task in SAMPLES:  # one by one: what is decoded together rounds together
            results = evaluator.simple_evaluate(
                model=model, tasks=[task], task_manager=manager, bootstrap_iters=0
            )
            found |= results["samples"]
    return found


@pytest.fixture(scope="module")
def answers(smollm2_f16):
    """What a study makes of the tasks that have a score per item."""

    def ask(backend, task, **entry):
        asked = HarnessEntry(task=task, score_truncated=True, **entry)
        loaded = load_task(asked, HERE / "tasks", items=None, seed=1, name=task)
        found = run_task(backend, loaded, EXPECTED["context_length"], seed=1)
        return found, item_columns(loaded, found)

    model = ENGINE.read_model(smollm2_f16, "F16")
    with ENGINE.open(smollm2_f16, model, EngineSettings(threads=1)) as backend:
        return {
            ("own_choices", "acc"): ask(backend, "own_choices", metric="acc"),
            ("own_choices", "acc_norm"): ask(backend, "own_choices", metric="acc_norm"),
            ("own_choices_2shot", "acc"): ask(backend, "own_choices_2shot", metric="acc"),
            ("own_numbers", "first-number"): ask(backend, "own_numbers", filter="first-number"),
            ("own_numbers", "last-number"): ask(backend, "own_numbers", filter="last-number"),
            ("own_endings", "acc"): ask(backend, "own_endings", metric="acc"),
        }


def rows(found, task):
    return sorted(found[task], key=lambda row: (row["filter"], row["doc_id"]))


@pytest.mark.parametrize("task", ["own_choices", "own_choices_2shot", "own_endings"])
def test_log_likelihoods_and_scores_are_its_own_per_item(samples, task):
    for ours, theirs in zip(rows(samples, task), rows(SAMPLES, task), strict=True):
        assert [list(one) for one in ours["arguments"]] == theirs["arguments"]
        for (value, is_greedy), expected in zip(
            ours["filtered_resps"], theirs["filtered"], strict=True
        ):
            assert value == pytest.approx(expected[0], abs=TOLERANCE)
            assert is_greedy == expected[1]
        own = {name: ours[name] for name in theirs["metrics"] if name != "perplexity"}
        assert own == {name: theirs["metrics"][name] for name in own}


def test_written_texts_and_what_its_filters_read_are_its_own_per_item(samples):
    for ours, theirs in zip(
        rows(samples, "own_numbers"), rows(SAMPLES, "own_numbers"), strict=True
    ):
        assert ours["resps"] == theirs["responses"]
        assert ours["filtered_resps"] == theirs["filtered"]
        assert ours["exact_match"] == theirs["metrics"]["exact_match"]


def test_rolling_log_likelihoods_are_its_own_in_one_window_and_in_several(samples):
    for ours, theirs in zip(rows(samples, "own_texts"), rows(SAMPLES, "own_texts"), strict=True):
        value, size = ours["bits_per_byte"]
        expected, expected_size = theirs["metrics"]["bits_per_byte"]
        assert size == expected_size
        assert value == pytest.approx(expected, abs=OF_TEXTS)


def test_a_study_gets_the_very_numbers_of_its_evaluator(samples, answers):
    for (task, rule), (found, columns) in answers.items():
        is_written = task == "own_numbers"
        theirs = [row for row in rows(samples, task) if row["filter"] == rule or not is_written]
        metric = "exact_match" if is_written else rule
        assert columns["item_id"] == [str(row["doc_id"]) for row in theirs]
        assert columns["score"] == [float(row[metric]) for row in theirs]
        for answer, row in zip(found, theirs, strict=True):
            assert answer.responses == [list(one) for one in row["resps"]]
        if is_written:
            assert columns["prediction"] == [row["filtered_resps"][0] for row in theirs]
