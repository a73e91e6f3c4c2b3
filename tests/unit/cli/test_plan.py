"""Plan: from numbers alone, from another study's relation, and for a study."""

from __future__ import annotations

import json

import pytest


def estimate(value, error=0.015, n=200, clusters=200):
    return {
        "value": value, "standard_error": error, "interval": [value - 0.02, value + 0.02],
        "method": "m", "n_observations": n, "n_clusters": clusters, "confidence": 0.95,
        "cautions": [],
    }  # fmt: skip


def row(model, benchmark, volume):
    counts = (None, None) if benchmark == "composite" else (10, 10)
    return {
        "model": model, "benchmark": benchmark, "items": 200, "harm": counts[0],
        "gain": counts[1], "volume": estimate(volume), "direction": estimate(0.0),
        "net": estimate(0.0),
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    names = [f"Q{k}" for k in range(2, 9)]
    klds = {name: 0.3 / 2**k for k, name in enumerate(names)}
    analysis = {
        "decision": {"margin": 0.02, "guard_margin": 0.05, "alpha": 0.025},
        "benchmarks": [{"name": "b", "enters_composite": True}],
        "candidates": [{"name": name, "file_bytes": 10} for name in [*names, "new"]],
        "decomposition": [
            row(name, benchmark, min(1.0, 0.5 * kld**0.5))
            for name, kld in klds.items()
            for benchmark in ("b", "composite")
        ],
        "fidelity": [
            {"model": name, "corpus": "w", "metrics": {"kld_mean": {"value": kld}}}
            for name, kld in {**klds, "new": 0.01}.items()
        ],
    }
    study = tmp_path / "study"
    study.mkdir()
    (study / "analysis.json").write_text(json.dumps(analysis))
    return study


def test_a_margin_and_a_volume_give_the_items(invoke):
    shown = invoke("plan", "--margin", "0.01", "--volume", "0.05", "--items", "2000")
    assert shown.code == 0, shown.stderr
    assert "4,022" in shown.stdout
    assert "3,925" in shown.stdout
    assert "1.43 points" in shown.stdout
    assert "volume 5 %, true difference 0;" in shown.stdout


def test_json_has_every_assumption(invoke):
    shown = invoke(
        "plan", "--margin", "0.01", "--volume", "0.05", "--difference", "-0.002", "--alpha",
        "0.05", "--power", "0.9", "--design-effect", "1.5", "--json",
    )  # fmt: skip
    plan = json.loads(shown.stdout)
    assert (plan["assumed_difference"], plan["alpha"], plan["power"]) == (-0.002, 0.05, 0.9)
    assert plan["design_effect"] == 1.5
    assert plan["items_needed"] > 1.5 * 3925
    assert plan["at_items"] is None


def test_without_a_margin_the_items_give_the_one_they_resolve(invoke):
    plan = json.loads(invoke("plan", "--items", "1000", "--volume", "0.05", "--json").stdout)
    assert plan["at_items"]["margin"] == pytest.approx(0.0207, abs=1e-4)
    assert plan["margin"] is None
    assert plan["items_needed"] is None


@pytest.mark.parametrize(
    ("option", "value", "meant"),
    [
        ("--margin", "1", "did you mean 0.01 (1 point)?"),
        ("--margin", "2.5", "did you mean 0.025 (2.5 points)?"),
        ("--guard-margin", "3", "did you mean 0.03 (3 points)?"),
        ("--volume", "5", "did you mean 0.05 (5 %)?"),
        ("--difference", "-1", "did you mean -0.01 (-1 point)?"),
        ("--power", "80", "did you mean 0.8 (80 %)?"),
        ("--margin", "0", "must be above 0"),
        ("--margin", "nan", "is not a number"),
        ("--margin", "one", "is not a number"),
        ("--margin", "400", "is not a proportion below 1"),
        ("--volume", "-0.1", "must be at least 0"),
        ("--alpha", "0.5", "must be below 0.5"),
    ],
)
def test_points_and_percent_are_refused_with_what_was_meant(invoke, option, value, meant):
    asked = {"--margin": "0.01", "--volume": "0.05", option: value}
    shown = invoke("plan", *(part for pair in asked.items() for part in pair))
    assert shown.code == 2
    assert meant in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "give one of DIR, --volume, or --kld"),
        (("--volume", "0.05"), "give --margin, or --items"),
        (("--margin", "0.01", "--kld", "0.02"), "--kld needs --from"),
        (("--margin", "0.01", "--volume", "0.05", "--kld", "0.02"), "give one of"),
        (("--margin", "0.01", "--volume", "0.05", "--difference", "0.06"), "than --volume 0.05"),
    ],
)
def test_what_does_not_go_together_is_a_matter_of_usage(invoke, arguments, part):
    shown = invoke("plan", *arguments)
    assert shown.code == 2
    assert part in shown.stderr


def test_a_difference_beyond_the_margin_has_no_number_of_items(invoke):
    shown = invoke("plan", "--margin", "0.01", "--volume", "0.05", "--difference", "-0.02")
    assert shown.code == 0
    assert "beyond the margin cannot be shown" in shown.stdout


@pytest.mark.parametrize("whole", [True, False])
def test_a_kld_becomes_a_volume_by_the_relation_of_another_study(invoke, folder, whole):
    source = folder if whole else folder / "analysis.json"
    shown = invoke("plan", "--margin", "0.01", "--kld", "0.01", "--from", source)
    assert shown.code == 0, shown.stderr
    assert "volume 5 %" in shown.stdout
    assert "to the power 0.50 over 7 candidates" in shown.stdout
    plan = json.loads(
        invoke("plan", "--margin", "0.01", "--kld", "0.01", "--from", source, "--json").stdout
    )
    assert plan["items_needed"] == 4022
    assert plan["items_interval"][0] <= 4022 <= plan["items_interval"][1]


def test_a_kld_beyond_the_study_is_marked(invoke, folder):
    shown = invoke("plan", "--margin", "0.01", "--kld", "0.0001", "--from", folder)
    assert "lies beyond the points fitted" in shown.stdout


def test_a_study_without_enough_candidates_gives_no_relation(invoke, folder):
    path = folder / "analysis.json"
    analysis = json.loads(path.read_text())
    path.write_text(json.dumps({**analysis, "fidelity": analysis["fidelity"][:4]}))
    shown = invoke("plan", "--margin", "0.01", "--kld", "0.01", "--from", folder)
    assert shown.code == 1
    assert "fewer than 5" in shown.stderr
    assert "--volume" in shown.stderr


def test_a_study_is_planned_at_its_own_margin_or_another(invoke, folder):
    shown = invoke("plan", folder)
    assert shown.code == 0, shown.stderr
    assert "to show a loss below 2 points on the composite and below 5 points" in shown.stdout
    own = json.loads(invoke("plan", folder, "--json").stdout)
    other = json.loads(invoke("plan", folder, "--margin", "0.01", "--json").stdout)
    assert (own["margin"], other["margin"], other["guard_margin"]) == (0.02, 0.01, 0.05)
    first = own["candidates"][0]
    assert (first["model"], first["state"], first["items_now"]) == ("Q2", "open", 200)
    assert other["candidates"][0]["items_if_equal"] > 3 * first["items_if_equal"]
    new = own["candidates"][-1]
    assert (new["model"], new["state"]) == ("new", "not measured")
    assert new["items_if_equal"] == pytest.approx(1000, rel=0.1)


def test_a_study_without_texts_is_planned_from_its_items(invoke, folder):
    path = folder / "analysis.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "fidelity": []}))
    plan = json.loads(invoke("plan", folder, "--json").stdout)
    assert plan["relation"] is None
    assert plan["candidates"][0]["items_if_equal"] > 200
    assert invoke("plan", folder, "--corpus", "w").code == 1


def test_an_analysis_that_is_not_one_is_refused(invoke, folder):
    (folder / "analysis.json").write_text("[1]")
    assert invoke("plan", folder).code == 1
    shown = invoke("plan", "--margin", "0.01", "--kld", "0.1", "--from", folder / "analysis.json")
    assert shown.code == 1
    assert "must hold a JSON object" in shown.stderr
    (folder / "analysis.json").write_text("{}")
    shown = invoke("plan", folder)
    assert shown.code == 1
    assert "decision is missing or damaged" in shown.stderr
