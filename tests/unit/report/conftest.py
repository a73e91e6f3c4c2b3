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
def whole_page(whole_analysis):
    """The page's view model, built once: every chart is made for it."""
    from silentzone.report.page import build_page

    return build_page(whole_analysis)


@pytest.fixture(scope="session")
def whole_report(whole_page):
    from silentzone.report.render import drawings_of, page_html

    return page_html(whole_page, drawings_of(whole_page))
