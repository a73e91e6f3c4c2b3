"""The synthetic analysis and the hostile one, for every report test."""

from __future__ import annotations

import copy

import pytest
from tests.unit.report import synthetic


@pytest.fixture(scope="session")
def whole_analysis():
    return synthetic.analysis()


@pytest.fixture
def analysis(whole_analysis):
    """A copy a test may change."""
    return copy.deepcopy(whole_analysis)


@pytest.fixture(scope="session")
def whole_report(whole_analysis):
    from silentzone.report import build_html

    return build_html(whole_analysis)
