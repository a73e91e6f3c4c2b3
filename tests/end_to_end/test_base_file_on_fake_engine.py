"""A study's reference as a base file, and candidates against it: the same numbers come back."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tests.end_to_end.fake_studies import StudyFiles, run_in_process

from silentzone.errors import (
    ConfigError,
    InputError,
    MeasurementError,
    ProtocolMismatchError,
    TableError,
    VocabularyMismatchError,
)
from silentzone.exporters.formats.base_file import FORMAT
from silentzone.exporters.study import Study
from silentzone.exporters.writing import ExportOptions, write_path
from silentzone.measure.base_candidate import TASK, measure_against_base
from silentzone.store.base_file import BaseFile
from silentzone.store.import_folder import ImportFolder
from silentzone.studies import base_compare
from silentzone.studies.base_compare import comparison_as_json, measure_with_base
from silentzone.studies.base_import import keep_base_comparison
from silentzone.studies.progress import SilentProgress


def _trace(folder):
    trace = Study(folder).folder.trace("text")
    assert trace is not None
    return trace


def _in_process(task, payload, *, on_event=None, **_):
    assert task == TASK
    sent = json.loads(json.dumps(payload, allow_nan=False))
    return json.loads(json.dumps(measure_against_base(sent, on_event or (lambda event: None))))


def _compare(base, *paths, windows=None, progress=None):
    with pytest.MonkeyPatch.context() as context:
        context.setattr(base_compare, "run_in_worker", _in_process)
        return measure_with_base(
            base,
            paths,
            windows=windows,
            threads=1,
            progress=progress or SilentProgress(),
            backend="fake",
        )


@pytest.fixture(scope="module")
def exported(finished):
    target = finished["out"].parent / "ref.base"
    study = Study(finished["out"])
    notes = write_path(FORMAT, study, ExportOptions(), target, force=False)
    return target, notes


@pytest.fixture
def base(exported):
    return BaseFile(exported[0])


def _stored(finished, model):
    rows = json.loads((finished["out"] / "analysis.json").read_text("utf-8"))["fidelity"]
    return next(row["metrics"] for row in rows if row["model"] == model)


def test_the_file_has_the_windows_of_the_study(exported, base, finished):
    trace = _trace(finished["out"])
    np.testing.assert_array_equal(base.tokens, trace.tokens)
    assert base.shape.positions == trace.positions_per_window
    assert any("4 windows of 64 tokens, a vocabulary of 257" in note for note in exported[1])
    rows = np.arange(31)
    for k in range(4):
        reference, observed = base.reference(k), base.observed(k)
        nll = -reference.log_probs_TV[rows, observed].astype(np.float64)
        whole, cut = trace.window_array("nll", k), reference.is_cut_TV[rows, observed]
        np.testing.assert_allclose(nll[~cut], whole[~cut], atol=2.5e-4)
        assert (nll[cut] < whole[cut] + 2.5e-4).all()


def test_candidates_get_the_numbers_of_the_study(base, finished):
    folder = finished["files"].folder
    measured, failures = _compare(base, folder / "a.json", folder / "b.json")
    assert failures == []
    shown = comparison_as_json(base, measured, failures)
    json.dumps(shown, allow_nan=False)
    for one in shown["candidates"]:
        whole = _stored(finished, one["name"])
        for key, within in (
            ("kld_mean", 2e-5), ("kld_p99", 1e-4), ("top1_agreement", 0.0), ("delta_p_rms", 1e-5),
            ("kld_geomean", 2e-5),
        ):  # fmt: skip
            found = one["metrics"][key]["value"]
            assert found == pytest.approx(whole[key]["value"], abs=within), key
        found = one["metrics"]["ppl_candidate"]["value"]
        assert found == pytest.approx(whole["ppl_candidate"]["value"], rel=1e-6)
        # The fake text is nothing the fake model expects: a fifth of its tokens are cut off.
        said = " ".join(one["metrics"]["ppl_ratio"]["cautions"])
        assert "below the base file's clip" in said
        lower, upper = one["kld_mean_bracket"]
        assert lower <= whole["kld_mean"]["value"] <= upper
        assert upper - lower < 1e-3
        assert one["metrics"]["js_mean"]["value"] is None
        assert one["as_llama_perplexity"]["kld_mean"] == pytest.approx(
            whole["kld_mean"]["value"], abs=2e-5
        )
    assert shown["engine"]["name"] == "fake"
    assert shown["base"]["tokens_sha256"] == base.tokens_sha256


def test_the_first_windows_alone(base, finished):
    path = finished["files"].folder / "a.json"
    (one,), _ = _compare(base, path, windows=2)
    assert len(one.columns["window"]) == 2 * 31
    with pytest.raises(ConfigError, match="has 4 windows, 5 are asked for"):
        _compare(base, path, windows=5)


def test_another_vocabulary_is_refused_with_both_sizes(base, files):
    other = files.model("other", vocabulary=300)
    with pytest.raises(VocabularyMismatchError, match=r"300 entries.*one of 257"):
        _compare(base, other)
    good = files.model("good", noise=0.1)
    measured, failures = _compare(base, other, good)
    assert [one.model.name for one in measured] == ["good"]
    assert failures[0]["model"] == "other"


def test_logits_that_are_not_finite_are_left_out_and_counted(base, files):
    (one,), _ = _compare(base, files.model("bad", noise=0.1, misbehave="nan"))
    assert int((~one.is_finite).sum()) == 1
    assert "1 of 124 positions have logits that are not finite" in one.cautions()[0]
    assert np.isfinite([value.value for value in one.metrics().values() if value.value]).all()


def test_a_candidate_that_fails_is_named(base, files):
    with pytest.raises(MeasurementError, match="refuses window 1"):
        _compare(base, files.model("bad", misbehave="refuse"))


def test_two_candidates_with_one_stem_are_refused(base, files):
    path = files.model("a", noise=0.1)
    with pytest.raises(ConfigError, match="two candidates are called `a`"):
        _compare(base, path, path)


def test_a_comparison_is_kept_among_imported_results(base, finished, tmp_path):
    folder = finished["files"].folder
    measured, _ = _compare(base, folder / "a.json", folder / "b.json")
    keep = {"corpus": "text", "reference": "ref"}
    keep_base_comparison(base, measured, tmp_path / "kept", **keep)
    document = ImportFolder(tmp_path / "kept").document()
    assert [one.model for one in document.fidelity] == ["a", "b"]
    assert document.reference == "ref"
    row = document.fidelity[0]
    assert (row.sources[0].name, row.sources[0].format) == ("ref.base", "compare-base")
    assert row.protocol["corpus_sha256"] == base.tokens_sha256
    assert row.protocol["windows"] == "4"
    assert row.positions is not None
    assert "to" in row.about["kld_mean_bracket"]
    assert row.metrics["kld_mean"].value == measured[0].metrics()["kld_mean"].value
    keep_base_comparison(base, measured, tmp_path / "unnamed")
    unnamed = ImportFolder(tmp_path / "unnamed").document()
    assert (unnamed.reference, unnamed.fidelity[0].corpus) == (None, "ref")
    with pytest.raises(TableError, match="is there already"):
        keep_base_comparison(base, measured, tmp_path / "kept", **keep)


def test_a_comparison_that_is_refused_leaves_no_table(base, finished, tmp_path):
    folder = finished["files"].folder
    measured, _ = _compare(base, folder / "a.json", folder / "b.json")
    keep_base_comparison(base, measured[1:], tmp_path)
    before = sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(TableError, match=r"`b` on .* is there already"):
        keep_base_comparison(base, measured, tmp_path)
    assert sorted(tmp_path.rglob("*.parquet")) == before


def test_other_scored_positions_are_refused(tmp_path):
    files = StudyFiles(tmp_path)
    files.model("a", noise=0.1)
    mapping = files.mapping("a")
    mapping["corpora"][0]["first_scored"] = 8
    mapping["benchmarks"] = []
    run_in_process(files.config(mapping), tmp_path / "out")
    with pytest.raises(ProtocolMismatchError, match=r"from index 8 on.*from 32 on"):
        write_path(
            FORMAT, Study(tmp_path / "out"), ExportOptions(), tmp_path / "x.base", force=False
        )
    assert not (tmp_path / "x.base").exists()


def test_a_trace_of_hidden_states_needs_its_own_reference(finished, tmp_path):
    trace = _trace(finished["out"])
    if trace.form != "hidden":
        pytest.skip("the fake engine's logits were stored as such on this machine")
    folder = tmp_path / "copy"
    shutil.copytree(finished["out"], folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for path, error, message in (
        (tmp_path / "gone.json", InputError, "is not there"),
        (finished["files"].model("elsewhere", seed=8), TableError, "not the reference's"),
    ):
        manifest["config"]["reference"]["path"] = str(path)
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        with pytest.raises(error, match=message):
            write_path(FORMAT, Study(folder), ExportOptions(), tmp_path / "x.base", force=False)
        assert not (tmp_path / "x.base").exists()
