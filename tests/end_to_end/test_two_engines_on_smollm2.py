"""A reference in one engine and candidates in another, on a real model, both ways round.

What runs in transformers is the folder that transformers expands the F16 file to: the same weights,
without the time that expanding takes in every process.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.end_to_end.test_study_on_llama_cpp import ITEMS_OF_OWN, SENTENCES

from silentzone.analysis.study import analyze_study
from silentzone.records.tables import ITEMS, PROMPTS, TOKENS
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import parse_config
from silentzone.studies.engines import Engines
from silentzone.studies.inspection import inspect_models
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

pytestmark = [pytest.mark.engine, pytest.mark.slow]


class Notes(SilentProgress):
    """Keeps what people are told."""

    def __init__(self):
        self.said = []

    def note(self, message):
        self.said.append(message)


def _run(folder: Any, reference: Any, candidates: Any) -> tuple[StudyFolder, Any, Any]:
    (folder / "text.txt").write_text(" ".join(SENTENCES * 3), "utf-8")
    lines = [
        {"item_id": f"own-{number}", "prompt": prompt, "choices": list(choices), "target": 0}
        for number, (prompt, choices) in enumerate(ITEMS_OF_OWN)
    ]
    (folder / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    mapping = {
        "study": {"name": "two engines", "seed": 1},
        "reference": {"name": "reference", **reference},
        "candidates": candidates,
        "corpora": [{"name": "own", "path": "text.txt", "context_length": 64, "windows": 2}],
        "benchmarks": [{"name": "own", "path": "own.jsonl"}],
        "engine": {"threads": 1},
        "floor": {"windows": 1, "token_by_token_positions": 0, "items": 2},
    }
    progress = Notes()
    config = parse_config(mapping, folder)
    outcome = run_study(config, folder / "out", progress=progress, command="silentzone run")
    return StudyFolder(folder / "out"), outcome, config


@pytest.fixture(scope="module")
def from_transformers(smollm2_folder, smollm2_f16, smollm2_q8_0, tmp_path_factory):
    """Reference in transformers; the same weights and a quant in llama.cpp."""
    folder = tmp_path_factory.mktemp("from-transformers")
    candidates = [
        {"name": "same", "path": str(smollm2_f16), "same_weights": True},
        {"name": "Q8_0", "path": str(smollm2_q8_0)},
    ]
    return _run(folder, {"path": str(smollm2_folder)}, candidates)


def test_a_quant_in_llama_cpp_is_measured_against_a_reference_in_transformers(from_transformers):
    folder, outcome, _ = from_transformers
    assert outcome.failures == ()
    for schema in (TOKENS, ITEMS, PROMPTS):
        assert folder.has_table(schema, "own", "Q8_0"), schema.name
    (row,) = outcome.analysis["fidelity"]
    assert 1e-4 < row["metrics"]["kld_mean"]["value"] < 0.05
    kld, _ = folder.read_table(PROMPTS, "own", "Q8_0").floats("kl_divergence")
    assert 1e-5 < kld.mean() < 0.05


def test_the_engines_own_difference_is_a_lane_and_stands_in_the_caution(from_transformers):
    folder, outcome, _ = from_transformers
    (lane,) = outcome.analysis["lanes"]
    (row,) = lane["fidelity"]
    floor = row["metrics"]["kld_mean"]["value"]
    assert (lane["lane"], row["model"]) == ("engine", "same")
    assert 0 < floor < 1e-4
    said = [one for one in outcome.analysis["cautions"] if "ran in llama_cpp" in one]
    assert len(said) == 1
    assert f"{floor:.2g} nats of KLD (own)" in said[0]
    manifest = folder.manifest()
    assert manifest["engine"]["name"] == "transformers"
    assert [one["name"] for one in manifest["other_engines"]] == ["llama_cpp"]
    assert [one["engine"] for one in manifest["candidates"]] == ["llama_cpp", "llama_cpp"]
    assert {one["tokenizer_sha256"] for one in manifest["candidates"]} == {
        manifest["reference"]["tokenizer_sha256"]
    }


def test_what_is_finished_is_not_measured_again_and_is_read_without_an_engine(from_transformers):
    folder, outcome, config = from_transformers
    progress = Notes()
    run_study(config, folder.root, progress=progress, command="silentzone run")
    assert "Everything is measured already." in progress.said
    again = analyze_study(folder, rng_seed=config.seed)
    assert again["fidelity"] == outcome.analysis["fidelity"]


def test_one_file_in_two_engines_is_known_to_be_one_without_being_told(
    smollm2_f16, transformers_version, tmp_path
):
    (tmp_path / "text.txt").write_text(SENTENCES[0], "utf-8")
    mapping = {
        "study": {"name": "one file", "seed": 1},
        "reference": {"name": "reference", "path": str(smollm2_f16), "engine": "transformers"},
        "candidates": [{"name": "same", "path": str(smollm2_f16)}],
        "corpora": [{"name": "own", "path": "text.txt", "context_length": 64}],
    }
    config = parse_config(mapping, tmp_path)
    (same,) = inspect_models(config, Engines(config), SilentProgress()).usable
    assert (same.ref.lane, same.ref.engine) == ("engine", "llama_cpp")
    assert same.ref.has_reference_weights


def test_and_the_other_way_round(smollm2_f16, smollm2_folder, tmp_path, from_transformers):
    candidates = [{"name": "same", "path": str(smollm2_folder), "same_weights": True}]
    folder, outcome, _ = _run(tmp_path, {"path": str(smollm2_f16)}, candidates)
    (lane,) = outcome.analysis["lanes"]
    there = from_transformers[1].analysis["lanes"][0]["fidelity"][0]["metrics"]["kld_mean"]
    here = lane["fidelity"][0]["metrics"]["kld_mean"]
    # the divergence has a direction, but near zero both are alike
    assert here["value"] == pytest.approx(there["value"], rel=0.05)
    scores = [
        folder.read_table(ITEMS, "own", name).float_lists("choice_log_likelihoods")
        for name in ("reference", "same")
    ]
    for own, other in zip(*scores, strict=True):
        np.testing.assert_allclose(own, other, atol=0.05)
