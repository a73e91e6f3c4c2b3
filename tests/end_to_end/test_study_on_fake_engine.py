"""Whole studies on the fake engine: first run, second run, interruptions, changes, failures."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.end_to_end.fake_studies import (
    InProcess,
    Listener,
    StudyFiles,
    refuse_to_run,
    run_in_process,
)

from silentzone.analysis.study import analyze_study
from silentzone.backends.fake import FakeBackend
from silentzone.errors import (
    CorpusError,
    MeasurementError,
    ProtocolMismatchError,
    StorageError,
    TableError,
    WorkerCrashError,
)
from silentzone.records.tables import ALL
from silentzone.report.terminal import summarize
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import load_config
from silentzone.studies.engines import Engines
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study


def _parts(folder):
    """Every finished part with its bytes and time."""
    files = [
        path
        for name in ("tables", "traces", "item_traces")
        for path in (folder / name).rglob("*")
        if path.is_file()
    ]
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in files
    }


def _copy(finished, tmp_path):
    return Path(shutil.copytree(finished["out"], tmp_path / "out"))


def _changed(finished, **changes):
    """Mapping of the finished study with some sections replaced."""
    mapping = json.loads(json.dumps(finished["mapping"]))
    mapping.update(changes)
    return mapping


def _table(folder, kind, group, model):
    return StudyFolder(folder).read_table(ALL[kind], group, model)


# -- a whole run ------------------------------------------------------------------------------


def test_a_run_leaves_every_part_of_every_model(finished):
    out = finished["out"]
    for model in ("a", "b", "twin"):
        tokens = _table(out, "tokens", "text", model)
        assert len(tokens.strings("status")) == 4 * 31
        assert set(tokens.strings("status")) == {"ok"}
    for model in ("ref", "a", "b", "twin"):
        floors = _table(out, "floors", "text", model).strings("perturbation")
        assert floors == ["uneven_batch"] * 31 + ["token_by_token"] * 4
        assert len(_table(out, "items", "own", model).strings("item_id")) == 12
        assert len(_table(out, "churn", "own", model).strings("item_id")) == 4 + 1
    choices = json.loads((out / "item_traces" / "own" / "trace.json").read_text("ascii"))
    for model in ("a", "b", "twin"):
        prompts = _table(out, "prompts", "own", model)
        assert prompts.strings("status") == ["ok"] * choices["rows"]
        assert len(set(prompts.strings("item_id"))) == choices["items"] == 12
    assert not (out / "tables" / "tokens" / "text" / "ref.parquet").exists()
    assert not (out / "tables" / "prompts" / "own" / "ref.parquet").exists()
    assert (out / "traces" / "text" / "trace.json").is_file()


def test_every_part_is_measured_once(finished):
    measured = finished["measured"]
    assert len(measured) == len(set(measured))
    assert sum(model == "ref" for model, _ in measured) == 6  # the questions besides
    assert sum(model == "a" for model, _ in measured) == 5


def test_the_outcome_is_what_the_folder_holds(finished):
    outcome, out = finished["outcome"], finished["out"]
    assert outcome.failures == ()
    assert outcome.report == out / "report" / "index.html"
    assert outcome.report.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert json.loads((out / "analysis.json").read_text("utf-8")) == outcome.analysis
    assert {one["status"] for one in outcome.analysis["candidates"]} == {"complete"}
    assert not list(out.rglob("*partial*"))


def test_every_changed_answer_can_be_looked_at(finished):
    flips = json.loads((finished["out"] / "flips.json").read_text("ascii"))
    decomposition = finished["outcome"].analysis["decomposition"]
    for kind in ("harm", "gain"):
        told = sum(one["kind"] == kind for one in flips["changes"])
        assert told == sum(row[kind] for row in decomposition if row["benchmark"] == "own")
    assert flips["changes"]
    question = flips["questions"][0]
    assert len(question["prompt"].split()) == 5
    assert len(question["choices"]) == len(question["reference"]["log_likelihoods"]) == 3
    change = flips["changes"][0]
    assert change["log_likelihoods"] != question["reference"]["log_likelihoods"]
    assert change["divergence"] > 0


def test_the_manifest_says_what_ran(finished):
    manifest = StudyFolder(finished["out"]).manifest()
    assert manifest["study"]["command"] == "silentzone run"
    assert manifest["engine"]["name"] == "fake"
    assert manifest["corpora"][0]["plan"]["first_scored"] == 32
    assert manifest["corpora"][0]["window_count"] == 4
    assert {one["name"] for one in manifest["candidates"]} == {"a", "b", "twin"}
    assert manifest["failures"] == []


def test_more_noise_is_more_distance(finished):
    rows = {row["model"]: row["metrics"] for row in finished["outcome"].analysis["fidelity"]}
    assert 0 < rows["a"]["kld_mean"]["value"] < rows["b"]["kld_mean"]["value"]
    assert rows["a"]["kld_mean"]["value"] == rows["twin"]["kld_mean"]["value"]


def test_files_of_one_content_are_both_kept_and_said_to_be(finished):
    models = {one["name"]: one for one in finished["outcome"].analysis["candidates"]}
    assert "has the same content as twin" in models["a"]["cautions"]
    assert "has the same content as a" in models["twin"]["cautions"]
    assert not any("same content" in text for text in models["b"]["cautions"])


def test_the_stored_study_can_be_asked_for_again(finished):
    files = finished["files"]
    stored = finished["out"] / "study.toml"
    assert load_config(stored) == files.config(finished["mapping"])


# -- a second run -----------------------------------------------------------------------------


def test_a_second_run_starts_no_worker_and_touches_no_part(finished, tmp_path):
    out = _copy(finished, tmp_path)
    before = _parts(out)
    report = (out / "report" / "index.html").stat().st_mtime_ns
    listener = Listener()
    _, outcome = run_in_process(
        finished["files"].config(finished["mapping"]),
        out,
        runner=refuse_to_run,
        progress=listener,
    )
    assert _parts(out) == before
    assert (out / "report" / "index.html").stat().st_mtime_ns == report
    assert outcome.analysis == finished["outcome"].analysis
    assert listener.notes == ["Everything is measured already."]


def test_an_interrupted_run_goes_on_where_it_stopped(finished, tmp_path):
    class Interrupted(SilentProgress):
        def advance(self, key, done):
            if key == "step b":
                raise KeyboardInterrupt

    out, config = tmp_path / "out", finished["files"].config(finished["mapping"])
    runner = InProcess()
    with pytest.raises(KeyboardInterrupt):
        run_in_process(config, out, runner=runner, progress=Interrupted())
    before = _parts(out)
    assert {model for model, _ in runner.measured} == {"ref", "a"}
    assert "tables/tokens/text/a.parquet" in before

    measured, outcome = run_in_process(config, out)
    assert {model for model, _ in measured} == {"b", "twin"}
    after = _parts(out)
    assert {name: after[name] for name in before} == before
    assert outcome.analysis["fidelity"] == finished["outcome"].analysis["fidelity"]


# -- changed settings -------------------------------------------------------------------------

CORPUS = {"name": "text", "path": "text.txt", "context_length": 64, "windows": 4}
CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "context length": (
        {"corpora": [{**CORPUS, "context_length": 32}]},
        {"reference on text", "fidelity on text", "noise floor on text"},
    ),
    "windows": (
        {"corpora": [{**CORPUS, "windows": 3}]},
        {"reference on text", "fidelity on text", "noise floor on text"},
    ),
    "another text under the same name": (
        {"corpora": [{**CORPUS, "path": "other.txt"}]},
        {"reference on text", "fidelity on text", "noise floor on text"},
    ),
    "one more corpus": (
        {"corpora": [CORPUS, {**CORPUS, "name": "more", "path": "other.txt"}]},
        {"reference on more", "fidelity on more", "noise floor on more"},
    ),
    "fewer items": (
        {"benchmarks": [{"name": "own", "path": "own.jsonl", "items": 8}]},
        {"benchmark own", "churn floor on own", "reference along own", "fidelity along own",
         "questions of own"},
    ),
    "no divergences along the choices": (
        {"benchmarks": [{"name": "own", "path": "own.jsonl", "divergence": False}]},
        {"benchmark own", "churn floor on own"},  # of the reference, whose pass is another
    ),
    "headline": (
        {"benchmarks": [{"name": "own", "path": "own.jsonl", "score": "raw"}]},
        {"benchmark own", "churn floor on own"},
    ),
    "items asked again": (
        {"floor": {"windows": 1, "token_by_token_positions": 4, "items": 3}},
        {"churn floor on own"},
    ),
    "floor windows": (
        {"floor": {"windows": 2, "token_by_token_positions": 4, "items": 4}},
        {"noise floor on text"},
    ),
    "an engine setting": (
        {"engine": {"backend": "fake", "threads": 1, "workers": 1, "batch_tokens": 1024}},
        {"reference on text", "fidelity on text", "noise floor on text", "benchmark own",
         "churn floor on own", "reference along own", "fidelity along own"},
    ),
    "threads": ({"engine": {"backend": "fake", "threads": 2, "workers": 1}}, set()),
    "the decision": ({"decision": {"margin": 0.02, "guard_margin": 0.05}}, set()),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_setting_measures_only_what_it_touches_and_can_be_taken_back(
    finished, tmp_path, change
):
    sections, touched = CHANGES[change]
    files, out = finished["files"], _copy(finished, tmp_path)
    before = _parts(out)
    measured, outcome = run_in_process(files.config(_changed(finished, **sections)), out)
    assert {part for _, part in measured} == touched
    assert outcome.failures == ()

    _, again = run_in_process(files.config(finished["mapping"]), out, runner=refuse_to_run)
    after = _parts(out)
    assert {name: after[name][0] for name in before} == {
        name: content for name, (content, _) in before.items()
    }
    assert again.analysis["fidelity"] == finished["outcome"].analysis["fidelity"]
    assert again.analysis["scores"] == finished["outcome"].analysis["scores"]


def test_a_floor_that_is_not_asked_for_any_more_is_not_shown(finished, tmp_path):
    files, out = finished["files"], _copy(finished, tmp_path)
    nothing = {"windows": 0, "token_by_token_positions": 0, "items": 0}
    config = files.config(_changed(finished, floor=nothing))
    _, outcome = run_in_process(config, out, runner=refuse_to_run)
    assert all(row["floor"]["used"] is None for row in outcome.analysis["fidelity"])
    assert not list((out / "tables" / "floors").rglob("*.parquet"))
    assert not list((out / "tables" / "churn").rglob("*.parquet"))
    run_in_process(files.config(finished["mapping"]), out, runner=refuse_to_run)
    assert len(list((out / "tables" / "floors").rglob("*.parquet"))) == 4


def test_divergences_that_are_not_asked_for_any_more_are_not_shown(finished, tmp_path):
    files, out = finished["files"], _copy(finished, tmp_path)
    mapping = _changed(finished, **CHANGES["no divergences along the choices"][0])
    measured, _ = run_in_process(files.config(mapping), out)
    assert {model for model, _ in measured} == {"ref"}
    assert not list((out / "tables" / "prompts").rglob("*.parquet"))
    run_in_process(files.config(finished["mapping"]), out, runner=refuse_to_run)
    assert len(list((out / "tables" / "prompts").rglob("*.parquet"))) == 3


def test_what_made_way_lies_under_superseded(finished, tmp_path):
    out = _copy(finished, tmp_path)
    old = (out / "tables" / "tokens" / "text" / "a.parquet").read_bytes()
    mapping = _changed(finished, corpora=[{**CORPUS, "windows": 3}])
    run_in_process(finished["files"].config(mapping), out)
    kept = list((out / "superseded" / "tokens" / "text" / "a").glob("*.parquet"))
    assert [path.read_bytes() for path in kept] == [old]


def test_a_file_with_another_content_is_measured_again(tmp_path, finished):
    shutil.copytree(finished["files"].folder, tmp_path / "in")
    files = StudyFiles(tmp_path / "in")
    out = _copy(finished, tmp_path)
    files.model("b", noise=0.3)
    measured, outcome = run_in_process(files.config(finished["mapping"]), out)
    assert {model for model, _ in measured} == {"b"}
    first = {row["model"]: row for row in finished["outcome"].analysis["fidelity"]}
    second = {row["model"]: row for row in outcome.analysis["fidelity"]}
    assert second["a"]["metrics"] == first["a"]["metrics"]
    assert second["b"]["metrics"]["kld_mean"]["value"] < first["b"]["metrics"]["kld_mean"]["value"]


def test_a_model_that_is_run_otherwise_is_measured_again(finished, tmp_path, monkeypatch):
    out, config = _copy(finished, tmp_path), finished["files"].config(finished["mapping"])

    def run_with(version):
        told = {"b": (("unpacked_by", f"packer {version}"),)}
        monkeypatch.setattr(Engines, "run_as", lambda self, entry: told.get(entry.name, ()))
        return run_in_process(config, out)

    for version in (1, 2):
        measured, outcome = run_with(version)
        assert {model for model, _ in measured} == {"b"}
        assert len(measured) == 5
        shown = {one["name"]: one["provenance"] for one in outcome.analysis["candidates"]}
        assert shown["b"]["unpacked_by"] == f"packer {version}"
        assert "unpacked_by" not in shown["a"]
    run_with(1)
    measured, _ = run_with(2)
    assert measured == []


def test_a_candidate_that_fails_after_a_change_costs_no_other_its_result(finished, tmp_path):
    """Its table of the old settings still stands under its name and must not be laid beside."""
    out = _copy(finished, tmp_path)

    class CrashesOnB(InProcess):
        def __call__(self, task, payload, **named):
            if payload["model"]["name"] == "b":
                raise WorkerCrashError("measuring `b` died: killed (SIGKILL)")
            return super().__call__(task, payload, **named)

    mapping = _changed(finished, corpora=[{**CORPUS, "windows": 3}])
    _, outcome = run_in_process(finished["files"].config(mapping), out, runner=CrashesOnB())
    rows = {row["model"]: row for row in outcome.analysis["fidelity"]}
    assert rows["a"]["metrics"]["kld_mean"]["n_observations"] == 3 * 31
    assert not rows.get("b", {}).get("metrics"), "values of other windows are no result"
    assert any("SIGKILL" in text for text in outcome.failures)


# -- models that cannot be measured -----------------------------------------------------------


@pytest.fixture(scope="module")
def with_failures(tmp_path_factory):
    """A study with real worker processes, two at a time, in which most candidates fail."""
    folder = tmp_path_factory.mktemp("failures")
    (folder / "in").mkdir()
    files = StudyFiles(folder / "in")
    files.model("good", noise=0.1)
    files.model("aborts", noise=0.2, misbehave="abort")
    files.model("nan", noise=0.3, misbehave="nan")
    files.model("refuses", noise=0.4, misbehave="refuse")
    files.model("words", vocabulary=300)
    files.model("pieces", tokenizer="pieces")
    (files.folder / "broken.json").write_text("{", "utf-8")
    (files.folder / "hollow.json").mkdir()
    mapping = files.mapping(
        "good", "aborts", "nan", "refuses", "words", "pieces", "broken", "hollow"
    )
    mapping["engine"]["workers"] = 2
    mapping["benchmarks"] = []
    listener = Listener()
    outcome = run_study(
        files.config(mapping), folder / "out", progress=listener, command="silentzone run"
    )
    return {"outcome": outcome, "notes": listener.notes, "out": folder / "out"}


def _model(study, name):
    return next(one for one in study["outcome"].analysis["candidates"] if one["name"] == name)


def test_the_note_of_a_failure_has_its_way_out(with_failures):
    (note,) = [one for one in with_failures["notes"] if one.startswith("refuses")]
    assert note.endswith("refuses window 1 of `refuses` (hint: leave `misbehave` out of its file)")


@pytest.mark.parametrize(
    ("name", "status", "cause"),
    [
        ("aborts", "failed", "measuring `aborts` died: the native library aborted (SIGABRT)"),
        ("refuses", "partial", "the fake engine refuses window 1 of `refuses`"),
        ("words", "failed", "`words` has 300 vocabulary entries and the reference `ref` has 257"),
        ("pieces", "failed", "`pieces` has another tokenizer than the reference `ref`"),
    ],
)
def test_a_candidate_that_fails_is_recorded_with_its_cause(with_failures, name, status, cause):
    model = _model(with_failures, name)
    assert model["status"] == status
    assert cause in model["failure"]
    assert any(cause in sentence for sentence in with_failures["outcome"].failures)
    assert any(cause in note for note in with_failures["notes"])
    failures = with_failures["outcome"].analysis["failures"]
    assert sum(one["model"] == name for one in failures) == 1


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("broken", "broken.json` is not a fake model file"),
        ("hollow", "hollow.json` holds no `config.json`"),  # an empty folder
    ],
)
def test_what_is_no_model_is_recorded(with_failures, name, cause):
    failures = with_failures["outcome"].analysis["failures"]
    (failure,) = [one for one in failures if one["model"] == name]
    assert failure["cause"].endswith(cause)


def test_the_other_candidates_are_complete(with_failures):
    good = _model(with_failures, "good")
    assert (good["status"], good["failure"]) == ("complete", None)
    rows = {row["model"]: row for row in with_failures["outcome"].analysis["fidelity"]}
    assert rows["good"]["metrics"]["kld_mean"]["n_observations"] == 4 * 31


def test_logits_that_are_not_finite_leave_their_position_out_and_say_so(with_failures):
    tokens = _table(with_failures["out"], "tokens", "text", "nan")
    status = tokens.strings("status")
    bad = [k for k, one in enumerate(status) if one != "ok"]
    assert (len(bad), status[bad[0]]) == (1, "non_finite")
    _, is_there = tokens.floats("kl_divergence")
    assert (~is_there).nonzero()[0].tolist() == bad
    windows, _ = tokens.integers("window")
    assert windows[bad[0]] == 1
    exclusions = with_failures["outcome"].analysis["exclusions"]
    assert any("nan" in one["what"] and one["count"] == 1 for one in exclusions)
    assert {name: _model(with_failures, name)["status"] for name in ("nan", "good")} == {
        "nan": "partial", "good": "complete"
    }  # fmt: skip


def test_a_candidate_without_a_number_says_why_in_terminal_and_report(files, monkeypatch):
    """All logits of one are NaN: a dash alone would look like a part that was not asked for."""
    own = FakeBackend.window_logits

    def window_logits(self, *arguments, **options):
        for part in own(self, *arguments, **options):
            if self.model.name == "dead":
                part.logits_TV[:] = np.nan
            yield part

    monkeypatch.setattr(FakeBackend, "window_logits", window_logits)
    files.model("a", noise=0.1)
    files.model("dead", noise=0.3)
    _, outcome = run_in_process(files.config(files.mapping("a", "dead")), files.folder / "out")
    said = "its logits are NaN or infinite at 124 of 124 positions of text"
    (dead,) = [one for one in outcome.analysis["candidates"] if one["name"] == "dead"]
    assert (dead["status"], dead["cautions"]) == ("partial", [said])
    by_model = {row["model"]: row for row in outcome.analysis["fidelity"]}
    assert by_model["dead"]["status"] == "partial"
    assert by_model["a"]["status"] == "complete"
    assert by_model["dead"]["metrics"]["kld_mean"]["value"] is None
    summary = summarize(outcome.analysis)
    assert f"dead: {said}" in summary.notes
    (row,) = [row for row in summary.candidates.rows if row[0].startswith("dead")]
    assert row[-1] == "partial"
    assert said in outcome.report.read_text("utf-8")


def test_a_quantized_reference_is_said_to_be_one(files):
    files.model("ref", quantized=True)
    files.model("a", noise=0.1)
    mapping = files.mapping("a")
    mapping["benchmarks"] = []
    _, outcome = run_in_process(files.config(mapping), files.folder / "out")
    (caution,) = [text for text in outcome.analysis["reference"]["cautions"] if "quantized" in text]
    assert caution.startswith("the reference is itself quantized (noise 0.0)")


def test_without_a_usable_candidate_there_is_one_error_with_every_cause(files):
    files.model("words", vocabulary=300)
    files.model("pieces", tokenizer="pieces")
    with pytest.raises(MeasurementError, match="no candidate can be measured") as caught:
        run_in_process(files.config(files.mapping("words", "pieces")), files.folder / "out")
    assert "`words` has 300 vocabulary entries" in caught.value.message
    assert "`pieces` has another tokenizer" in caught.value.message


def _no_divergences_but_all_scores(out, outcome, cause):
    (failure,) = outcome.failures
    assert cause in failure
    for model in ("ref", "a"):
        assert _table(out, "items", "own", model).strings("status") == ["ok"] * 12
        assert (out / "tables" / "churn" / "own" / f"{model}.parquet").exists()
    assert not (out / "tables" / "prompts").exists()
    assert not (out / "item_traces" / "own").exists()
    rows = {row["model"]: row for row in outcome.analysis["fidelity"]}
    assert rows["a"]["metrics"]["kld_mean"]["n_observations"] == 4 * 31
    status = {one["name"]: one["status"] for one in outcome.analysis["candidates"]}
    assert status == {"a": "complete"}


def test_a_trace_along_items_that_fails_costs_no_score(files, monkeypatch):
    files.model("a", noise=0.1)
    config, out = files.config(files.mapping("a")), files.folder / "out"

    def refuse(*_):
        raise MeasurementError("no room for it")

    with monkeypatch.context() as context:
        context.setattr("silentzone.measure.item_trace.ItemTraceRun.take", refuse)
        _, outcome = run_in_process(config, out)
    _no_divergences_but_all_scores(out, outcome, "ref, reference along own: no room for it")

    # the next run has what was missing, and the reference's scores from the pass that keeps it
    measured, outcome = run_in_process(config, out)
    assert measured == [
        ("ref", "benchmark own"), ("ref", "reference along own"), ("ref", "churn floor on own"),
        ("a", "fidelity along own"),
    ]  # fmt: skip
    assert outcome.failures == ()


def test_a_crash_while_the_trace_along_items_is_kept_costs_no_score(files):
    class CrashesOnItems(InProcess):
        def __call__(self, task, payload, **named):
            if not payload["only_traces"]:
                return super().__call__(task, payload, **named)
            super().__call__(task, {**payload, "benchmarks": []}, **named)
            raise WorkerCrashError("measuring `ref` died: killed (SIGKILL)")

    files.model("a", noise=0.1)
    config, out = files.config(files.mapping("a")), files.folder / "out"
    _, outcome = run_in_process(config, out, runner=CrashesOnItems())
    _no_divergences_but_all_scores(out, outcome, "SIGKILL")


def test_a_worker_multiplies_with_its_own_threads_alone(files):
    given = []

    class Noted(InProcess):
        def __call__(self, task, payload, **named):
            given.append((payload["threads"], named["environment"]["OPENBLAS_NUM_THREADS"]))
            return super().__call__(task, payload, **named)

    files.model("a", noise=0.1)
    mapping = files.mapping("a")
    mapping["engine"]["workers"] = 2
    run_in_process(files.config(mapping), files.folder / "out", runner=Noted())
    assert sorted(given) == [(1, "1"), (1, "1"), (2, "2")]  # the reference's traces have both


def test_a_study_of_benchmarks_alone_is_one(files):
    files.model("a", noise=0.1)
    mapping = files.mapping("a")
    mapping["corpora"] = []
    _, outcome = run_in_process(files.config(mapping), files.folder / "out")
    assert outcome.failures == ()
    kld, is_there = _table(files.folder / "out", "prompts", "own", "a").floats("kl_divergence")
    assert is_there.all()
    assert kld.mean() > 0


def test_without_a_candidate_that_gave_a_result_there_is_one_error(files):
    files.model("refuses", misbehave="refuse")
    mapping = files.mapping("refuses")
    mapping["benchmarks"] = []
    with pytest.raises(MeasurementError, match="the fake engine refuses window 1 of `refuses`"):
        run_in_process(files.config(mapping), files.folder / "out")


def test_a_text_too_short_for_one_window_is_said_in_tokens(files):
    (files.folder / "text.txt").write_text("too short", "utf-8")
    files.model("a", noise=0.1)
    mapping = files.mapping("a")
    with pytest.raises(CorpusError, match=r"corpus `text`: .*10 tokens"):
        run_in_process(files.config(mapping), files.folder / "out")


def test_a_reference_with_logits_that_are_not_finite_is_refused(files):
    files.model("ref", misbehave="nan")
    files.model("a", noise=0.1)
    with pytest.raises(MeasurementError, match="window 1 of corpus `text`, first at position 36"):
        run_in_process(files.config(files.mapping("a")), files.folder / "out")


# -- folders that were tampered with ----------------------------------------------------------


def test_a_part_of_another_protocol_is_refused_with_the_field_that_differs(finished, tmp_path):
    files, out = finished["files"], _copy(finished, tmp_path)
    mapping = _changed(finished, corpora=[{**CORPUS, "context_length": 32}])
    other = tmp_path / "other"
    run_in_process(files.config(mapping), other)
    part = Path("tables", "tokens", "text", "a.parquet")
    shutil.copy(other / part, out / part)
    with pytest.raises(ProtocolMismatchError, match="context_length"):
        analyze_study(StudyFolder(out), rng_seed=1)


def test_a_manifest_of_another_schema_version_is_refused(finished, tmp_path):
    out = _copy(finished, tmp_path)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    (out / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 99}), "utf-8")
    config = finished["files"].config(finished["mapping"])
    with pytest.raises(TableError, match="has schema version 99") as caught:
        run_in_process(config, out, runner=refuse_to_run)
    assert caught.value.hint


def test_a_table_of_another_schema_version_is_refused(finished, tmp_path):
    out = _copy(finished, tmp_path)
    path = out / "tables" / "tokens" / "text" / "a.parquet"
    table = pq.read_table(path)
    metadata = {
        name: b"99" if b"version" in name else value
        for name, value in table.schema.metadata.items()
    }
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(TableError, match="version"):
        analyze_study(StudyFolder(out), rng_seed=1)


def test_a_damaged_table_is_named(finished, tmp_path):
    out = _copy(finished, tmp_path)
    path = out / "tables" / "tokens" / "text" / "a.parquet"
    path.write_bytes(path.read_bytes()[:2000])
    config = finished["files"].config(finished["mapping"])
    with pytest.raises(TableError, match=r"a\.parquet` is not usable"):
        run_in_process(config, out, runner=refuse_to_run)
    with pytest.raises(TableError, match=r"a\.parquet` is not usable"):
        analyze_study(StudyFolder(out), rng_seed=1)


def test_a_full_disk_is_named_and_what_was_finished_stays(finished, tmp_path):
    files, out = finished["files"], _copy(finished, tmp_path)
    before = _parts(out)

    class FullDisk(InProcess):
        def __call__(self, *args, **named):
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
            try:
                return super().__call__(*args, **named)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    more = [*finished["mapping"]["corpora"], {**CORPUS, "name": "more", "path": "other.txt"}]
    config = files.config(_changed(finished, corpora=more))
    with pytest.raises(StorageError) as caught:
        run_in_process(config, out, runner=FullDisk())
    assert str(out) in caught.value.message
    after = _parts(out)
    assert {name: after[name] for name in before} == before
    assert not (out / "traces" / "more").exists()
    measured, outcome = run_in_process(config, out)
    assert {part for _, part in measured} == {
        "reference on more", "fidelity on more", "noise floor on more",
    }  # fmt: skip
    assert outcome.failures == ()
