"""Tables of kld-sweep: sizes in GiB, ERROR as missing, our own export read back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.report import synthetic

from silentzone.errors import TableError
from silentzone.exporters.formats import kld_sweep as exporter
from silentzone.exporters.study import Study
from silentzone.exporters.writing import ExportOptions, write_text
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.kld_sweep import FORMAT
from silentzone.store.json_files import write_json

GOLDEN = Path(__file__).parents[3] / "golden" / "imports" / "kld_sweep"


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _text(tmp_path, text):
    path = tmp_path / "sweep.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_four_columns_and_a_file_that_failed():
    imported = _read(GOLDEN / "four.csv", corpus="wiki", reference="BF16")
    assert [(one.name, one.file_bytes) for one in imported.models] == [
        ("bartowski_Tiny-Q2_K", 335_544_320),
        ("bartowski_Tiny-IQ3_M", 402_653_184),
        ("unsloth_Tiny-Q4_K_M", 536_870_912),
        ("bartowski_Tiny-Q8_0", 939_524_096),
    ]
    first, failed = imported.fidelity[:2]
    assert {key: one.value for key, one in first.metrics.items()} == {
        "ppl_candidate": 12.431209, "kld_mean": 0.445132,
    }  # fmt: skip
    assert {one.status for one in failed.metrics.values()} == {
        "kld-sweep found no such number in the tool's output"
    }
    assert {one.value for one in failed.metrics.values()} == {None}
    assert (first.corpus, first.protocol["reference"]) == ("wiki", "BF16")
    assert first.protocol["tool"] == "kld-sweep"


def test_eight_columns_and_what_is_not_used():
    imported = _read(GOLDEN / "eight.csv")
    row = imported.fidelity[0]
    assert row.metrics["kld_p99"].value == 0.412345
    assert row.about == {"tokens": "143820"}
    assert imported.models[0].bits_per_weight == 4.83
    assert any("MDL_norm is not used" in note for note in imported.notes)
    assert {one.standard_error for one in row.metrics.values()} == {None}


def test_our_own_table_is_read_back_to_the_last_digit(tmp_path):
    analysis = synthetic.analysis()
    analysis["candidates"][0]["name"] = "=Q8_0"
    for row in analysis["fidelity"]:
        row["model"] = "=Q8_0" if row["model"] == "Q8_0" else row["model"]
    write_json(tmp_path / "analysis.json", analysis)
    exported = exporter.FORMAT.render(Study(tmp_path), ExportOptions(corpus="news"))
    write_text(exported, tmp_path / "sweep.csv", force=False)
    assert [bundle.main.name for bundle in FORMAT.find([tmp_path / "sweep.csv"])] == ["sweep.csv"]
    imported = _read(tmp_path / "sweep.csv")
    facts = {one.name: one for one in imported.models}
    for model in analysis["candidates"]:
        assert facts[model["name"]].file_bytes == model["file_bytes"]
        assert facts[model["name"]].bits_per_weight == model["bits_per_weight"]
    found = {row.model: row.metrics for row in imported.fidelity}
    for row in analysis["fidelity"]:
        if row["corpus"] == "news" and row["metrics"]:
            metrics = found[row["model"]]
            assert metrics["kld_mean"].value == row["metrics"]["kld_mean"]["value"]
            assert metrics["kld_p99"].value == row["metrics"]["kld_p99"]["value"]
    missing = found[analysis["failures"][0]["model"]]["kld_mean"]
    assert (missing.value, missing.status) == (None, "the cell is empty")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Quantization,Size_GiB\nQ4,1\n", "must have the columns Quantization, Size_GiB"),
        ("Quantization,KLD_Score\n", "has a header and no rows"),
        ("Quantization,KLD_Score\nQ4,0.1\nQ4,0.2\n", "line 3, column `Quantization`: 'Q4' stands"),
        ("Quantization,KLD_Score\n,0.1\n", "must name the file"),
        ("Quantization,KLD_Score\nQ4,x\n", "'x' is not a number"),
        ("Quantization,KLD_Score\nQ4,-0.1\n", "a KLD is never negative"),
        ("Quantization,PPL_Score\nQ4,0\n", "lies above 0"),
        ("Quantization,Size_GiB,KLD_Score\nQ4,-1,0.1\n", "-1 is impossible"),
        ("Quantization,Size_GiB,KLD_Score\nQ4,1e300,0.1\n", "is impossible"),
        ("Quantization,KLD_Score\nQ4\n", "has 1 cells, the header has 2"),
    ],
)
def test_what_a_sweep_cannot_say_is_refused_by_line(tmp_path, text, message):
    with pytest.raises(TableError, match=r"sweep\.csv") as caught:
        _read(_text(tmp_path, text))
    assert message in caught.value.message


def test_one_name_cannot_be_that_of_four_models():
    with pytest.raises(TableError, match="has 4 models"):
        _read(GOLDEN / "four.csv", model="one")


def test_a_last_line_without_its_end_is_said(tmp_path):
    imported = _read(_text(tmp_path, "Quantization,KLD_Score\nQ4,0.0312"))
    assert any("may be cut off" in note for note in imported.notes)
    assert not any("cut off" in note for note in _read(GOLDEN / "four.csv").notes)


def test_infinite_values_and_empty_cells_are_missing(tmp_path):
    imported = _read(_text(tmp_path, "Quantization,PPL_Score,KLD_Score\nQ4,inf,\n"))
    metrics = imported.fidelity[0].metrics
    assert metrics["ppl_candidate"].status == "the tool wrote an infinite value"
    assert metrics["kld_mean"].status == "the cell is empty"


def test_only_sweeps_are_found():
    found = FORMAT.find(sorted(GOLDEN.iterdir()))
    assert [bundle.main.name for bundle in found] == ["eight.csv", "four.csv"]
