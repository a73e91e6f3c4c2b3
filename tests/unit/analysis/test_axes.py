# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="misc,operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analysis.cohorts import axis, names

from silentzone.analysis.axes import Axis, Noise
from silentzone.stats.reliability import reliability_from_errors, split_half_reliability

VALUES = np.linspace(0.4, 0.8, 8)


def test_losses_and_their_draws_are_turned_together():
    gain = axis(VALUES, noise=0.01)
    members = ("c05", "c01")
    assert gain.losses(members) == pytest.approx(-VALUES[[5, 1]])
    assert gain.deviations(members, 9) == pytest.approx(-gain.noise.deviations[[5, 1], :9])
    loss = axis(VALUES, is_loss=True, noise=0.01)
    assert loss.losses(members) == pytest.approx(VALUES[[5, 1]])
    assert loss.deviations(members, 9) == pytest.approx(loss.noise.deviations[[5, 1], :9])


def test_reliability_is_that_of_the_members_halves():
    own = axis(VALUES, noise=0.1)
    members = names(8)[2:7]
    first, second = own.noise.halves
    expected = split_half_reliability(first[2:7], second[2:7])
    assert own.reliability(members) == expected
    assert own.reliability(members) is own.reliability(list(members))
    assert own.reliability(members).value != own.reliability(names(8)).value


def test_a_member_without_draws_leaves_the_noise_unknown():
    own = axis(VALUES, noise=0.1)
    assert own.rows([*names(8), "new"]) is None
    assert own.deviations([*names(8), "new"], 5) is None
    assert own.reliability([*names(8), "new"]).value is None


def test_without_data_to_halve_the_stated_errors_give_the_reliability():
    errors = dict(zip(names(8), np.linspace(0.02, 0.09, 8), strict=True))
    noise = Noise(models=names(8), deviations=np.zeros((8, 5)), halves=None, errors=errors)
    own = Axis(
        name="x", is_loss=False, values=dict(zip(names(8), VALUES, strict=True)), noise=noise
    )
    members = names(8)[:6]
    expected = reliability_from_errors(VALUES[:6], np.linspace(0.02, 0.09, 8)[:6])
    assert own.reliability(members) == expected


def test_a_copy_with_other_noise_has_its_own_reliability():
    sure, unsure = axis(VALUES, noise=0.01), axis(VALUES, noise=0.2)
    known = sure.reliability(names(8))
    assert replace(sure, noise=unsure.noise).reliability(names(8)).value < known.value
