"""Our own table formats: what is exported is read back as the very same numbers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from tests.unit.exporters.conftest import ROWS

from silentzone.errors import TableError
from silentzone.exporters.formats import cohort_table, items_table
from silentzone.exporters.writing import ExportOptions, write_text
from silentzone.importers.cohort_table import read_cohort_table
from silentzone.importers.items_table import read_items_table
from silentzone.importers.kinds import detect_kind
from silentzone.records.tables import ITEMS


def _written(form, study, target, **options):
    write_text(form.FORMAT.render(study, ExportOptions(**options)), target, force=False)
    return target


def _table(study, tmp_path, **options):
    return read_cohort_table(_written(cohort_table, study, tmp_path / "cohort.csv", **options))


def test_a_cohort_table_gives_back_every_number(study, analysis, tmp_path):
    table = _table(study, tmp_path)
    assert detect_kind(tmp_path / "cohort.csv") == "table"
    assert table.reference is not None
    assert [model.name for model in table.models] == [
        analysis["reference"]["name"],
        *(one["name"] for one in analysis["candidates"]),
    ]
    by_name = {model.name: model for model in table.models}
    for row in analysis["fidelity"]:
        for key, cell in row["metrics"].items():
            model, column = by_name[row["model"]], f"{key}@{row['corpus']}"
            assert model.fidelity.get(column) == cell["value"]
            assert model.fidelity_errors.get(column) == cell["standard_error"]
    for row in analysis["scores"]:
        if row["benchmark"] in study.benchmarks:
            model = by_name[row["model"]]
            assert model.scores.get(row["benchmark"]) == row["score"]["value"]
            assert model.n_items.get(row["benchmark"]) == row["items"]
    sizes = {one["name"]: one["file_bytes"] for one in analysis["candidates"]}
    assert all(by_name[name].file_bytes == size for name, size in sizes.items())
    assert table.chance == {one["name"]: one["chance"] for one in analysis["benchmarks"]}


def test_one_corpus_needs_no_name_in_its_columns(study, tmp_path):
    assert "kld_mean" in _table(study, tmp_path, corpus="news").metrics


def test_an_exported_import_exports_the_same_bytes(study, tmp_path):
    """What is read back holds all that was written: made again from it, the file is the same."""
    table = _table(study, tmp_path)
    lines = (tmp_path / "cohort.csv").read_text().splitlines()
    headings = lines[0].split(",")
    assert len(lines) == 1 + len(table.models)
    again = []
    for model in table.models:
        cells = {"name": model.name, "is_reference": "true" if model.is_reference else ""}
        cells["bits_per_weight"] = _cell(model.bits_per_weight)
        cells["file_bytes"] = _cell(model.file_bytes)
        for prefix, values in (
            ("fidelity", model.fidelity),
            ("fidelity_se", model.fidelity_errors),
            ("score", model.scores),
            ("score_se", model.score_errors),
            ("n_items", model.n_items),
            ("chance", table.chance),
        ):
            cells |= {f"{prefix}.{name}": repr(value) for name, value in values.items()}
        again.append(",".join(cells.get(heading, "") for heading in headings))
    assert again == lines[1:]


def _cell(value):
    return "" if value is None else repr(value)


def test_hostile_names_come_back_as_they_are(hostile_study, tmp_path):
    table = _table(hostile_study, tmp_path)
    read = [model.name for model in table.models]
    wanted = [
        one.name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")
        for one in hostile_study.models
    ]
    assert read == [name.strip(" ") for name in wanted]


@pytest.mark.parametrize(
    "name", ["=cmd()", "+x", "-x", "@x", "'=x", "''@x", "'quoted'", "-0.5", "\ta"]
)
def test_a_name_like_a_formula_is_guarded_and_comes_back(study_of, analysis, tmp_path, name):
    old = analysis["candidates"][0]["name"]
    analysis["candidates"][0]["name"] = name
    for row in (*analysis["fidelity"], *analysis["scores"]):
        row["model"] = name if row["model"] == old else row["model"]
    table = _table(study_of(analysis), tmp_path)
    assert table.models[1].name == name
    assert table.models[1].fidelity
    cell = (tmp_path / "cohort.csv").read_text().splitlines()[2].split(",")[0]
    assert cell[0] not in "=+@"
    assert cell[0] != "-" or float(cell)


@pytest.mark.parametrize("name", ["a\rb", "a\r\nb", "a\nb", "x;=cmd()", 'a "b", c', "a|b\tc"])
def test_a_name_with_a_separator_stays_one_cell(study_of, analysis, tmp_path, name):
    analysis["candidates"][0]["name"] = name
    table = _table(study_of(analysis), tmp_path)
    assert table.models[1].name == name
    assert len(table.models) == 1 + len(analysis["candidates"])


def test_what_is_missing_is_an_empty_cell(study_of, analysis, tmp_path):
    row = analysis["fidelity"][0]
    row["metrics"]["kld_mean"] = {"value": None, "standard_error": None, "cautions": ["nan"]}
    row["metrics"]["kld_p99"] = {"value": 0.5, "standard_error": 0.0, "cautions": []}
    table = _table(study_of(analysis), tmp_path, corpus=row["corpus"])
    model = next(one for one in table.models if one.name == row["model"])
    assert "kld_mean" not in model.fidelity
    assert model.fidelity["kld_p99"] == 0.5
    assert "kld_p99" not in model.fidelity_errors


def test_an_items_table_gives_back_every_answer(stored_study, tmp_path):
    path = _written(items_table, stored_study, tmp_path / "items.jsonl")
    assert detect_kind(path) == "items"
    table = read_items_table(path)
    assert table.reference == "F16"
    assert table.models == ("F16", "=Q4")
    for rows in table.rows:
        assert rows.benchmark == "own"
        assert rows.item_ids == tuple(row[0] for row in ROWS)
        assert rows.clusters == tuple(row[1] for row in ROWS)
        assert rows.statuses == tuple(row[3] for row in ROWS)
        assert rows.predictions == tuple(row[5] for row in ROWS)
        assert np.array_equal(rows.scores, [1.0, 0.0, math.nan, 1.0], equal_nan=True)
        assert rows.confidence is not None
        assert rows.confidence[0] == 0.75
        assert rows.margin is not None
        assert rows.margin[0] == -1.25
        assert np.isnan(rows.margin[1:]).all()


def test_a_missing_score_is_null_with_its_reason(stored_study, tmp_path):
    path = _written(items_table, stored_study, tmp_path / "items.jsonl")
    row = json.loads(path.read_text(encoding="utf-8").split("\n")[2])
    assert (row["score"], row["status"]) == (None, "timeout")


def test_one_model_or_benchmark_can_be_chosen(stored_study, tmp_path):
    path = _written(items_table, stored_study, tmp_path / "items.jsonl", model="=Q4")
    assert read_items_table(path).models == ("=Q4",)
    with pytest.raises(TableError, match="no answers to `klingon` are stored") as caught:
        items_table.FORMAT.render(stored_study, ExportOptions(benchmark="klingon"))
    assert "`own`" in str(caught.value.hint)


def test_answers_of_another_file_of_that_name_are_left_out(stored_study):
    manifest = stored_study.folder.manifest()
    manifest["candidates"][0]["sha256"] = "c" * 64
    stored_study.folder.write_manifest(manifest)
    exported = items_table.FORMAT.render(stored_study, ExportOptions())
    assert exported.notes == (
        "left out: items of `=Q4` on `own`, measured on another file of that name",
        "left out: tokens of `=Q4` on `wiki`, measured on another file of that name",
    )
    assert "=Q4" not in "".join(exported.chunks)


def test_a_folder_that_is_no_study_is_refused(study):
    with pytest.raises(TableError, match="is not a study folder"):
        items_table.FORMAT.render(study, ExportOptions())


def test_a_damaged_table_is_refused_by_name(stored_study):
    path = stored_study.folder.table_path(ITEMS, "own", "F16")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TableError, match="F16"):
        "".join(items_table.FORMAT.render(stored_study, ExportOptions()).chunks)
