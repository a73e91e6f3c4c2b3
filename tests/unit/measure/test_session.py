"""One model from load to last table, in this process."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest

from silentzone.backends.base import EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.benchmarks.registry import load_choices
from silentzone.errors import MeasurementError, StorageError
from silentzone.measure.items import measure_items
from silentzone.measure.parts import model_parts
from silentzone.measure.session import measure_model
from silentzone.records.tables import CHURN, ITEMS, PROMPTS, TOKENS
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
    ref, _ = load_choices(benchmark(path=str(path)).source)
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
    parts = [
        "reference on text", "noise floor on text", "reference along own", "benchmark own",
        "questions of own", "churn floor on own",
    ]  # fmt: skip
    assert set(first["seconds"]) == {"load", *parts}
    assert all(0 <= event["share"] <= 1 for event in events)
    assert {event["part"] for event in events} == set(parts)
    for part in parts[:5]:
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
        "raised": {
            "class": "MeasurementError",
            "message": failure["cause"],
            "hint": "leave `misbehave` out of its file",
        },
    }
    assert not folder.has_table(TOKENS, "text", "bad")
    assert folder.has_table(ITEMS, "own", "bad")


def test_without_a_trace_of_these_settings_nothing_is_compared(jobs):
    result = _run(jobs("early", noise=0.1))
    assert [one["part"] for one in result["failures"]] == [
        "fidelity on text", "noise floor on text", "fidelity along own",
    ]  # fmt: skip
    assert all("no trace of the reference" in one["cause"] for one in result["failures"])


def test_without_a_trace_along_the_items_they_are_scored_all_the_same(jobs, folder):
    _run(jobs("early", noise=0.1))
    assert folder.read_table(ITEMS, "own", "early").strings("status") == ["ok"] * 6
    assert not folder.has_table(PROMPTS, "own", "early")
    assert folder.has_table(CHURN, "own", "early")
    _run(jobs())
    later = _run(jobs("early", noise=0.1))
    assert set(later["seconds"]) == {
        "load", "fidelity on text", "noise floor on text", "fidelity along own",
    }  # fmt: skip
    assert later["failures"] == []
    assert set(folder.read_table(PROMPTS, "own", "early").strings("status")) == {"ok"}


def _decodes(monkeypatch):
    """Count the passes over the benchmark, without those that ask items again."""
    passes = []

    def counted(*arguments, **named):
        passes.append(1)
        return measure_items(*arguments, **named)

    monkeypatch.setattr("silentzone.measure.session.measure_items", counted)
    return passes


def test_items_are_decoded_once_for_all_that_is_measured_along_them(jobs, monkeypatch):
    passes = _decodes(monkeypatch)
    for name, noise in (("ref", 0.0), ("quant", 0.1)):
        _run(jobs(name, noise=noise))
        assert len(passes) == 1
        passes.clear()


@pytest.mark.parametrize(
    ("name", "noise", "own"), [("ref", 0.0, "item_traces"), ("quant", 0.1, "")]
)
@pytest.mark.parametrize("gone", ["answers", "along"])
def test_only_what_is_missing_of_a_shared_decode_is_measured_again(
    jobs, folder, name, noise, own, gone
):
    _run(jobs())
    _run(jobs(name, noise=noise))
    answers = folder.table_path(ITEMS, "own", name)
    along = (
        folder.trace_path("own", "item_trace") if own else folder.table_path(PROMPTS, "own", name)
    )
    lost, kept = (answers, along) if gone == "answers" else (along, answers)
    content = {path: path.read_bytes() for path in (lost, *lost.rglob("*")) if path.is_file()}
    untouched = kept.stat().st_mtime_ns
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    result = _run(jobs(name, noise=noise))
    assert result["failures"] == []
    assert kept.stat().st_mtime_ns == untouched
    again = (
        "benchmark own" if gone == "answers" else f"{'reference' if own else 'fidelity'} along own"
    )
    assert set(result["seconds"]) == {"load", again}
    if gone == "answers" or not own:  # whether states or logits are kept depends on the time
        assert {path: path.read_bytes() for path in content} == content


def test_a_trace_that_fails_leaves_the_answers_of_its_pass_to_another(jobs, folder, monkeypatch):
    def refuse(*_):
        raise MeasurementError("no room for it")

    monkeypatch.setattr("silentzone.measure.item_trace.ItemTraceRun.take", refuse)
    result = _run(replace(jobs(), only_traces=True))
    assert [one["part"] for one in result["failures"]] == ["reference along own"]
    assert not folder.has_table(ITEMS, "own", "ref")
    assert folder.item_trace("own") is None


def test_a_comparison_that_fails_on_the_way_costs_no_score(jobs, folder, monkeypatch):
    _run(jobs())
    taken = []

    def refuse(self, item, part):
        taken.append(item)
        raise MeasurementError("it does not fit")

    monkeypatch.setattr("silentzone.measure.prompts.ItemComparison.take", refuse)
    result = _run(jobs("quant", noise=0.1))
    (failure,) = result["failures"]
    assert (failure["part"], failure["cause"]) == ("fidelity along own", "it does not fit")
    assert len(taken) == 1
    assert folder.read_table(ITEMS, "own", "quant").strings("status") == ["ok"] * 6
    assert not folder.has_table(PROMPTS, "own", "quant")
    taken.clear()
    again = _run(jobs("quant", noise=0.1))
    assert [one["part"] for one in again["failures"]] == ["fidelity along own"]
    assert len(taken) == 1


def test_without_a_trace_of_any_text_the_items_are_not_asked_first(jobs, folder, fake):
    job = replace(jobs(), only_traces=True)
    fake("ref", misbehave="refuse")
    result = _run(job)
    assert [one["part"] for one in result["failures"]] == ["reference on text"]
    assert folder.item_trace("own") is None


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
