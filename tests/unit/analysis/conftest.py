"""A small synthetic study, written through the real store."""

from __future__ import annotations

import pytest
from tests.unit.analysis.studies import FOUR, Plan, write_study


@pytest.fixture
def plan():
    """The plan's class, to be filled by the test."""
    return Plan


@pytest.fixture
def study(tmp_path):
    """Writer of a study from a plan."""
    return lambda own: write_study(tmp_path / "study", own)


@pytest.fixture(scope="session")
def ordinary_study(tmp_path_factory):
    """The study of the plan's defaults, for tests that only read."""
    return write_study(tmp_path_factory.mktemp("ordinary") / "study", Plan())


@pytest.fixture(scope="session")
def whole(ordinary_study):
    """What the analysis says of the ordinary study."""
    from silentzone.analysis.study import analyze_study

    return analyze_study(ordinary_study, rng_seed=1)


@pytest.fixture
def analyzed(study, plan):
    """Analyse a study of four candidates in which single things are otherwise."""
    from silentzone.analysis.study import analyze_study

    return lambda **changes: analyze_study(study(plan(names=FOUR, **changes)), rng_seed=1)
