"""Where the divergence lies, as a figure."""

from __future__ import annotations

import copy

import pytest

from silentzone.report.cohort import index
from silentzone.report.figures.spread import kld_spread


@pytest.fixture
def figure(whole_analysis):
    return kld_spread(index(whole_analysis))


def lines(panel):
    values = panel.spec["layer"][1].get("data", panel.spec.get("data"))["values"]
    return {row["label"] for row in values}


def test_a_few_candidates_are_shown_from_the_nearest_to_the_farthest(figure, whole_analysis):
    assert len(figure.panels) == 3
    shown = [entry.text for entry in figure.key]
    assert len(shown) == 6
    rows = [row for row in whole_analysis["fidelity"] if row["corpus"] == "wikipedia"]
    means = {row["model"]: row["metrics"]["kld_mean"]["value"] for row in rows if row["metrics"]}
    assert [means[name] for name in shown] == sorted(means[name] for name in shown)
    assert min(means, key=lambda name: means[name]) in shown
    assert "6 of 16" in figure.caption


def test_the_pick_is_always_among_them(figure, whole_analysis):
    assert whole_analysis["decision"]["pick"] in [entry.text for entry in figure.key]


def test_a_bin_without_divergence_is_counted_not_drawn(figure):
    assert figure.omitted == ("Not drawn because a log axis has no zero: values 6.",)


def test_a_corpus_without_a_floor_gives_no_excess(whole_analysis):
    changed = copy.deepcopy(whole_analysis)
    for row in changed["kld_spread"]:
        for one in (*row["confidence"], *row["depth"]):
            one["excess"] = None
    found = kld_spread(index(changed))
    assert found is not None
    assert found.table.notes == ("no floor is known",)


def test_an_analysis_without_the_section_has_no_figure(whole_analysis):
    assert kld_spread(index({**whole_analysis, "kld_spread": []})) is None
