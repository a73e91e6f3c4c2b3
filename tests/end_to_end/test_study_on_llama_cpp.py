"""A whole study on real files: two GGUF models, a text, a benchmark, the report."""

from __future__ import annotations

import json

import pytest

from silentzone.records.config import (
    BenchmarkEntry,
    CorpusEntry,
    EngineEntry,
    FloorEntry,
    ModelEntry,
    StudyConfig,
)
from silentzone.records.tables import CHURN, FLOORS, ITEMS, PROMPTS, TOKENS
from silentzone.store.folder import StudyFolder
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SENTENCES = (
    "The river rose in the night and carried the small boat away from the landing.",
    "Nobody in the village had expected rain in the dry month after the harvest.",
    "Her brother walked to the mill and asked the miller for a longer rope.",
    "They tied it to the old oak, which had held through many floods before.",
    "In the morning the water fell, and the boat lay in a field of beans.",
    "The children laughed at it until the farmer came to see what they had found.",
)
ITEMS_OF_OWN = (
    ("The capital of France is", ("Paris", "a kind of cheese", "yesterday")),
    ("Water freezes when it becomes very", ("cold", "purple", "loud")),
    ("A week has seven", ("days", "oceans", "spoons")),
    ("To open a locked door you need a", ("key", "cloud", "song")),
    ("Bees make", ("honey", "bicycles", "windows")),
    ("At night the sky is", ("dark", "edible", "made of wood")),
)


@pytest.fixture(scope="module")
def study(smollm2_f16, smollm2_q8_0, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    (folder / "text.txt").write_text(" ".join(SENTENCES * 6), "utf-8")
    lines = [
        {"item_id": f"own-{number}", "prompt": prompt, "choices": list(choices), "target": 0}
        for number, (prompt, choices) in enumerate(ITEMS_OF_OWN)
    ]
    (folder / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    broken = folder / "broken.gguf"
    broken.write_bytes(smollm2_q8_0.read_bytes()[:5_000_000])
    config = StudyConfig(
        name="real",
        seed=1,
        reference=ModelEntry(name="F16", path=str(smollm2_f16), note="dequantized from Q4_1"),
        candidates=(
            ModelEntry(name="Q8_0", path=str(smollm2_q8_0)),
            ModelEntry(name="cut off", path=str(broken)),
        ),
        corpora=(
            CorpusEntry(name="own", path=str(folder / "text.txt"), context_length=128, windows=3),
        ),
        benchmarks=(BenchmarkEntry(name="own", path=str(folder / "own.jsonl")),),
        engine=EngineEntry(workers=2, threads=1),
        floor=FloorEntry(windows=1, token_by_token_positions=4, items=4),
    )
    out = folder / "out"
    outcome = run_study(config, out, progress=SilentProgress(), command="silentzone run")
    return StudyFolder(out), outcome


def test_every_part_of_a_real_quant_is_measured(study):
    folder, outcome = study
    for schema in (TOKENS, FLOORS):
        assert folder.has_table(schema, "own", "Q8_0"), schema.name
    for schema in (ITEMS, CHURN):
        assert folder.has_table(schema, "own", "Q8_0"), schema.name
        assert folder.has_table(schema, "own", "F16"), schema.name
    assert outcome.report.stat().st_size > 50_000
    rows = {row["model"]: row for row in outcome.analysis["fidelity"]}
    kld = rows["Q8_0"]["metrics"]["kld_mean"]["value"]
    assert 1e-4 < kld < 0.05
    assert rows["Q8_0"]["metrics"]["top1_agreement"]["value"] > 0.85
    assert rows["Q8_0"]["floor"]["used"] < 10 * kld


def test_a_real_quant_is_compared_along_every_choice(study):
    folder, _ = study
    prompts = folder.read_table(PROMPTS, "own", "Q8_0")
    trace = folder.item_trace("own")
    assert trace is not None
    assert prompts.n_rows == len(trace.rows)
    assert set(prompts.strings("status")) == {"ok"}
    kld, _ = prompts.floats("kl_divergence")
    assert 1e-5 < kld.mean() < 0.05
    nll, _ = prompts.floats("candidate_nll")
    answers = folder.read_table(ITEMS, "own", "Q8_0")
    sums = [value for one in answers.float_lists("choice_log_likelihoods") for value in one or []]
    assert [-nll[trace.stretch(k)].sum() for k in range(len(sums))] == pytest.approx(sums, abs=1e-4)


def test_the_model_knows_what_any_model_knows(study):
    folder, _ = study
    scores, is_valid = folder.read_table(ITEMS, "own", "F16").floats("score_raw")
    assert is_valid.all()
    assert scores.mean() >= 4 / 6  # chance is 2 of 6


def test_a_file_that_was_cut_off_costs_only_itself(study):
    _, outcome = study
    assert [text for text in outcome.failures if text.startswith("cut off, file:")]
    assert len(outcome.failures) == 1


def test_the_trace_rebuilds_the_engines_logits(study):
    folder, _ = study
    trace = folder.trace("own")
    assert trace is not None
    assert trace.form == "hidden"
    assert trace.rebuild_error is not None
    assert trace.rebuild_error["self_kld_mean"] < 1e-6
