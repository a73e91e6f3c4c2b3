"""A whole study of tiny random models in transformers: texts, choices, answers in writing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.backends.tiny_models import make_model
from tests.end_to_end.fake_studies import StudyFiles, run_in_process

from silentzone.cli.main import run_command_line
from silentzone.records.tables import CHURN, FLOORS, GENERATIONS, ITEMS, PROMPTS, TOKENS
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import parse_config
from silentzone.studies.plan import StudyPlan
from silentzone.studies.progress import SilentProgress

pytestmark = pytest.mark.engine


def _displace(folder, by):
    """Move every weight a little, as a quantization does."""
    from safetensors.numpy import load_file, save_file

    rng = np.random.default_rng(5)
    tensors = load_file(folder / "model.safetensors")
    moved = {
        name: (one * (1 + by * rng.standard_normal(one.shape))).astype(one.dtype)
        for name, one in sorted(tensors.items())
    }
    save_file(moved, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.fixture(scope="module")
def finished(transformers_version, tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformers")
    files = StudyFiles(folder)
    for name, by in (("ref", 0.0), ("near", 0.002), ("far", 0.05)):
        make_model(folder / name, "gemma2")
        _displace(folder / name, by)
    written = [
        {"item_id": f"q{k}", "messages": [{"role": "user", "content": f"say {k}"}], "regex": "."}
        for k in range(3)
    ]
    (folder / "written.jsonl").write_text("\n".join(map(json.dumps, written)), "utf-8")
    mapping = {
        **files.mapping(),
        "reference": {"path": "ref"},
        "candidates": [{"glob": "[nf][ea]*r"}],
        "engine": {"threads": 1, "dtype": "float32"},
    }
    mapping["benchmarks"] = [
        {"name": "own", "path": "own.jsonl", "at_chance": "go on"},
        {"name": "w", "path": "written.jsonl", "kind": "generate", "max_tokens": 5},
    ]
    config = parse_config(mapping, folder)
    measured, outcome = run_in_process(config, folder / "out")
    return config, StudyFolder(folder / "out"), measured, outcome


def test_every_kind_of_part_is_measured_of_every_model(finished):
    _, folder, _, outcome = finished
    assert outcome.failures == ()
    for model in ("near", "far"):
        for schema, group in (
            (TOKENS, "text"), (FLOORS, "text"), (ITEMS, "own"), (PROMPTS, "own"), (CHURN, "own"),
            (ITEMS, "w"), (GENERATIONS, "w"),
        ):  # fmt: skip
            assert folder.has_table(schema, group, model), (schema.name, model)
    trace = folder.trace("text")
    assert trace is not None
    assert trace.form == "hidden"
    assert trace.rebuild_error["self_kld_max"] < 1e-9


def test_the_further_model_is_further_and_noise_is_far_below_both(finished):
    _, folder, _, outcome = finished
    rows = {row["model"]: row for row in outcome.analysis["fidelity"]}
    near, far = (rows[name]["metrics"]["kld_mean"]["value"] for name in ("near", "far"))
    assert 0 < 10 * near < far
    assert all(row["floor"]["used"] < 1e-3 * near for row in rows.values())
    along = {
        name: folder.read_table(PROMPTS, "own", name).floats("kl_divergence")[0].mean()
        for name in ("near", "far")
    }
    assert 0 < 10 * along["near"] < along["far"]


def test_messages_went_through_the_models_own_template(finished):
    _, folder, _, _ = finished
    questions = folder.root / "tables" / "questions" / "w"
    assert any(questions.iterdir())
    assert folder.read_table(GENERATIONS, "w", "ref").n_rows == 3
    assert folder.manifest()["reference"]["chat_template_sha256"] is not None


def test_another_type_or_attention_is_another_measurement(finished):
    config, folder, _, _ = finished

    def unfinished(**changes):
        loading = replace(config.engine.loading, **changes)
        changed = replace(config, engine=replace(config.engine, loading=loading))
        plan = StudyPlan(changed, folder, SilentProgress())
        return sum(len(plan.unfinished(model)) for model in plan.models)

    assert unfinished() == 0
    assert unfinished(dtype="bfloat16") == unfinished(attention="eager") > 10


def test_folders_are_compared_at_once_from_the_command_line(finished, capsys):
    _, folder, _, _ = finished
    place = folder.root.parent
    command = ["compare", str(place / "ref"), str(place / "near"), "--text"]
    options = ["--context-length", "64", "--windows", "2", "--threads", "1", "--json", "--quiet"]
    assert run_command_line([*command, str(place / "text.txt"), *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["engine"]["name"] == "transformers"
    (candidate,) = found["candidates"]
    assert candidate["name"] == "near"
    assert candidate["metrics"]["kld_mean"]["value"] > 0


def test_a_folder_that_is_no_model_is_a_sentence(tmp_path, files, capsys):
    (tmp_path / "empty").mkdir()
    text = str(files.folder / "text.txt")
    command = ["compare", str(tmp_path / "empty"), str(tmp_path / "empty"), "--text", text]
    assert run_command_line([*command, "--quiet"]) == 1
    said = capsys.readouterr().err
    assert "empty` holds no `config.json`" in said
    assert "or a GGUF file itself" in said
