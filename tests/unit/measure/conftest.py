"""One fake model, opened, and the jobs that name it."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from silentzone.backends.base import EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.measure.jobs import BenchmarkJob, CorpusJob, ModelJob
from silentzone.records.config import FloorEntry
from silentzone.store.folder import StudyFolder

SETTINGS = EngineSettings(threads=1)
TEXT = "".join(chr(97 + (7 * k * k + k) % 26) for k in range(400))


@pytest.fixture
def fake(tmp_path):
    """Open a fake model by what its file says."""

    def open_model(name="ref", settings=SETTINGS, **content):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"fake_model": 1, "seed": 7, **content}), "utf-8")
        return ENGINE.open(path, ENGINE.read_model(path, name), settings)

    return open_model


@pytest.fixture
def corpus(tmp_path, fake):
    """A job over a text file of 400 letters; keywords change its fields."""

    def job(text=TEXT, **fields):
        path = tmp_path / "text.txt"
        path.write_text(text, "utf-8")
        usual = {
            "name": "text",
            "path": str(path),
            "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "tokenizer_sha256": fake().model.tokenizer_sha256,
            "context_length": 16,
            "windows": 5,
            "select": "first",
            "documents": "none",
            "first_scored": 8,
        }
        return CorpusJob(**{**usual, **fields})

    return job


@pytest.fixture
def benchmark():
    """A job of a benchmark of one's own; keywords change its fields."""

    def job(**fields):
        usual = {
            "name": "own",
            "path": "own.jsonl",
            "is_built_in": False,
            "items": None,
            "seed": 1,
            "headline": "normalized",
            "items_sha256": "d" * 64,
            "item_count": 10,
            "divergence": True,
        }
        return BenchmarkJob(**{**usual, **fields})

    return job


@pytest.fixture
def model_job(tmp_path, fake, corpus, benchmark):
    """A job of one model over one corpus and one benchmark; keywords change its fields."""

    def job(**fields):
        model = fake().model
        usual = {
            "study": str(tmp_path / "study"),
            "backend": "fake",
            "path": str(tmp_path / "ref.json"),
            "model": model,
            "reference_path": str(tmp_path / "ref.json"),
            "reference": model,
            "is_reference": False,
            "only_traces": False,
            "threads": 1,
            "batch_tokens": 2048,
            "micro_batch_tokens": 512,
            "gpu_layers": 0,
            "seed": 1,
            "floor": FloorEntry(windows=2, token_by_token_positions=3, items=4),
            "corpora": (corpus(),),
            "benchmarks": (benchmark(),),
        }
        return ModelJob(**{**usual, **fields})

    return job


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "study").create()


def log_probs(logits):
    """Log-probabilities in float64, written down once more."""
    wide = np.asarray(logits, np.float64)
    return wide - np.log(np.exp(wide - wide.max()).sum(axis=-1, keepdims=True)) - wide.max()
