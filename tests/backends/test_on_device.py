"""Candidates compared where their states are give what rows of logits give, whatever the head."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.backends.tiny_models import make_model

from silentzone.backends.base import EngineSettings
from silentzone.backends.transformers.entry import ENGINE
from silentzone.errors import MeasurementError
from silentzone.measure.candidate import TraceReader, measure_candidate
from silentzone.measure.jobs import CorpusJob
from silentzone.measure.on_device import candidate_columns, measure_on_device
from silentzone.measure.protocol import trace_key
from silentzone.measure.reference import write_trace
from silentzone.records.config import ModelLoading
from silentzone.records.tables import POSITION_METRICS
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("transformers_version")]

SETTINGS = EngineSettings(threads=1, batch_tokens=128, micro_batch_tokens=16)
WINDOWS = 3
EXACT = {"top1_match", "top5_match", "top5_overlap", "reference_top1_rank"}
KINDS = ["llama", "llama-tied", "gemma2", "granite", "cohere", "phi"]


def ignore(*_: int) -> None:
    return None


def opened(path: Any, settings: EngineSettings) -> Any:
    return ENGINE.open(path, ENGINE.read_model(path, path.name), settings)


@pytest.fixture(params=[(kind, "auto") for kind in KINDS] + [("llama", "bfloat16")], ids=str)
def cohort(request: Any, tmp_path: Path) -> Any:
    """Reference trace of one random model, and another of the same kind to hold against it."""
    return made(tmp_path, *request.param)


@pytest.fixture
def one(tmp_path: Path) -> Any:
    """The same of one kind."""
    return made(tmp_path, "gemma2", "auto")


def made(tmp_path: Path, kind: str, dtype: str) -> Any:
    settings = replace(SETTINGS, loading=ModelLoading(dtype=dtype))
    reference = make_model(tmp_path / "reference", kind)
    candidate = make_model(tmp_path / "candidate", kind, seed=8)
    text = tmp_path / "text.txt"
    text.write_text("".join(chr(97 + (7 * k * k + k) % 26) for k in range(200)))
    with opened(reference, settings) as backend:
        job = CorpusJob(
            name="text", path=str(text), text_sha256=hashlib.sha256(text.read_bytes()).hexdigest(),
            tokenizer_sha256=backend.model.tokenizer_sha256, context_length=40, windows=WINDOWS,
            select="first", documents="none", first_scored=4,
        )  # fmt: skip
        folder = StudyFolder(tmp_path / "study").create()
        head = ENGINE.output_head(reference, settings)
        key = trace_key(backend.model, job, backend.info)
        trace = write_trace(backend, head, folder, job, key, ignore)
    if trace.form != "hidden":
        pytest.fail(f"the trace keeps {trace.form}: {trace.header['form_reason']}")
    return trace, head, candidate, settings


@pytest.fixture(autouse=True)
def _small_bodies_keep_states(monkeypatch):
    """A body this small does more work in its head than elsewhere; its states are kept anyway."""
    monkeypatch.setattr("silentzone.measure.trace_rows._LARGEST_REBUILD_SHARE", np.inf)


def test_every_metric_is_the_one_of_the_rows_of_logits(cohort):
    trace, head, candidate, settings = cohort
    steps: list[tuple[int, int]] = []
    with opened(candidate, settings) as backend:
        by_rows = measure_candidate(backend, TraceReader(trace, head), WINDOWS, ignore)
        by_states = measure_on_device(backend, trace, head, lambda *step: steps.append(step))
    assert steps == [(done, WINDOWS) for done in range(1, WINDOWS + 1)]
    assert by_rows.keys() == by_states.keys()
    for name, wanted in by_rows.items():
        found = by_states[name]
        if name in POSITION_METRICS and name not in EXACT:
            np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-6, err_msg=name)
        else:
            assert np.ma.allequal(found, wanted), name
            np.testing.assert_array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(wanted))
    assert by_rows["kl_divergence"].mean() > 0.01


def test_where_it_is_measured_is_the_engines_to_say(one, monkeypatch):
    trace, head, candidate, settings = one
    with opened(candidate, settings) as backend:
        asked = []
        real = backend.window_states

        def watched(*given: Any) -> Any:
            asked.append(given)
            return real(*given)

        monkeypatch.setattr(backend, "window_states", watched)
        plain = candidate_columns(backend, trace, head, ignore)
        assert not asked, "states of a CPU are nearer to the kernels as logits"
        on_device = replace(backend.capabilities, keeps_states_on_device=True)
        backend.capabilities = on_device
        found = candidate_columns(backend, trace, head, ignore)
        assert asked
        np.testing.assert_allclose(
            found["kl_divergence"], plain["kl_divergence"], rtol=2e-5, atol=2e-6
        )


def test_an_engine_that_stops_early_is_noticed(one, monkeypatch):
    trace, head, candidate, settings = one
    with opened(candidate, settings) as backend:
        real = backend.window_states
        monkeypatch.setattr(
            backend, "window_states", lambda windows, plan: [next(iter(real(windows, plan)))]
        )
        with pytest.raises(MeasurementError, match="1 of 3 windows"):
            measure_on_device(backend, trace, head, ignore)
