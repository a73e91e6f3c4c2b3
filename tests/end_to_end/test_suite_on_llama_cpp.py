"""Every kind of built-in benchmark, in little, over three real quants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from silentzone.backends.llama_cpp.quantize import QuantRecipe, quantize
from silentzone.execution.sandbox import sandbox_state
from silentzone.records.tables import GENERATIONS, ITEMS, QUESTIONS
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import parse_config
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TASKS = Path(__file__).parent.parent / "golden" / "lm_eval" / "tasks"
CHOICES = {"piqa": 8, "boolq": 3, "mmlu": 4}
WRITTEN = {"instructions": 2, "rg_chain_sum": 2, "bfcl": 1, "humaneval": 2}
"""Items of each; a handful, for what is tested is that all kinds go through together."""
MODELS = ("F16", "Q8_0", "Q4_1", "Q5_1")


@pytest.fixture(scope="module")
def study(smollm2_f16, smollm2_q8_0, smollm2_source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite")
    quantize(
        smollm2_f16, folder / "Q5_1.gguf", QuantRecipe(name="Q5_1", file_type="Q5_1"), threads=1
    )
    paths = (smollm2_f16, smollm2_q8_0, smollm2_source, folder / "Q5_1.gguf")
    models = [{"name": name, "path": str(path)} for name, path in zip(MODELS, paths, strict=True)]
    short = {"max_tokens": 16, "score_truncated": True}
    mapping = {
        "study": {"name": "suite", "seed": 1},
        "reference": models[0],
        "candidates": models[1:],
        "benchmarks": [
            *({"name": name, "items": items} for name, items in CHOICES.items()),
            *({"name": name, "items": items, **short} for name, items in WRITTEN.items()),
            {"name": "own_choices", "kind": "lm-eval", "path": str(TASKS), "metric": "acc"},
        ],
        "floor": {"items": 0},
    }
    out = folder / "out"
    config = parse_config(mapping, folder)
    outcome = run_study(config, out, progress=SilentProgress(), command="silentzone run")
    return StudyFolder(out), outcome


def test_nothing_failed_that_can_run_here(study, sandbox):
    _, outcome = study
    assert outcome.failures == ()
    asked = {row["name"] for row in outcome.analysis["benchmarks"]}
    assert asked == {*CHOICES, *WRITTEN, "own_choices"}


@pytest.mark.parametrize("name", [*CHOICES, *WRITTEN])
def test_every_model_has_every_item_with_a_status(study, name):
    folder, _ = study
    wanted = {**CHOICES, **WRITTEN}[name]
    if name == "humaneval" and not sandbox_state().is_usable:
        pytest.skip(f"no sandbox: {sandbox_state().missing}")
    for model in MODELS:
        items = folder.read_table(ITEMS, name, model)
        assert items.n_rows == wanted
        assert set(items.strings("status")) <= {"ok", "too_long"}
        _, is_there = items.floats("score")
        assert is_there.tolist() == [status == "ok" for status in items.strings("status")]
    assert folder.read_table(QUESTIONS, name, "F16").n_rows == wanted


def test_programs_were_judged_in_the_sandbox(study, sandbox):
    folder, _ = study
    checks = folder.read_table(GENERATIONS, "humaneval", "Q8_0").strings("check")
    for check in map(json.loads, filter(None, checks)):
        assert check["sandbox"].startswith("bubblewrap")
        assert check["seconds"] < check["wall_seconds_allowed"]
    assert len(checks) == WRITTEN["humaneval"]


def test_the_report_shows_items_of_every_kind(study):
    folder, outcome = study
    flips = json.loads((folder.root / "flips.json").read_text("ascii"))
    assert flips["changes"]
    assert all(question["prompt"] for question in flips["questions"])
    assert outcome.report.stat().st_size > 50_000
