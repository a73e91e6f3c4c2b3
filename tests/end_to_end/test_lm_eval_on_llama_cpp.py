"""Tasks of lm-evaluation-harness in a study on a real model, beside the same questions of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from silentzone.backends.base import EngineSettings
from silentzone.records.config import (
    BenchmarkEntry,
    EngineEntry,
    FloorEntry,
    GenerationEntry,
    ModelEntry,
    StudyConfig,
)
from silentzone.records.harness import HarnessEntry
from silentzone.records.tables import CHURN, GENERATIONS, ITEMS
from silentzone.store.folder import StudyFolder
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TASKS = Path(__file__).parent.parent / "golden" / "lm_eval" / "tasks"
MODELS = ("F16", "Q8_0")
NUMBERS_PROMPT = "Q: What is 1 + 1?\nA: The answer is 2.\n\nQ: {question}\nA:"
INDEPENDENT = 0.03
"""Nats on sums: one sequence decoded alone there, many beside each other here."""


def docs(name):
    lines = (TASKS / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def write(path, lines):
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return str(path)


@pytest.fixture(scope="module")
def study(smollm2_f16, smollm2_q8_0, tmp_path_factory):
    """Every question twice: as a task of lm-evaluation-harness, and as a file of ours."""
    folder = tmp_path_factory.mktemp("tasks")
    choices = [
        {
            "item_id": str(k),
            "prompt": f"Question: {doc['question']}\nAnswer:",
            "choices": doc["choices"],
            "target": doc["gold"],
            "cluster": doc["topic"],
        }
        for k, doc in enumerate(docs("choices"))
    ]
    numbers = [
        {
            "item_id": str(k),
            "prompt": NUMBERS_PROMPT.format(question=doc["question"]),
            "number": int(doc["answer"]),
            "stop": ["\n", "Q:"],
        }
        for k, doc in enumerate(docs("numbers"))
    ]
    config = StudyConfig(
        name="tasks",
        seed=1,
        reference=ModelEntry(name="F16", path=str(smollm2_f16)),
        candidates=(ModelEntry(name="Q8_0", path=str(smollm2_q8_0)),),
        corpora=(),
        benchmarks=(
            BenchmarkEntry(
                name="own-choices",
                path=write(folder / "choices.jsonl", choices),
                divergence=False,
                at_chance="go on",
            ),
            BenchmarkEntry(
                name="own-numbers",
                path=write(folder / "numbers.jsonl", numbers),
                generation=GenerationEntry(max_tokens=24, score_truncated=True),
            ),
            BenchmarkEntry(
                name="task-choices",
                harness=HarnessEntry(task="own_choices", metric="acc_norm", cluster="topic"),
                path=str(TASKS),
                at_chance="go on",
            ),
            BenchmarkEntry(
                name="task-numbers",
                harness=HarnessEntry(
                    task="own_numbers", filter="last-number", score_truncated=True
                ),
                path=str(TASKS),
                at_chance="go on",
            ),
        ),
        engine=EngineEntry(workers=1, threads=1),
        floor=FloorEntry(items=4),
    )
    outcome = run_study(config, folder / "out", progress=SilentProgress(), command="test")
    return StudyFolder(folder / "out"), outcome


@pytest.mark.parametrize("model", MODELS)
def test_choices_have_the_very_numbers_of_our_own_measurement(study, model):
    folder, outcome = study
    assert outcome.failures == ()
    ours = folder.read_table(ITEMS, "own-choices", model)
    task = folder.read_table(ITEMS, "task-choices", model)
    for column in ("item_id", "cluster_id", "status", "prediction", "target", "prompt_sha256"):
        assert ours.strings(column) == task.strings(column), column
    for column in ("score", "score_raw", "score_normalized", "margin", "confidence"):
        assert ours.floats(column)[0].tolist() == task.floats(column)[0].tolist(), column
    assert values(ours) == values(task)


@pytest.mark.parametrize("model", MODELS)
def test_texts_are_those_of_our_own_generation(study, model):
    folder, _ = study
    ours = folder.read_table(GENERATIONS, "own-numbers", model)
    task = folder.read_table(GENERATIONS, "task-numbers", model)
    assert ours.strings("text") == task.strings("text")
    assert ours.strings("finish_reason") == task.strings("finish_reason")
    scores = [folder.read_table(ITEMS, name, model) for name in ("own-numbers", "task-numbers")]
    assert scores[0].floats("score")[0].tolist() == scores[1].floats("score")[0].tolist()


def test_some_items_are_asked_again(study):
    folder, _ = study
    for model in MODELS:
        for name in ("task-choices", "task-numbers"):
            churn = folder.read_table(CHURN, name, model)
            assert churn.n_rows == 5
            assert set(churn.strings("status")) == {"ok"}


def test_log_likelihoods_are_those_of_llama_cpp_pythons_own_class(study, smollm2_f16):
    from llama_cpp import Llama

    folder, _ = study
    measured = values(folder.read_table(ITEMS, "task-choices", "F16"))
    llama = Llama(str(smollm2_f16), n_ctx=512, logits_all=True, n_threads=1, verbose=False, seed=1)
    for doc, ours in zip(docs("choices"), measured, strict=True):
        prompt = f"Question: {doc['question']}\nAnswer:"
        head = llama.tokenize(prompt.encode(), add_bos=False, special=False)
        for choice, value in zip(doc["choices"], ours, strict=True):
            whole = llama.tokenize(f"{prompt} {choice}".encode(), add_bos=False, special=False)
            llama.reset()
            llama.eval(whole)
            rows = np.array(llama.scores[len(head) - 1 : len(whole) - 1], dtype=np.float64)
            top = rows.max(axis=1, keepdims=True)
            logs = rows - top - np.log(np.exp(rows - top).sum(axis=1, keepdims=True))
            tail = whole[len(head) :]
            expected = logs[np.arange(len(tail)), tail].sum()
            assert value == pytest.approx(expected, abs=INDEPENDENT)
    llama.close()


def test_its_own_command_line_runs_on_our_engine(smollm2_f16, tmp_path):
    command = [
        sys.executable, "-m", "silentzone.harness", "run",
        "--model", "silentzone", "--model_args", f"path={smollm2_f16},threads=1",
        "--include_path", str(TASKS), "--tasks", "own_choices,own_numbers,own_texts",
        "--output_path", str(tmp_path), "--log_samples",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=TASKS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "own_choices" in done.stdout
    (results,) = tmp_path.rglob("results_*.json")
    content = json.loads(results.read_text("utf-8"))
    assert 0.0 < content["results"]["own_choices"]["acc,none"] <= 1.0
    assert len(content["config"]["model_sha256"]) == 64


def test_what_does_not_fit_is_a_status_in_a_study_and_an_error_of_the_command_line(smollm2_f16):
    from silentzone.backends.llama_cpp.entry import ENGINE
    from silentzone.errors import BenchmarkError
    from silentzone.harness.library import load
    from silentzone.harness.runner import run_task
    from silentzone.harness.tasks import load_task

    entry = HarnessEntry(task="own_choices", metric="acc")
    task = load_task(entry, TASKS, items=None, seed=1, name="x")
    model = ENGINE.read_model(smollm2_f16, "F16")
    with ENGINE.open(smollm2_f16, model, EngineSettings(threads=1)) as backend:
        answers = run_task(backend, task, 16, seed=1)
    assert {answer.status for answer in answers} == {"ok", "too_long"}
    assert all((answer.score is None) == (answer.status != "ok") for answer in answers)
    requests = [request for item in task.items() for request in item.requests]
    lm = load("silentzone.harness.model").SilentzoneLM
    with pytest.raises(BenchmarkError, match="does not fit"):
        lm(path=str(smollm2_f16), threads=1, max_length=14).loglikelihood(requests)
    cut = lm(path=str(smollm2_f16), threads=1, max_length=14, truncate=True)
    assert len(cut.loglikelihood(requests)) == len(requests)


def values(table):
    return table.float_lists("choice_log_likelihoods")
