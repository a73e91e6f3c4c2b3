"""One model from load to last table, in this process."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from silentzone.backends.base import EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.benchmarks.registry import load_jsonl
from silentzone.errors import MeasurementError, StorageError
from silentzone.measure.parts import model_parts
from silentzone.measure.session import measure_model
from silentzone.records.tables import CHURN, ITEMS, TOKENS
from silentzone.store.folder import StudyFolder


@pytest.fixture
def jobs(tmp_path, model_job, fake, benchmark, folder):
    """Jobs of the reference and of candidates over one corpus and one benchmark."""
    path = tmp_path / "own.jsonl"
    lines = [
        {"item_id": f"i{k}", "prompt": f"item {k}", "choices": ["yes", "no"], "target": k % 2}
        for k in range(6)
    ]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    ref, _ = load_jsonl(path, name="own", items=None, seed=1, headline="normalized")
    asked = benchmark(path=str(path), items_sha256=ref.items_sha256, item_count=6)

    def job(name="ref", **content):
        model = fake(name, **content).model
        return model_job(
            path=str(tmp_path / f"{name}.json"),
            model=model,
            is_reference=name == "ref",
            benchmarks=(asked,),
        )

    return job


def _run(job, emit=lambda event: None):
    return measure_model(json.loads(json.dumps(job.to_json())), emit)


def test_a_model_is_measured_part_by_part_and_kept_afterwards(jobs, folder):
    events: list[dict[str, Any]] = []
    first = _run(jobs(), events.append)
    assert first["failures"] == []
    assert first["kept"] == []
    parts = ["reference on text", "noise floor on text", "benchmark own", "churn floor on own"]
    assert list(first["seconds"]) == ["load", *parts]
    assert all(0 <= event["share"] <= 1 for event in events)
    assert {event["part"] for event in events} == set(parts)
    for part in parts[:3]:
        assert [event["share"] for event in events if event["part"] == part][-1] == 1.0
    second = _run(jobs())
    assert second["kept"] == parts
    assert list(second["seconds"]) == ["load"]


def test_a_part_that_fails_does_not_stop_the_others(jobs, folder):
    _run(jobs())
    result = _run(jobs("bad", noise=0.1, misbehave="refuse"))
    (failure,) = result["failures"]
    assert failure == {
        "part": "fidelity on text",
        "cause": "the fake engine refuses window 1 of `bad`",
        "hint": "",
        "error": "MeasurementError",
    }
    assert not folder.has_table(TOKENS, "text", "bad")
    assert folder.has_table(ITEMS, "own", "bad")


def test_without_a_trace_of_these_settings_nothing_is_compared(jobs):
    result = _run(jobs("early", noise=0.1))
    assert [one["part"] for one in result["failures"]] == [
        "fidelity on text", "noise floor on text",
    ]  # fmt: skip
    assert all("no trace of the reference" in one["cause"] for one in result["failures"])


def test_items_are_asked_again_only_beside_answers_of_the_same_settings(jobs, folder, monkeypatch):
    """Answers of an earlier setting still lie under the model's name."""
    _run(jobs())
    job = jobs()
    (benchmark,) = job.benchmarks
    changed = replace(job, benchmarks=(replace(benchmark, headline="raw"),))
    (answers,) = [
        part
        for part in model_parts(changed, ENGINE.describe(EngineSettings(threads=1)))
        if part.schema is ITEMS
    ]

    def refuse(*_, **__):
        raise MeasurementError("the engine gave up")

    monkeypatch.setattr("silentzone.measure.session.measure_items", refuse)
    result = _run(changed)
    assert [one["part"] for one in result["failures"]] == [answers.title, "churn floor on own"]
    assert "no answers of `ref` to benchmark `own`" in result["failures"][1]["cause"]


def test_a_disk_that_refuses_ends_the_session(jobs, monkeypatch):
    def refuse(*_, **__):
        raise StorageError("`here` cannot be written: no space left")

    monkeypatch.setattr(StudyFolder, "write_table", refuse)
    with pytest.raises(StorageError, match="no space left"):
        _run(jobs())


def test_churn_stands_beside_the_answers(jobs, folder):
    _run(jobs())
    answers = folder.read_table(ITEMS, "own", "ref")
    again = folder.read_table(CHURN, "own", "ref")
    first = dict(zip(answers.strings("item_id"), answers.strings("prediction"), strict=True))
    asked = again.strings("item_id")
    assert len(asked) == 4 + 1
    assert again.strings("prediction") == [first[name] for name in asked]
