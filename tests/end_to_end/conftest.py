"""Studies of fake models."""

from __future__ import annotations

import pytest
from tests.end_to_end.fake_studies import StudyFiles, run_in_process


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in").mkdir()
    return StudyFiles(tmp_path / "in")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished study that tests read and copy, never change: its files, mapping, folder."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "in").mkdir()
    files = StudyFiles(folder / "in")
    for name, noise in (("a", 0.1), ("b", 0.5), ("twin", 0.1)):
        files.model(name, noise=noise)
    mapping = files.mapping("a", "b", "twin")
    measured, outcome = run_in_process(files.config(mapping), folder / "out")
    return {
        "files": files,
        "mapping": mapping,
        "out": folder / "out",
        "measured": measured,
        "outcome": outcome,
    }
