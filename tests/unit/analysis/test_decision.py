# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from silentzone.analysis.contenders import Contender, DecisionRule, rule_of
from silentzone.analysis.decision import decide
from silentzone.analysis.outlook import points
from silentzone.analysis.scores import CompositeDifference
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import null_estimate
from silentzone.stats.paired import Decomposition, decompose
from silentzone.stats.results import Estimate

RULE = DecisionRule(margin=0.02, guard_margin=0.05, alpha=0.025, memory_budget_bytes=None)


def contender(name: str, size: int | None, *, harm: int, gain: int, n: int = 4000, memory=None):
    reference = np.concatenate([np.ones(harm), np.zeros(gain), np.ones(n - harm - gain)])
    candidate = np.concatenate([np.zeros(harm), np.ones(gain), np.ones(n - harm - gain)])
    part = decompose(reference, candidate, ClusterPartition.singletons(n, unit="item"))
    composite = CompositeDifference(
        net=part.net,
        degrees_of_freedom=n - 1,
        volume=part.volume,
        direction=part.direction,
        n_items=n,
    )
    return Contender(
        name=name, file_bytes=size, memory_bytes=memory, composite=composite, guards={"b": part}
    )


def _fields():
    return {name: getattr(RULE, name) for name in RULE.__slots__}


GOOD, FAIR, BAD = (
    contender("good", 300, harm=20, gain=20),
    contender("fair", 200, harm=40, gain=30),
    contender("bad", 100, harm=400, gain=20),
)


def test_the_smallest_that_passes_is_picked_and_the_sequence_stops_at_the_first_failure():
    decision = decide([BAD, GOOD, FAIR], RULE)
    assert [step["model"] for step in decision["steps"]] == ["good", "fair", "bad"]
    assert decision["pick"] == "fair"
    assert decision["sentence"].startswith("Ship fair:")


def test_a_smaller_candidate_after_a_failure_is_not_tested():
    tiny = contender("tiny", 50, harm=0, gain=0)
    decision = decide([BAD, GOOD, tiny], RULE)
    assert decision["pick"] == "good"
    assert [step["model"] for step in decision["steps"]] == ["good", "bad"]
    last = decision["undecided"][-1]
    assert last["model"] == "tiny"
    assert "the sequence stopped at bad" in last["why"]


def test_a_candidate_shown_to_be_worse_needs_no_more_items():
    row = decide([BAD], RULE)["undecided"][0]
    assert row["items_needed"] is None
    margin = "the margin of 2 points on the composite (unadjusted)"
    assert f"shown to be worse by more than {margin}" in row["why"]


def test_a_benchmark_shown_worse_is_named_with_its_guard_margin():
    collapsed = contender("x", 100, harm=400, gain=0)
    hidden = Contender(
        name="x",
        file_bytes=100,
        memory_bytes=None,
        composite=GOOD.composite,
        guards=collapsed.guards,
    )
    why = decide([hidden], RULE)["undecided"][0]["why"]
    assert "worse by more than the guard margin of 5 points on b (unadjusted)" in why


def test_more_items_are_promised_only_for_the_candidate_at_which_the_sequence_stopped():
    noisy = contender("noisy", 100, harm=20, gain=20, n=200)
    calm = contender("calm", 50, harm=5, gain=5, n=200)
    decision = decide([noisy, calm], RULE)
    first, later = decision["undecided"]
    assert "noisy if it truly equals the reference" in decision["sentence"]
    assert "calm" not in decision["sentence"]
    assert f"About {first['items_needed'] - 200} more items" in decision["sentence"]
    assert "only if" not in first["why"]
    assert "only if every larger candidate passes" in later["why"]
    assert "entry says" not in decision["sentence"]


def test_behind_a_candidate_shown_to_be_worse_no_items_help():
    noisy = contender("noisy", 50, harm=20, gain=20, n=200)
    decision = decide([BAD, noisy], RULE)
    assert [row["items_needed"] for row in decision["undecided"]] == [None, None]
    assert "more items will not move it" in decision["undecided"][1]["why"]
    assert "The sequence stopped at bad, which is shown to be worse" in decision["sentence"]
    assert "more items over" not in decision["sentence"]


def test_without_any_composite_no_decision_was_possible_and_the_reason_stands():
    bare = Contender(
        name="bare",
        file_bytes=900,
        memory_bytes=None,
        composite=None,
        guards={},
        why_no_composite="not measured on b",
    )
    assert "No decision was possible" in decide([bare], RULE)["sentence"]
    assert "bare: not measured on b" in decide([bare], RULE)["sentence"]
    sentence = decide([bare], RULE, why_impossible="no benchmark enters (b: too hard)")["sentence"]
    assert sentence == "No decision was possible: no benchmark enters (b: too hard)."


def test_a_bound_just_beyond_the_margin_is_not_printed_as_the_margin():
    noisy = contender("noisy", 100, harm=20, gain=20, n=200)
    loss = -decide([noisy], RULE)["steps"][0]["lower_bound"]
    rule = DecisionRule(**{**_fields(), "margin": loss * (1 - 1e-6)})
    reason = decide([noisy], rule)["steps"][0]["reason"]
    written, margin = (reason.split(where)[1].split(" points")[0] for where in (" by ", " of "))
    assert points(rule.margin) == points(loss)
    assert float(written) > float(margin)


def test_an_open_candidate_is_told_how_many_items_would_settle_it_and_under_what():
    noisy = contender("noisy", 100, harm=20, gain=20, n=200)
    decision = decide([noisy], RULE)
    row = decision["undecided"][0]
    error = noisy.composite.net.standard_error
    # The composite needs (z.975 + z.8)^2 (error / margin)^2 times the items.
    assert row["items_needed"] == pytest.approx(200 * (2.801585 * error / 0.02) ** 2, rel=0.01)
    assert "would give an 80 % chance" in row["why"]
    assert "if it truly equals the reference" in row["why"]
    assert decision["sentence"].startswith("No quant can be shown to be within 2 points")


def test_where_zero_would_have_been_shown_the_differences_seen_are_supposed():
    worse = contender("worse", 100, harm=75, gain=0)
    row = decide([worse], DecisionRule(**{**_fields(), "margin": 0.02}))["undecided"][0]
    assert row["items_needed"] > 4000
    assert "those seen" in row["why"]


def test_a_composite_does_not_hide_the_collapse_of_one_benchmark():
    collapsed = contender("x", 100, harm=400, gain=0)
    hidden = Contender(
        name="x",
        file_bytes=100,
        memory_bytes=None,
        composite=GOOD.composite,
        guards=collapsed.guards,
    )
    step = decide([hidden], RULE)["steps"][0]
    assert step["lower_bound"] > -RULE.margin
    assert step["passes"] is False
    assert "b may be worse" in step["reason"]


def test_only_what_fits_the_memory_is_tested_and_unknown_memory_does_not_fit():
    rule = DecisionRule(**{**_fields(), "memory_budget_bytes": 250})
    fits = contender("fits", 200, harm=20, gain=20, memory=250)
    large = contender("large", 300, harm=20, gain=20, memory=251)
    decision = decide([fits, large, FAIR], rule)
    assert decision["fits"] == ["fits"]
    assert decide([large], rule)["sentence"] == "No candidate is known to fit the memory budget."


def test_a_candidate_that_was_not_measured_is_passed_over_and_named():
    bare = Contender(name="bare", file_bytes=900, memory_bytes=None, composite=None, guards={})
    decision = decide([bare, GOOD], RULE)
    assert decision["pick"] == "good"
    assert [step["model"] for step in decision["steps"]] == ["good"]
    row = decision["undecided"][0]
    assert (row["model"], row["items_needed"]) == ("bare", None)
    assert "no composite" in row["why"]


def rule(**changes):
    return DecisionRule(**{**_fields(), **changes})


HOLM = {"method": "Holm"}


def test_holms_method_lets_no_broken_file_stop_a_smaller_good_one():
    broken = contender("broken", 250, harm=900, gain=10)
    tiny = contender("tiny", 50, harm=5, gain=5)
    assert decide([GOOD, broken, FAIR, tiny], RULE)["pick"] == "good"
    decision = decide([GOOD, broken, FAIR, tiny], rule(**HOLM))
    assert decision["method"] == "Holm"
    assert decision["pick"] == "tiny"
    assert [step["model"] for step in decision["steps"]] == ["good", "broken", "fair", "tiny"]
    assert [step["passes"] for step in decision["steps"]] == [True, False, True, True]
    assert [row["model"] for row in decision["undecided"]] == ["broken"]
    assert decision["sentence"].endswith("(Holm over 4).")


def test_holms_pvalue_is_the_largest_of_composite_and_guards_adjusted_over_candidates():
    collapsed = contender("x", 100, harm=400, gain=0)
    hidden = Contender(
        name="hidden",
        file_bytes=150,
        memory_bytes=None,
        composite=GOOD.composite,
        guards=collapsed.guards,
    )
    steps = decide([GOOD, hidden], rule(**HOLM))["steps"]
    assert steps[1]["pvalue"] == steps[1]["guards"][0]["pvalue"] > 0.5
    assert steps[0]["pvalue_holm"] == pytest.approx(2 * steps[0]["pvalue"])
    assert [step["passes"] for step in steps] == [True, False]


def test_what_is_shown_alone_but_not_among_many_says_so():
    # Just beyond the margin alone; not at a fifth of alpha.
    near = [contender(f"near{k}", 100 + k, harm=95, gain=60, n=4000) for k in range(5)]
    assert all(step["passes"] for step in decide(near, RULE)["steps"])
    decision = decide(near, rule(alpha=0.0015, **HOLM))
    single = decide(near[:1], rule(alpha=0.0015, **HOLM))
    assert single["steps"][0]["passes"]
    assert decision["pick"] is None
    assert "but not among 5 tested together (Holm p = " in decision["steps"][0]["reason"]
    assert "at alpha / 5 as 5 are open" in decision["undecided"][0]["why"]
    assert "(Holm, 5 open)" in decision["sentence"]


def test_a_budget_of_file_bytes_or_bits_leaves_out_what_is_above_it_or_unknown():
    sized = contender("sized", 200, harm=20, gain=20)
    large = contender("large", 201, harm=20, gain=20)
    unknown = contender("unknown", 0, harm=20, gain=20)
    decision = decide([large, sized, unknown], rule(file_bytes_budget=200))
    assert decision["fits"] == ["sized"]
    assert decision["unfit"] == [
        {"model": "large", "why": "its file size of 2.01e-07 GB is above the budget of 2e-07 GB"},
        {"model": "unknown", "why": "its file size is not known"},
    ]
    assert "Not known to fit, so not tested: unknown." in decision["sentence"]
    bits = rule(bits_per_weight_budget=4.5)
    assert decide([sized], bits)["sentence"] == (
        "No candidate is known to fit the bits per weight budget. Not known to fit, so not "
        "tested: sized."
    )
    within = [dataclasses.replace(sized, bits_per_weight=bits) for bits in (4.5, 4.6)]
    assert decide(within[:1], bits)["pick"] == "sized"
    assert "its bits per weight of 4.6 is above the budget of 4.5" in str(decide(within[1:], bits))


def test_every_budget_that_is_set_must_be_met():
    both = rule(file_bytes_budget=1000, memory_budget_bytes=250)
    fits = contender("fits", 200, harm=20, gain=20, memory=250)
    heavy = contender("heavy", 190, harm=20, gain=20, memory=251)
    assert decide([fits, heavy], both)["fits"] == ["fits"]
    assert "file size and memory budget" in decide([heavy], both)["sentence"]


def test_without_any_size_there_is_no_sequence_and_no_pick_but_all_that_is_shown():
    nameless = [contender(name, None, harm=20, gain=20) for name in ("a", "b")]
    decision = decide([*nameless, contender("c", None, harm=400, gain=0)], RULE)
    assert (decision["method"], decision["pick"]) == ("Holm", None)
    assert decision["sentence"].startswith("No size is known, so no smallest can be named")
    assert "a and b." in decision["sentence"]
    assert decision["undecided"][0]["model"] == "c"
    bad = decide([contender("c", None, harm=400, gain=0)], RULE)
    assert "No quant can be shown to lose less than 2 points" in bad["sentence"]


def test_bits_per_weight_order_what_has_no_file():
    one, other = (
        dataclasses.replace(contender(name, None, harm=20, gain=20), bits_per_weight=bits)
        for name, bits in (("small", 3.4), ("large", 8.5))
    )
    decision = decide([one, other], RULE)
    assert [step["model"] for step in decision["steps"]] == ["large", "small"]
    assert decision["pick"] == "small"


def test_a_candidate_of_unknown_size_has_no_place_in_the_sequence_and_is_never_picked():
    lost = contender("lost", None, harm=0, gain=0)
    decision = decide([GOOD, lost], RULE)
    assert [step["model"] for step in decision["steps"]] == ["good"]
    assert "its size is not known" in decision["undecided"][0]["why"]
    by_holm = decide([GOOD, lost], rule(**HOLM))
    assert by_holm["pick"] == "good"
    assert "Also shown, of unknown size: lost." in by_holm["sentence"]


def test_two_quiet_losses_do_not_prove_a_small_loss():
    # Wald's bound would claim it: 2 of 600 is a loss below 1 point by 1.96 of its own errors.
    quiet = contender("quiet", 100, harm=2, gain=0, n=600)
    strict = rule(margin=0.01, guard_margin=0.02)
    step = decide([quiet], strict)["steps"][0]
    assert not step["passes"]
    assert step["pvalue"] == pytest.approx(0.051, abs=0.001)


def test_a_rule_is_read_from_a_configuration_old_or_new():
    old = {"margin": 0.01, "guard_margin": 0.03, "alpha": 0.025, "memory_budget_gb": 24.0}
    assert rule_of(old) == DecisionRule(
        margin=0.01, guard_margin=0.03, alpha=0.025, memory_budget_bytes=24 * 10**9
    )
    new = {**old, "size_budget_gb": 1.5, "bits_per_weight_budget": 5, "method": "Holm"}
    assert rule_of(new).file_bytes_budget == 1_500_000_000
    assert (rule_of(new).bits_per_weight_budget, rule_of(new).method) == (5.0, "Holm")


def table_contender(name: str, value: float, error: float, n: int) -> Contender:
    """A candidate of which only scores with errors are known."""
    nothing = null_estimate("not known", "no items")
    net = Estimate(
        value=value, standard_error=error, interval=None, method="unpaired", n_observations=n,
        n_clusters=None,
    )  # fmt: skip
    part = Decomposition(n_items=n, harm=0, gain=0, volume=nothing, direction=nothing, net=net)
    composite = CompositeDifference(
        net=net, degrees_of_freedom=10**9, volume=nothing, direction=nothing, n_items=n
    )
    return Contender(
        name=name, file_bytes=10, memory_bytes=None, composite=composite, guards={"b": part}
    )


@pytest.mark.parametrize("n", [2000, 0])
def test_scores_without_items_are_tested_by_the_errors_given(n):
    step = decide([table_contender("x", 0.0, 0.01, n)], RULE)["steps"][0]
    assert step["lower_bound"] == pytest.approx(-0.0196, abs=1e-4)
    assert step["guards"][0]["lower_bound"] == pytest.approx(-0.0196, abs=1e-4)
    assert step["passes"]


def test_without_the_number_of_items_none_is_asked_for():
    row = decide([table_contender("x", 0.0, 0.03, 0)], RULE)["undecided"][0]
    assert row["items_needed"] is None
    assert "how many items are behind it is not known" in row["why"]
