"""What the figures of the audit draw and say."""

from __future__ import annotations

import pytest

from silentzone.report.cohort import index
from silentzone.report.figures.best import best_and_pairs
from silentzone.report.figures.prompts import failed_prompts, router, signed_shift
from silentzone.report.figures.scores import fidelity_and_score, size_and_score
from silentzone.report.figures.variants import specification_curve
from silentzone.report.figures.widths import zone_widths


@pytest.fixture
def draw(analysis):
    """Make one figure from the analysis as the test left it."""

    def make(figure):
        found = figure(index(analysis))
        assert found is not None
        return found

    return make


def drawn(panel, field):
    """Data rows of a drawing that have a field, each once."""
    parts = panel.spec.get("vconcat", [panel.spec])
    layers = [layer for part in parts for layer in part.get("layer", [part])]
    sources = [*layers, *parts, panel.spec]
    found = [row for one in sources for row in (one.get("data") or {}).get("values", [])]
    return [row for i, row in enumerate(found) if field in row and row not in found[:i]]


def texts(panel):
    return f"{panel.title} {panel.detail} {panel.label}"


def test_every_definition_of_the_zone_has_its_drawing_with_n_at_every_width(draw):
    figure = draw(zone_widths)
    assert [panel.title for panel in figure.panels] == [
        "Equivalence within a margin", "Score within a band",
        "Score within a band of standard errors", "The share of lowest loss",
    ]  # fmt: skip
    rows = drawn(figure.panels[0], "width")
    assert [row["n"] for row in rows] == [2, 5, 8, 11, 13, 16]
    assert [row["is_default"] for row in rows].count(True) == 1


def test_intervals_by_width_are_turned_to_the_aligned_scale(draw, analysis):
    row = next(r for r in analysis["sensitivity"] if r["definition"] == "band" and r["n"] == 16)
    row.update(spearman=-0.7, aligned=0.7, interval=[-0.9, -0.2])
    last = drawn(draw(zone_widths).panels[1], "width")[-1]
    assert (last["rho"], last["lower"], last["upper"]) == (0.7, 0.2, 0.9)


def test_an_interval_of_a_metric_that_gains_is_not_turned(draw, analysis):
    row = next(r for r in analysis["sensitivity"] if r["definition"] == "band" and r["n"] == 16)
    row.update(spearman=0.7, aligned=0.7, interval=[0.2, 0.9])
    last = drawn(draw(zone_widths).panels[1], "width")[-1]
    assert (last["lower"], last["upper"]) == (0.2, 0.9)


def test_a_width_without_a_correlation_keeps_its_place_and_is_counted(draw):
    figure = draw(zone_widths)
    assert drawn(figure.panels[0], "width")[0]["rho"] is None
    assert figure.omitted[0].endswith("The share of lowest loss 1.")


def test_only_the_headline_metric_on_its_corpus_is_drawn_by_width(draw, analysis):
    other = {**analysis["sensitivity"][0], "metric": "js_mean", "width": 99.0}
    analysis["sensitivity"].append(other)
    assert 99.0 not in [row["width"] for row in drawn(draw(zone_widths).panels[0], "width")]


def test_variants_stand_in_the_order_of_aligned_rho_full_cohort_first(draw):
    figure = draw(specification_curve)
    assert [panel.title for panel in figure.panels] == ["Full cohort", "Equivalence zone"]
    for panel in figure.panels:
        rows = drawn(panel, "place")
        assert [row["rho"] for row in rows] == sorted(row["rho"] for row in rows)
        assert [row["place"] for row in rows] == list(range(1, 92))


def test_variants_that_stand_out_are_those_the_analysis_names(draw, analysis):
    summary = next(r for r in analysis["variant_summaries"] if r["zone"] == "equivalence")
    summary.update(escape=[{"metric": "js_mean", "corpus": "news"}], sentence="One of 92 escapes.")
    figure = draw(specification_curve)
    assert figure.panels[1].detail == "1 of 91 variants stand out, n = 8"
    looks = [row["look"] for row in drawn(figure.panels[1], "look")]
    assert (looks.count("stands out"), looks.count("headline")) == (1, 1)
    assert figure.said == ("One of 92 escapes.",)


def test_a_family_nobody_foresaw_gets_a_row_of_its_own(draw, analysis):
    for row in analysis["variants"][:3]:
        row["family"] = "as the table names it"
    strip = draw(specification_curve).panels[0].spec["vconcat"][1]
    assert strip["encoding"]["y"]["sort"][:2] == ["aggregation", "divergence"]
    assert len(strip["encoding"]["y"]["sort"]) == 6


def test_where_the_zone_has_no_variants_the_first_that_has_stands_in(draw, analysis):
    for row in analysis["variants"]:
        if row["zone"] == "equivalence":
            row["zone"] = "band_errors"
    assert draw(specification_curve).panels[1].title == "Error band zone"


def test_failed_shares_stand_beside_each_other_on_one_scale_with_their_aurocs(draw, analysis):
    first = analysis["prompts"][0]["predictors"]
    first[0]["auroc"].update(value=0.621, interval=[0.6, 0.65])
    figure = draw(failed_prompts)
    assert len(figure.panels) == 6
    by_kld, by_confidence = figure.panels[:2]
    assert by_kld.detail == "AUROC 0.62 [0.60, 0.65]"
    assert by_confidence.title == "piqa, the reference's confidence"
    domains = [
        layer["encoding"]["y"]["scale"]["domain"]
        for panel in (by_kld, by_confidence)
        for layer in panel.spec["layer"]
    ]
    assert all(domain == domains[0] for domain in domains)


def test_a_bin_without_an_end_is_left_out(draw, analysis):
    bins = analysis["prompts"][0]["predictors"][0]["calibration"]
    bins[-1]["high"] = None
    rows = drawn(draw(failed_prompts).panels[0], "low")
    assert len(rows) == 4
    assert all(row["low"] < row["middle"] < row["high"] for row in rows)


def test_the_level_without_a_predictor_counts_answers_not_items(draw, analysis):
    analysis["prompts"][0].update(n_items=100, n_failed=320, n_passed=5680)
    (level,) = drawn(draw(failed_prompts).panels[0], "level")
    assert level["level"] == pytest.approx(100 * 320 / 6000)


def test_the_caption_says_that_divergence_is_ranked_within_each_candidate(draw):
    assert "ranked within each candidate" in draw(failed_prompts).caption


def test_the_confidence_falls_to_the_right(draw):
    scale = draw(failed_prompts).panels[1].spec["layer"][1]["encoding"]["x"]["scale"]
    assert scale["reverse"] is True
    assert "from 1.5 % in the least suspect bin to 25.5 %" in draw(failed_prompts).panels[1].label


def test_prompts_of_single_candidates_are_in_the_table_only(draw, analysis):
    analysis["prompts"] = [row for row in analysis["prompts"] if row["model"] != "all"]
    assert failed_prompts(index(analysis)) is None


def test_rules_of_the_router_are_drawn_beside_the_coin_all_benchmarks_first(draw):
    figure = draw(router)
    rows = drawn(figure.panels[0], "rule")
    assert rows[0]["group"] == "all benchmarks"
    assert len(rows) == 12
    assert drawn(figure.panels[0], "coin") == [{"coin": 50}]
    assert figure.key[0].text == "the lower KLD on this prompt"
    assert figure.omitted == ("Not drawn because models never disagree there: rules 4.",)


def test_the_router_table_names_what_the_lower_kld_is_held_against(draw):
    headers = draw(router).table.headers
    assert "lower KLD minus higher confidence" in headers


def test_without_any_accuracy_the_router_has_numbers_but_no_drawing(draw, analysis):
    analysis["router"] = analysis["router"][3:]
    figure = draw(router)
    assert figure.panels == ()
    assert len(figure.table.rows) == 1


def test_predictors_have_a_line_each_by_number_of_items_in_both_zones(draw):
    figure = draw(signed_shift)
    assert [panel.title for panel in figure.panels] == [
        "Composite, full cohort",
        "Composite, equivalence zone",
    ]
    rows = drawn(figure.panels[0], "predictor")
    assert len(rows) == 19
    assert len({row["predictor"] for row in rows}) == 4
    assert figure.said[0].endswith("about as well as 800 items of net itself do.")


def test_a_predictor_keeps_its_look_where_another_is_missing(draw, analysis):
    analysis["signed_shift"] = [
        row
        for row in analysis["signed_shift"]
        if (row["zone"], row["predictor"]) != ("equivalence", "signed_shift")
    ]
    scales = [
        panel.spec["layer"][3]["encoding"]["color"]["scale"] for panel in draw(signed_shift).panels
    ]
    assert scales[0] == scales[1]
    assert scales[0]["domain"][0] == "signed_shift"


def test_the_best_set_and_the_pairs_share_the_order_of_the_composite(draw, analysis):
    figure = draw(best_and_pairs)
    left = [row["label"] for row in drawn(figure.panels[0], "label")]
    right = list(dict.fromkeys(figure.panels[1].spec["layer"][0]["encoding"]["y"]["sort"]))
    assert right == [f"{label} · {place}" for place, label in enumerate(left, start=1)]
    score = {
        r["model"]: r["score"]["value"] for r in analysis["scores"] if r["benchmark"] == "composite"
    }
    assert [score[name] for name in left] == sorted((score[n] for n in left), reverse=True)


@pytest.fixture
def easier_items(analysis):
    """Let the weakest candidate be scored on easier items; its difference stays what it was."""
    mine = [r for r in analysis["scores"] if r["benchmark"] == "composite" and r["model"] != "F16"]
    worst = min(mine, key=lambda row: row["score"]["value"])
    worst["score"]["value"] = 0.99
    return worst["model"]


def test_a_score_over_easier_items_does_not_lift_a_model_in_the_order(draw, easier_items):
    labels = [row["label"] for row in drawn(draw(best_and_pairs).panels[0], "label")]
    assert labels[-1] == easier_items


@pytest.mark.parametrize("figure", [size_and_score, fidelity_and_score])
def test_a_model_drawn_at_a_score_over_other_items_is_named(draw, figure, easier_items):
    assert f"over other items than the reference's: {easier_items}. " in draw(figure).caption


@pytest.mark.parametrize("figure", [size_and_score, fidelity_and_score])
def test_nothing_is_said_of_other_items_where_all_answered_the_same(draw, figure):
    assert "other items" not in draw(figure).caption


def test_each_pair_is_seen_from_both_sides(draw, analysis):
    analysis["decision"]["pairs"] = [
        {"first": "Q8_0", "second": "Q6_K", "difference": {"value": 0.02}, "pvalue": 0.01,
         "pvalue_holm": 0.02, "is_distinguishable": True},
        {"first": "Q8_0", "second": "Q5_1", "difference": {"value": 0.01}, "pvalue": 0.2,
         "pvalue_holm": 0.3, "is_distinguishable": False},
        {"first": "Q6_K", "second": "Q5_1", "difference": {"value": None}, "pvalue": None,
         "pvalue_holm": None, "is_distinguishable": None},
    ]  # fmt: skip
    panel = draw(best_and_pairs).panels[1]
    states = sorted((row["row"].split(" ")[0], row["state"]) for row in drawn(panel, "state"))
    assert states == [
        ("Q5_1", "open"), ("Q5_1", "unknown"), ("Q6_K", "unknown"), ("Q6_K", "worse"),
        ("Q8_0", "better"), ("Q8_0", "open"),
    ]  # fmt: skip
    assert panel.title == "1 of 3 pairs can be told apart"
    assert "1 were not compared" in panel.label


def test_a_pair_of_models_nobody_knows_is_not_drawn(draw, analysis):
    analysis["decision"]["pairs"][0]["first"] = "a stranger"
    assert "119 pairs" in draw(best_and_pairs).panels[1].title


def test_the_pick_is_seen_wherever_it_stands(draw, analysis):
    looks = {row["label"]: row["look"] for row in drawn(draw(best_and_pairs).panels[0], "look")}
    assert looks[analysis["decision"]["pick"]] == "pick"


@pytest.mark.parametrize(
    ("section", "figure"),
    [
        ("sensitivity", zone_widths),
        ("variants", specification_curve),
        ("prompts", failed_prompts),
        ("router", router),
        ("signed_shift", signed_shift),
    ],
)
def test_an_empty_section_draws_nothing(analysis, section, figure):
    analysis[section] = []
    assert figure(index(analysis)) is None


def test_the_size_plot_says_what_the_reference_changes_by_itself(analysis, draw):
    name = analysis["reference"]["name"]
    rows = [row for row in analysis["scores"] if row["model"] == name and row["churn_floor"]]
    rows[0]["churn_floor"].update(value=0.25)
    rows[1]["churn_floor"].update(value=None, cautions=["nothing changed in 4 items"])
    (sentence,) = draw(size_and_score).said
    assert f"{rows[0]['benchmark']} 25.0 %" in sentence
    assert f"{rows[1]['benchmark']} nothing changed in 4 items" in sentence
    for row in analysis["scores"]:
        row["churn_floor"] = None
    assert draw(size_and_score).said == ()
