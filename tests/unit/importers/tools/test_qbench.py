"""Results of qbench: labels from one file, per-token values from another, errors from both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.safetensors_file import read_floats
from silentzone.importers.tools.qbench import FORMAT

GOLDEN = Path(__file__).parents[3] / "golden" / "imports" / "qbench"


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _read(folder, **options):
    (bundle,) = FORMAT.find(_files(folder))
    return FORMAT.read(bundle, ImportOptions(**options))


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(GOLDEN / "fp32", tmp_path / "copied")
    return tmp_path / "copied"


def _edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("version", ["fp32", "fp16"])
def test_numbers_are_those_of_the_results_file(version):
    results = json.loads((GOLDEN / version / "results.json").read_text())
    imported = _read(GOLDEN / version)
    assert [row.model for row in imported.fidelity] == ["4.0bpw", "Q4_K_M", "6.0bpw"]
    assert [one.name for one in imported.models] == ["BF16", "4.0bpw", "Q4_K_M", "6.0bpw"]
    assert imported.models[0].is_reference
    for row, entry in zip(imported.fidelity, results[2:], strict=True):
        values = {key: one.value for key, one in row.metrics.items()}
        assert values["kld_mean"] == entry["kld"]
        assert values["kld_median"] == entry["kld_median"]
        assert values["kld_p90"] == entry["kld_p90"]
        assert values["ppl_candidate"] == entry["ppl"]
        assert values["ppl_reference"] == 8.25
        assert row.about["kld_floor"] == repr(results[1]["kld"])
        assert json.loads(row.about["kld_buckets"])[0]["conf_range"] == [0.0, 0.25]


def test_standard_errors_are_clustered_by_row():
    row = _read(GOLDEN / "fp32").fidelity[0]
    (path,) = [one for one in _files(GOLDEN / "fp32") if one.name == row.sources[1].name]
    values, kind = read_floats(path, "kl")
    assert kind == "F32"
    rows = values.reshape(6, 24)
    # CR1 written out: squared sums of residuals per row.
    sums = (rows - values.mean()).sum(axis=1)
    expected = np.sqrt(6 / 5 * (sums**2).sum()) / values.size
    assert row.metrics["kld_mean"].standard_error == pytest.approx(expected, rel=1e-12)
    assert row.metrics["kld_p99"].value == pytest.approx(np.quantile(values, 0.99), rel=1e-12)
    assert row.metrics["kld_max"].value == values.max()
    assert row.metrics["kld_rms"].value == pytest.approx(np.sqrt((values**2).mean()))


def test_positions_lie_in_their_rows():
    row = _read(GOLDEN / "fp32").fidelity[1]
    positions = row.positions
    assert positions is not None
    assert positions["window"].tolist() == [place for place in range(6) for _ in range(24)]
    assert positions["position"].tolist() == list(range(24)) * 6
    assert positions["status"].tolist() == ["non_finite"] * 3 + ["ok"] * 141
    assert np.isnan(positions["kl_divergence"][:3]).all()
    assert row.protocol["windows"] == "6"
    assert row.protocol["context_length"] == "24"
    assert row.protocol["template"] == "none"
    assert row.protocol["corpus_sha256"] == row.sources[1].name.split("_")[1]


def test_a_ratio_over_other_positions_is_null():
    ratio = _read(GOLDEN / "fp32").fidelity[1].metrics["ppl_ratio"]
    assert (ratio.value, ratio.status) == (None, "the two perplexities leave out other positions")


def test_a_ratio_that_no_number_can_hold_is_null(copied):
    def spread(results):
        results[0]["ppl"], results[2]["ppl"] = 1e-10, 1e300

    _edit(copied / "results.json", spread)
    metrics = _read(copied).fidelity[0].metrics
    assert (metrics["ppl_ratio"].value, metrics["ppl_ratio"].status) == (
        None, "too large for a number",
    )  # fmt: skip
    assert metrics["ppl_candidate"].value == 1e300


def test_without_the_cache_there_are_no_errors_and_it_is_said(copied):
    shutil.rmtree(copied / "qbench")
    imported = _read(copied)
    row = imported.fidelity[0]
    assert row.positions is None
    assert row.metrics["kld_mean"].standard_error is None
    assert "kld_p99" not in row.metrics
    assert sum("there is no standard error" in note for note in imported.notes) == 3


def test_without_the_number_of_rows_there_are_quantiles_and_no_errors(copied):
    for path in copied.rglob("meta.json"):
        path.unlink()
    imported = _read(copied)
    row = imported.fidelity[0]
    assert row.metrics["kld_mean"].standard_error is None
    assert row.metrics["kld_p99"].value is not None
    assert row.positions is None
    assert any("how its tokens lie in rows" in note for note in imported.notes)


def test_rows_that_do_not_divide_the_tokens_are_not_believed(copied):
    for path in copied.rglob("meta.json"):
        _edit(path, lambda value: value.update(rows=7))
    assert _read(copied).fidelity[0].metrics["kld_mean"].standard_error is None


def test_sixteen_bit_values_are_said():
    notes = _read(GOLDEN / "fp16").notes
    assert sum("16-bit numbers" in note for note in notes) == 3


def test_values_of_another_run_are_refused(copied):
    first, second = sorted(copied.rglob("kl_*.safetensors"))[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(TableError, match="they are not of one run"):
        _read(copied)


def test_two_results_of_the_same_numbers_are_not_told_apart(copied):
    cached = [path for path in copied.rglob("results_*.json") if "_self_" not in path.name]
    results = json.loads((copied / "results.json").read_text())
    own = {key: value for key, value in results[2].items() if key not in {"label", "group"}}
    other = next(path for path in cached if json.loads(path.read_text()) != own)
    other.write_text(json.dumps(own))
    imported = _read(copied)
    assert any("the same numbers" in note for note in imported.notes)
    assert imported.fidelity[0].metrics["kld_mean"].standard_error is None


def test_the_cache_alone_gives_its_models_by_key():
    bundles = FORMAT.find(_files(GOLDEN / "fp32" / "qbench"))
    assert len(bundles) == 4
    imported = FORMAT.read(bundles[0], ImportOptions(model="Q4", reference="BF16"))
    (row,) = imported.fidelity
    assert (row.model, row.protocol["reference"]) == ("Q4", "BF16")
    assert row.metrics["ppl_reference"].value == 8.25
    assert row.metrics["kld_mean"].standard_error is not None
    assert any("names no model" in note for note in imported.notes)


def test_equal_labels_are_told_apart_by_their_group(copied):
    _edit(copied / "results.json", lambda value: value[3].update(label="4.0bpw"))
    assert [row.model for row in _read(copied).fidelity] == ["EXL3 4.0bpw", "GGUF 4.0bpw",
                                                             "EXL3 6.0bpw"]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[3].update(label="4.0bpw", group="EXL3"), "two results named `EXL3 4.0bpw`"),
        (lambda v: v[2].update(label=7), "entry 3: label` must be a text"),
        (lambda v: v[2].update(kld="x"), "must be a number"),
        (lambda v: v[2].update(kld=-1.0), "cannot be right"),
        (lambda v: v[2].update(ppl=0), "cannot be right"),
        (lambda v: v.append({"label": "x", "group": "y"}), "entry 6: holds no result of qbench"),
        (lambda v: v.append(3), "entry 6 of the file must be an object"),
        (lambda v: [v.pop() for _ in range(3)], "holds no model besides the reference"),
    ],
)
def test_what_a_file_cannot_say_is_refused_by_place(copied, change, message):
    _edit(copied / "results.json", change)
    with pytest.raises(TableError, match=r"results\.json") as caught:
        FORMAT.read(Bundle(main=copied / "results.json"), ImportOptions())
    assert message in caught.value.message


def test_one_name_cannot_be_that_of_three_models():
    with pytest.raises(TableError, match="has results of 3 models"):
        _read(GOLDEN / "fp32", model="one")


def test_a_model_whose_logits_were_all_broken_has_null_values(copied):
    def broken(value):
        for name in list(value[2]):
            if name.startswith(("kld", "ppl")):
                del value[2][name]

    _edit(copied / "results.json", broken)
    metrics = _read(copied).fidelity[0].metrics
    assert (metrics["kld_mean"].value, metrics["kld_mean"].status) == (None, "not in the file")
    assert "ppl_ratio" not in metrics
