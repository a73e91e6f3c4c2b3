"""Names and order of candidates are no part of the question."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.analysis.cohorts import evidence, names

from silentzone.analysis.audit import AuditRule, Evidence, audit
from silentzone.analysis.zones import Outcomes

if TYPE_CHECKING:
    from silentzone.analysis.axes import Axis

N = 7
RULE = AuditRule(margin=0.03, alpha=0.05)


def relabelled(whole: Evidence, renamed: dict[str, str], order: list[str]) -> Evidence:
    """The same cohort under other names and in another order, noise and all."""

    def axis(one: Axis) -> Axis:
        noise = one.noise
        if noise is not None:
            rows = [noise.models.index(name) for name in order]
            halves = noise.halves
            assert halves is not None
            noise = replace(
                noise,
                models=tuple(renamed[name] for name in order),
                deviations=noise.deviations[rows],
                halves=(halves[0][rows], halves[1][rows]),
            )
        return replace(one, values={renamed[n]: one.values[n] for n in order}, noise=noise)

    return replace(
        whole,
        candidates=tuple(renamed[name] for name in order),
        metrics=tuple(replace(one, axis=axis(one.axis)) for one in whole.metrics),
        scores={name: axis(one) for name, one in whole.scores.items()},
        outcomes=Outcomes(
            by_model={renamed[name]: whole.outcomes.by_model[name] for name in order}
        ),
    )


def require_equal(found: Any, expected: Any, known_as: dict[str, str]) -> None:
    """Compare JSON up to the order of members and the rounding of sums."""
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for key, value in expected.items():
            if key == "members":
                assert sorted(known_as[name] for name in found[key]) == sorted(value)
            else:
                require_equal(found[key], value, known_as)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            require_equal(one, other, known_as)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert found == expected


@pytest.fixture(scope="module")
def cohorts() -> dict[bool, tuple[Evidence, Any]]:
    """A cohort with and one without direction, and what is said of each."""
    found = {}
    for directed in (True, False):
        whole = evidence(N, directed=directed)
        found[directed] = (whole, audit(whole, RULE).as_json())
    return found


@settings(max_examples=6)
@given(
    directed=st.booleans(),
    order=st.permutations(names(N)),
    aliases=st.lists(st.text(min_size=1, max_size=8), min_size=N, max_size=N, unique=True),
)
def test_renaming_and_reordering_candidates_gives_the_same_numbers(
    cohorts, directed, order, aliases
):
    # Up to eight candidates every order is tried, so that no permutation is drawn by place.
    whole, expected = cohorts[directed]
    renamed = dict(zip(names(N), aliases, strict=True))
    known_as = {alias: name for name, alias in renamed.items()}
    again = audit(relabelled(whole, renamed, list(order)), RULE).as_json()
    require_equal(again, expected, known_as)


@settings(max_examples=5)
@given(factor=st.floats(0.01, 100.0), shift=st.floats(-0.5, 0.5))
def test_relations_see_the_order_of_a_metric_alone(cohorts, factor, shift):
    whole, expected = cohorts[True]
    stretched = tuple(
        replace(
            one,
            axis=replace(
                one.axis,
                values={n: factor * np.expm1(v) + shift for n, v in one.axis.values.items()},
            ),
        )
        for one in whole.metrics
    )
    again = audit(replace(whole, metrics=stretched), RULE).as_json()
    seen = ("spearman", "aligned", "kendall", "pvalue", "kendall_pvalue", "interval", "members")
    for one, other in zip(again["relations"], expected["relations"], strict=True):
        assert {key: one[key] for key in seen} == {key: other[key] for key in seen}
