"""A task made of keys, put into a folder with its data."""

from __future__ import annotations

import json
from typing import Any

import pytest

CHOICE = {
    "task": "t",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "data.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "q",
    "doc_to_choice": "c",
    "doc_to_target": "g",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
WRITTEN = {
    **{key: CHOICE[key] for key in ("task", "dataset_path", "dataset_kwargs", "test_split")},
    "output_type": "generate_until",
    "doc_to_text": "q",
    "doc_to_target": "a",
    "generation_kwargs": {"until": ["\n\n"], "max_gen_toks": 8},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
}
DOCS: tuple[dict[str, Any], ...] = (
    {"q": "one", "c": ["x", "yy"], "g": 0, "a": "a", "topic": "p"},
    {"q": "two", "c": ["x", "yy", "z"], "g": 1, "a": "b", "topic": "p"},
    {"q": "three", "c": ["x", "yy"], "g": 1, "a": "c", "topic": 7},
)


@pytest.fixture
def load(tmp_path):
    """Load a task of these keys and documents; what is left are keys of the study's entry."""
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed")
    yaml = pytest.importorskip("yaml")
    from silentzone.harness.tasks import load_task
    from silentzone.records.harness import HarnessEntry

    def give(keys=CHOICE, docs=DOCS, *, items=None, seed=1, **entry):
        (tmp_path / "t.yaml").write_text(yaml.safe_dump(keys), "utf-8")
        (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, docs)), "utf-8")
        asked = HarnessEntry(**{"task": "t", **entry})
        return load_task(asked, tmp_path, items=items, seed=seed, name="t")

    return give


@pytest.fixture
def fake(tmp_path):
    """A fake model, loaded."""
    from silentzone.backends.base import EngineSettings
    from silentzone.backends.fake import ENGINE

    def give(**content):
        path = tmp_path / "model.json"
        path.write_text(json.dumps({"fake_model": 1, "seed": 7, **content}), "utf-8")
        return ENGINE.open(path, ENGINE.read_model(path, "model"), EngineSettings(threads=1))

    return give
