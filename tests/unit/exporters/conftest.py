"""Studies to export: the made-up analysis of the report's tests, and the hostile one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from tests.unit.report import hostile, synthetic

from silentzone.exporters.study import Study
from silentzone.store.json_files import write_json
from silentzone.store.names import ANALYSIS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def whole_analysis():
    return synthetic.analysis()


@pytest.fixture
def analysis(whole_analysis):
    """A copy a test may change."""
    return copy.deepcopy(whole_analysis)


@pytest.fixture
def study_of(tmp_path):
    """Put an analysis into a folder of its own."""
    made: list[Path] = []

    def put(found):
        folder = tmp_path / f"study-{len(made)}"
        folder.mkdir()
        made.append(folder)
        write_json(folder / ANALYSIS, found)
        return Study(folder)

    return put


@pytest.fixture
def study(study_of, analysis):
    return study_of(analysis)


@pytest.fixture
def hostile_study(study_of):
    return study_of(hostile.analysis())
