"""CSV of kld-sweep: its columns, its units, nothing made up."""

from __future__ import annotations

import csv
import io

from silentzone.exporters.formats.kld_sweep import COLUMNS, FORMAT
from silentzone.exporters.writing import ExportOptions


def _rows(study, **options):
    text = "".join(FORMAT.render(study, ExportOptions(**options)).chunks)
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_columns_and_units(study, analysis):
    rows = _rows(study, corpus="news")
    assert tuple(rows[0]) == COLUMNS
    assert analysis["reference"]["name"] not in {row["Quantization"] for row in rows}
    row = next(row for row in rows if row["Quantization"] == "Q8_0")
    metrics = next(
        one["metrics"]
        for one in analysis["fidelity"]
        if (one["model"], one["corpus"]) == ("Q8_0", "news")
    )
    model = next(one for one in analysis["candidates"] if one["name"] == "Q8_0")
    assert float(row["KLD_Score"]) == metrics["kld_mean"]["value"]
    assert float(row["KLD_99"]) == metrics["kld_p99"]["value"]
    assert float(row["Size_GiB"]) * 1024**3 == model["file_bytes"]
    assert float(row["BPW"]) == model["bits_per_weight"]
    assert row["Num_Tokens"] == str(metrics["kld_mean"]["n_observations"])
    assert row["MDL_norm"] == ""
    sizes = [float(row["Size_GiB"]) for row in rows]
    assert sizes == sorted(sizes)


def test_a_model_without_numbers_has_empty_cells(study, analysis):
    failed = analysis["failures"][0]["model"]
    row = next(row for row in _rows(study) if row["Quantization"] == failed)
    assert (row["KLD_Score"], row["PPL_Score"], row["Num_Tokens"], row["KLD_99"]) == ("",) * 4


def test_no_name_begins_like_a_formula(study_of, analysis):
    analysis["candidates"][0]["name"] = "=cmd|' /C calc'!A0"
    names = [row["Quantization"] for row in _rows(study_of(analysis))]
    assert "'=cmd|' /C calc'!A0" in names
