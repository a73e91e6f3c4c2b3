# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

import math

import pytest

from silentzone.report import numbers
from silentzone.report.reading import quantity
from silentzone.store.answers import finite


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0037, "0.00370"),
        (0.00009996, "0.000100"),
        (1.3e-5, "1.30 × 10⁻⁵"),
        (12.345, "12.3"),
        (1234.5, "1234"),
        (-0.5, "−0.500"),
        (math.inf, "∞"),
    ],
)
def test_three_significant_digits_are_kept(value, text):
    assert numbers.significant(value) == text


@pytest.mark.parametrize(
    ("size", "text"), [(14.34e9, "14.34 GB"), (143e6, "143 MB"), (512, "512 bytes")]
)
def test_sizes_are_written_in_a_unit_that_shows_them(size, text):
    assert numbers.file_size(size) == text


def test_a_rounded_zero_has_no_sign():
    assert numbers.points(-0.0001) == "0.0 pp"
    assert numbers.coefficient(-0.001) == "0.00"


@pytest.mark.parametrize("raw", [None, "0.5", True, math.nan, math.inf, [1.0], 10**400])
def test_what_is_no_finite_number_is_missing(raw):
    assert finite(raw) is None


def test_a_value_is_written_with_its_interval():
    found = quantity({"value": 0.712, "interval": [0.68, 0.744], "cautions": []})
    assert found.written(numbers.percent) == "71.2 %"
    assert found.interval(numbers.percent) == "[68.0, 74.4]"


def test_a_null_estimate_is_a_dash_and_keeps_its_reason():
    found = quantity({"value": None, "interval": None, "cautions": ["one cluster only"]})
    assert found.written(numbers.percent) == "–"
    assert found.cautions == ("one cluster only",)


def test_a_null_estimate_without_a_reason_says_so():
    assert quantity({"value": None}).cautions == ("no value was recorded, and no reason",)


def test_a_half_interval_is_no_interval():
    assert quantity({"value": 1.0, "interval": [None, 2.0]}).interval(numbers.decimal) is None


def test_an_infinite_value_is_shown_as_infinite():
    assert quantity({"value": math.inf}).written(numbers.significant) == "∞"
