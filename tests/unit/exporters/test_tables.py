"""Every table in long format: what is in it, and that a spreadsheet runs nothing of it."""

from __future__ import annotations

import csv
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.unit.exporters.conftest import ROWS

from silentzone.errors import InputError
from silentzone.exporters.formats.tables import FORMAT
from silentzone.exporters.study import Study
from silentzone.exporters.writing import ExportOptions, write_path
from silentzone.records.imported import FidelityRow, ItemAnswers, ModelFacts, Stated
from silentzone.store.import_document import FidelityEntry, ImportDocument, ItemsEntry
from silentzone.store.import_folder import ImportFolder


def _export(study, target):
    return write_path(FORMAT, study, ExportOptions(), target, force=False)


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_stored_table_is_there_twice(stored_study, tmp_path):
    notes = _export(stored_study, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "items.csv", "items.parquet", "tokens.csv", "tokens.parquet",
    ]  # fmt: skip
    assert "run silentzone analyze" in notes[-2]


def test_parquet_holds_the_stored_values_with_model_and_group(stored_study, tmp_path):
    _export(stored_study, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / "items.parquet")
    assert table.column_names[:3] == ["benchmark", "model", "item_id"]
    rows = table.to_pylist()
    assert [row["model"] for row in rows] == ["F16"] * 4 + ["=Q4"] * 4
    assert [row["prediction"] for row in rows[4:]] == [row[5] for row in ROWS]
    assert [row["score"] for row in rows[:4]] == [1.0, 0.0, None, 1.0]
    assert rows[0]["choice_log_likelihoods"] == [-1.5, -0.25]
    tokens = pq.read_table(tmp_path / "out" / "tokens.parquet").to_pylist()
    assert [row["kl_divergence"] for row in tokens] == [math.inf, None]
    assert tokens[0]["corpus"] == "wiki"


def test_csv_has_no_formula_and_nothing_missing_is_a_number(stored_study, tmp_path):
    _export(stored_study, tmp_path / "out")
    rows = _rows(tmp_path / "out" / "items.csv")
    assert [row["prediction"] for row in rows[:4]] == ["'=1+1", "-5", "", ROWS[3][5]]
    assert [row["score"] for row in rows[:4]] == ["1", "0", "", "1"]
    assert rows[2]["item_id"] == "'=i-3"
    assert rows[4]["model"] == "'=Q4"
    assert rows[0]["choice_log_likelihoods"] == "[-1.5, -0.25]"
    assert rows[1]["choice_log_likelihoods"] == ""
    tokens = _rows(tmp_path / "out" / "tokens.csv")
    assert [row["kl_divergence"] for row in tokens] == ["inf", ""]


def test_answers_become_tables_of_their_own(study, analysis, tmp_path):
    _export(study, tmp_path / "out")
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.csv")) == [
        "decomposition", "fidelity", "relations", "scores",
    ]  # fmt: skip
    rows = pq.read_table(tmp_path / "out" / "fidelity.parquet").to_pylist()
    found = {(row["model"], row["corpus"], row["metric"]): row for row in rows}
    for entry in analysis["fidelity"]:
        for key, cell in entry["metrics"].items():
            row = found[entry["model"], entry["corpus"], key]
            assert row["value"] == cell["value"]
            assert [row["lower"], row["upper"]] == (cell["interval"] or [None, None])
    parts = pq.read_table(tmp_path / "out" / "decomposition.parquet").to_pylist()
    first = analysis["decomposition"][0]
    harm = next(row for row in parts if row["quantity"] == "harm")
    assert (harm["value"], harm["standard_error"]) == (first["harm"], None)
    relations = pq.read_table(tmp_path / "out" / "relations.parquet").to_pylist()
    assert len(relations) == len(analysis["relations"])
    assert relations[0]["spearman"] == analysis["relations"][0]["spearman"]


def test_hostile_answers_begin_no_cell_like_a_formula(hostile_study, tmp_path):
    _export(hostile_study, tmp_path / "out")
    for path in (tmp_path / "out").glob("*.csv"):
        for row in _rows(path):
            assert not [cell for cell in row.values() if cell[:1] in {"=", "@", "\t", "\r"}], (
                path.name
            )


def test_a_folder_without_anything_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(InputError, match="holds no table and no answers"):
        _export(Study(tmp_path), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_none_are_missing(study_of, analysis, tmp_path):
    analysis["fidelity"][0]["metrics"] = {"kld_mean": {"value": "=1+1", "interval": [1]}, "x": None}
    analysis["fidelity"] = analysis["fidelity"][:1]
    _export(study_of(analysis), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "fidelity.parquet").to_pylist()
    assert [(row["metric"], row["value"]) for row in rows] == [("kld_mean", None), ("x", None)]


def test_imported_results_are_exported_too(tmp_path):

    folder = ImportFolder(tmp_path / "imported").create()
    answers = ItemAnswers(
        model="Q4", benchmark="arc", item_ids=("1",), scores=np.array([0.5]), statuses=("ok",),
        repeats=np.zeros(1, np.int32),
    )  # fmt: skip
    row = FidelityRow(
        model="Q4", corpus="wiki", metrics={"kld_mean": Stated(value=0.1)}, protocol={},
        positions={"window": np.array([0, 0], np.int32), "kl_divergence": np.array([0.1, np.nan])},
    )  # fmt: skip
    document = ImportDocument(
        models=(ModelFacts(name="Q4"),),
        items=(
            ItemsEntry(
                model="Q4", benchmark="arc", table=folder.write_items(answers), rows=1, items=1,
                scored=1, statuses={}, settings={}, proof="one file", about={}, sources=(),
            ),
        ),
        fidelity=(
            FidelityEntry(
                model="Q4", corpus="wiki", protocol=row.full_protocol, metrics=row.metrics,
                positions=folder.write_positions(row), about={}, sources=(),
            ),
        ),
    )  # fmt: skip
    folder.commit(document)
    _export(Study(folder.root), tmp_path / "out")
    found = pq.read_table(tmp_path / "out" / "imported_positions.parquet").to_pylist()
    assert [(one["corpus"], one["kl_divergence"]) for one in found] == [
        ("wiki", 0.1),
        ("wiki", None),
    ]
    items = _rows(tmp_path / "out" / "imported_items.csv")
    assert (items[0]["benchmark"], items[0]["score"]) == ("arc", "0.5")
