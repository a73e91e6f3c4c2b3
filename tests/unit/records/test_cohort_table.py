from __future__ import annotations

import numpy as np

from silentzone.records.cohort_table import (
    CohortTable,
    ItemRows,
    ItemsTable,
    TableModel,
    same_content,
)


def _table(*models: TableModel) -> CohortTable:
    return CohortTable(
        source="t.csv", models=models, metrics=(), benchmarks=(), chance={}, notes=()
    )


def _model(name: str, *fidelity: float, score: float | None = 0.5) -> TableModel:
    return TableModel(
        name=name,
        fidelity={f"metric {place}": value for place, value in enumerate(fidelity)},
        scores={} if score is None else {"x": score},
    )


def test_rows_are_the_same_only_if_every_number_is():
    same = (_model("a", 1.0, 2.0), _model("b", 1.0, 2.0), _model("c", 1.0, 2.0))
    other = (_model("d", 1.0, 3.0), _model("e", 1.0, 2.0, 3.0), _model("f", 1.0, 2.0, score=0.6))
    assert same_content(_table(*same, *other)) == (("a", "b", "c"),)


def test_a_missing_cell_makes_another_row():
    assert same_content(_table(_model("a", 1, 2, 3), _model("b", 1, 2, 3, score=None))) == ()


def test_two_equal_numbers_of_one_kind_prove_nothing():
    pair = (_model("a", 1.0, 2.0, score=None), _model("b", 1.0, 2.0, score=None))
    assert same_content(_table(*pair)) == ()


def test_an_equal_metric_and_an_equal_score_are_enough_to_be_named():
    assert same_content(_table(_model("a", 1.0), _model("b", 1.0))) == (("a", "b"),)


def test_size_does_not_make_rows_the_same_or_different():
    cells = {"a": 1.0, "b": 2.0, "c": 3.0}
    models = [TableModel(name=n, fidelity=cells, file_bytes=b) for n, b in (("x", 1), ("y", 2))]
    assert same_content(_table(*models)) == (("x", "y"),)


def test_a_table_without_a_mark_has_no_reference():
    assert _table(_model("a", 1.0)).reference is None


def test_an_items_table_names_models_and_benchmarks_once():
    rows = tuple(
        ItemRows(
            model=model,
            benchmark=benchmark,
            item_ids=("1",),
            scores=np.ones(1),
            statuses=("ok",),
            clusters=(None,),
            repeats=np.zeros(1, dtype=np.int32),
        )
        for benchmark in ("x", "y")
        for model in ("a", "b")
    )
    table = ItemsTable(source="i.csv", rows=rows, reference=None, notes=())
    assert table.models == ("a", "b")
    assert table.benchmarks == ("x", "y")
