"""The quick fidelity table on the fake engine: the layout machines read."""

from __future__ import annotations

import json

import pytest
from tests.end_to_end.fake_studies import InProcess, StudyFiles

from silentzone.errors import ConfigError, CorpusError, MeasurementError, ModelFileError
from silentzone.studies import measuring
from silentzone.studies.compare import compare_models
from silentzone.studies.progress import SilentProgress

METRICS = {
    "kld_mean", "kld_median", "kld_geomean", "kld_rms", "kld_max", "kld_p90", "kld_p95", "kld_p99",
    "kld_p999", "reverse_kld_mean", "js_mean", "tv_mean", "ppl_reference", "ppl_candidate",
    "ppl_ratio", "ppl_delta", "ln_ppl_ratio", "delta_p_mean", "delta_p_rms", "top1_agreement",
    "top5_containment", "kld_trimmed", "kld_share_above", "kld_entropy_weighted",
    "abs_ln_ppl_ratio",
}  # fmt: skip
ESTIMATE = {
    "value", "standard_error", "interval", "method", "n_observations", "n_clusters", "confidence",
    "cautions",
}  # fmt: skip


def _compare(folder, *names, reference="ref", text="text.txt", **settings):
    with pytest.MonkeyPatch.context() as context:
        context.setattr(measuring, "run_in_worker", InProcess())
        return compare_models(
            folder / f"{reference}.json",
            [folder / f"{name}.json" for name in names],
            folder / text,
            **{"context_length": 64, "windows": 4, "threads": 1, **settings},
            progress=SilentProgress(),
            backend="fake",
        )


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    files = StudyFiles(tmp_path_factory.mktemp("compare"))
    files.model("near", noise=0.01)
    files.model("far", noise=0.5)
    files.model("same")
    files.model("refuses", noise=0.1, misbehave="refuse")
    return _compare(files.folder, "near", "far", "same", "refuses")


def test_the_table_has_the_documented_layout(compared):
    assert set(compared) == {"reference", "corpus", "engine", "candidates", "failures"}
    json.dumps(compared, allow_nan=False)
    assert compared["reference"]["name"] == "ref"
    assert compared["corpus"]["name"] == "text.txt"
    assert (compared["corpus"]["context_length"], compared["corpus"]["windows"]) == (64, 4)
    assert compared["engine"]["name"] == "fake"
    assert {one["name"] for one in compared["candidates"]} == {"near", "far", "same"}


def test_every_candidate_has_every_metric_as_an_estimate(compared):
    for candidate in compared["candidates"]:
        assert set(candidate["metrics"]) == METRICS
        for estimate in candidate["metrics"].values():
            assert set(estimate) == ESTIMATE
        assert candidate["file_bytes"] > 0
        assert {"uneven_batch", "token_by_token", "used", "statement"} <= set(candidate["floor"])


def test_the_numbers_are_in_order(compared):
    kld = {one["name"]: one["metrics"]["kld_mean"] for one in compared["candidates"]}
    assert kld["same"]["value"] < 1e-12 < kld["near"]["value"] < kld["far"]["value"]
    assert kld["far"]["n_observations"] == 4 * 31
    agreement = {one["name"]: one["metrics"]["top1_agreement"] for one in compared["candidates"]}
    assert agreement["same"]["value"] == 1.0


def test_a_candidate_without_a_result_is_among_the_failures_alone(compared):
    (failure,) = compared["failures"]
    assert (failure["model"], failure["part"]) == ("refuses", "fidelity on text")
    assert "refuses window 1" in failure["cause"]


def test_a_candidate_called_like_the_reference_is_told_from_it(files):
    (files.folder / "sub").mkdir()
    (files.folder / "sub" / "ref.json").write_bytes(files.model("a", noise=0.1).read_bytes())
    found = _compare(files.folder, "sub/ref")
    assert found["reference"]["name"] == "ref (reference)"
    assert [one["name"] for one in found["candidates"]] == ["ref"]


def test_two_candidates_with_one_stem_are_refused(files):
    with pytest.raises(ConfigError, match="two candidates are called `a`"):
        _compare(files.folder, "a", "sub/a")


def test_nothing_is_left_behind(files, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    files.model("a", noise=0.1)
    _compare(files.folder, "a")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_text_too_short_is_said_in_tokens(files):
    (files.folder / "short.txt").write_text("short", "utf-8")
    files.model("a", noise=0.1)
    with pytest.raises(CorpusError, match="6 tokens; one window needs 64"):
        _compare(files.folder, "a", text="short.txt")


def test_a_reference_that_is_no_model_is_refused(files):
    (files.folder / "broken.json").write_text("{", "utf-8")
    files.model("a", noise=0.1)
    with pytest.raises(ModelFileError, match="is not a fake model file"):
        _compare(files.folder, "a", reference="broken")


def test_without_a_candidate_that_gave_a_result_there_is_one_error(files):
    files.model("refuses", misbehave="refuse")
    with pytest.raises(MeasurementError, match="refuses window 1 of `refuses`"):
        _compare(files.folder, "refuses")
