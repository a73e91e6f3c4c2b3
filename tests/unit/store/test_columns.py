"""What may be stored in a column."""

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import ShapeError, TableError
from silentzone.records.tables import Column
from silentzone.store.columns import arrow_column


def column(kind, *, is_nullable=True):
    return Column("value", kind, is_nullable, "")


@pytest.mark.parametrize(
    ("kind", "values", "stored"),
    [
        ("int32", [1, None, -(2**31)], [1, None, -(2**31)]),
        ("int32", np.array([7, 8], np.uint16), [7, 8]),
        ("int32", np.ma.MaskedArray(np.array([2**40, 5]), [True, False]), [None, 5]),
        ("int32", [None, None], [None, None]),
        ("int32", [], []),
        ("float64", [1, 2.5, None, float("inf")], [1.0, 2.5, None, float("inf")]),
        ("float64", np.array([0.1], np.float32), [float(np.float32(0.1))]),
        ("float64", np.ma.MaskedArray([np.nan, 1.0], [True, False]), [None, 1.0]),
        ("float64", np.array([1.5, None], object), [1.5, None]),
        ("float64", [True, False], [1.0, 0.0]),
        ("float64", np.ma.MaskedArray([1.0, 2.0]), [1.0, 2.0]),
        ("bool", [True, None], [True, None]),
        ("bool", np.array([False]), [False]),
        ("string", ["", None, "日\x00"], ["", None, "日\x00"]),
        ("dictionary", np.array(["ok", "ok"]), ["ok", "ok"]),
        ("dictionary", [None], [None]),
        ("string", [np.ma.masked, "a"], [None, "a"]),
        ("list<float64>", [[1, -np.inf], None, []], [[1.0, -np.inf], None, []]),
        ("list<float64>", np.ones((2, 2)), [[1.0, 1.0], [1.0, 1.0]]),
        ("list<float64>", [np.array([1.5]), (2,)], [[1.5], [2.0]]),
    ],
)
def test_what_fits_is_stored_exactly(kind, values, stored):
    assert arrow_column(column(kind), values).to_pylist() == stored


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("int32", [1, 2**31], r"row 1 is 2147483648"),
        ("int32", [1.0], "must hold integers, it holds float64"),
        ("int32", [2**70], "must hold integers"),
        ("float64", [0.0, float("nan")], "must not be NaN, row 1 is"),
        ("float64", np.ma.MaskedArray([np.nan, 1.0], [False, True]), "NaN, row 0"),
        ("float64", [2**53 + 1], "without loss, it holds int64"),
        ("float64", ["1.0"], "without loss"),
        ("float64", np.array([1], np.longdouble), "without loss"),
        ("bool", [1, 0], "must hold booleans, it holds int64"),
        ("string", ["a", 1], "must be text, row 1 is int"),
        ("string", ["\ud800"], "valid Unicode"),
        ("dictionary", [b"ok"], "must be text, row 0 is bytes"),
        ("list<float64>", [[1.0], [float("nan")]], "value, row 1` must not be NaN"),
        ("list<float64>", [[None]], "without loss"),
        ("list<float64>", [["x"]], "without loss"),
    ],
)
def test_what_does_not_fit_is_refused(kind, values, message):
    with pytest.raises(TableError, match=message):
        arrow_column(column(kind), values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int32", np.zeros((2, 2), np.int32)),
        ("float64", np.zeros((2, 2))),
        ("float64", np.array(1.0)),
        ("float64", [[1.0], [1.0, 2.0]]),
        ("float64", 1.0),
        ("string", "text"),
        ("string", np.array("text")),
        ("list<float64>", [[[1.0]]]),
    ],
)
def test_a_column_of_another_shape_is_refused(kind, values):
    with pytest.raises(ShapeError, match="value"):
        arrow_column(column(kind), values)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int32", [1, None]),
        ("float64", np.ma.MaskedArray([1.0, 2.0], [False, True])),
        ("string", ["", None]),
    ],
)
def test_a_null_where_none_may_be_is_refused_with_its_row(kind, values):
    with pytest.raises(TableError, match="must not be null; row 1 is"):
        arrow_column(column(kind, is_nullable=False), values)
