"""Items asked of a fake model, against sums computed by hand, and asked again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.measure.conftest import log_probs

from silentzone.backends.base import BatchSplit
from silentzone.benchmarks.registry import load_choices
from silentzone.errors import BenchmarkError
from silentzone.measure.items import (
    ask_items,
    load_items,
    measure_churn,
    measure_items,
    tokenize_items,
)
from silentzone.records.items import BenchmarkRef, ChoiceItem
from silentzone.records.parts import PartKey
from silentzone.records.tables import CHURN, ITEMS


def _item(name="i0", prompt="bees make", choices=(" honey", " wax"), gold=0, **fields):
    lengths = tuple(len(choice) - 1 for choice in choices)
    return ChoiceItem(
        item_id=name, prompt=prompt, choices=choices, gold=gold, lengths=lengths, **fields
    )


ITEMS_ASKED = (
    _item("a"),
    _item("b", "the sea is", (" blue", " dry", " old"), 1, cluster_id="sea"),
    _item("long", "x" * 70, (" y", " z"), 0),
    _item("d", "one two", (" three", " nine"), 1),
)


def _ignore(_):
    return None


def _sum_by_hand(model, prompt, choice):
    """Sum of ln P over the choice's bytes after BOS and the prompt, the fake's formula again."""
    tokens = [256, *prompt.encode(), *choice.encode()]
    weight = model._head.weight_VD.astype(np.float64)
    total = 0.0
    for at in range(len(tokens) - len(choice.encode()), len(tokens)):
        hidden = sum(
            model._embedding[tokens[at - 1 - back]] / (1 + back)
            for back in range(3)
            if at - 1 - back >= 0
        )
        total += log_probs(weight @ np.asarray(hidden, np.float32))[tokens[at]]
    return total


@pytest.fixture
def measured(fake):
    model = fake(noise=0.3)
    told: list[int] = []
    columns = measure_items(model, ITEMS_ASKED, "normalized", 64, told.append)
    return model, columns, told


def test_log_likelihoods_are_sums_over_the_choice_after_the_prompt(measured):
    model, columns, _ = measured
    for row in (0, 1, 3):
        item = ITEMS_ASKED[row]
        expected = [_sum_by_hand(model, item.prompt, choice) for choice in item.choices]
        assert columns["choice_log_likelihoods"][row] == pytest.approx(expected, abs=1e-4)
        normalized = np.array(expected) / item.lengths
        best = int(normalized.argmax())
        assert columns["prediction"][row] == str(best)
        assert columns["score"][row] == columns["score_normalized"][row] == (best == item.gold)
        assert columns["score_raw"][row] == (int(np.argmax(expected)) == item.gold)
        others = np.delete(normalized, item.gold).max()
        assert columns["margin"][row] == pytest.approx(normalized[item.gold] - others, abs=1e-4)


def test_every_item_has_a_row_that_says_what_was_asked(measured):
    _, columns, _ = measured
    assert columns["item_id"] == ["a", "b", "long", "d"]
    assert columns["cluster_id"] == [None, "sea", None, None]
    assert columns["target"] == ["0", "1", "0", "1"]
    assert columns["repeat"] == [0, 0, 0, 0]
    assert columns["prompt_tokens"][0] == 1 + len("bees make")
    assert columns["choice_tokens"][1] == len(" blue dry old")
    assert len(set(columns["prompt_sha256"])) == 4


def test_an_item_that_does_not_fit_the_context_is_not_scored_as_wrong(measured):
    _, columns, _ = measured
    assert columns["status"] == ["ok", "ok", "too_long", "ok"]
    for name in ("score", "prediction", "choice_log_likelihoods", "margin", "prompt_tokens"):
        assert columns[name][2] is None


def test_progress_counts_items(measured):
    _, _, told = measured
    assert told[-1] == 4
    assert told == sorted(told)


def test_shared_prompts_give_the_sums_of_separate_prompts(fake):
    model = fake()

    class Separate:
        tokenize = staticmethod(model.tokenize)

        def continuation_logits(self, requests, **options):
            return model.continuation_logits(requests, share_prompts=False, **options)

    separate_engine: Any = Separate()
    tokenized = tokenize_items(model, ITEMS_ASKED, 64)
    _, shared = ask_items(model, ITEMS_ASKED, tokenized, "raw")
    _, separate = ask_items(separate_engine, ITEMS_ASKED, tokenized, "raw")
    assert shared == separate
    assert shared[2] is None


def test_another_split_changes_the_sums_a_little(fake):
    model = fake()
    tokenized = tokenize_items(model, ITEMS_ASKED, 64)
    _, ordinary = ask_items(model, ITEMS_ASKED, tokenized, "raw")
    _, again = ask_items(
        model, ITEMS_ASKED, tokenized, "raw", split=BatchSplit(tokens_per_call=100)
    )
    assert ordinary[0] != again[0]
    assert ordinary[0] == pytest.approx(again[0], abs=1e-2)


def test_logits_that_are_not_finite_give_no_score(fake):
    model = fake()

    class Bad:
        tokenize = staticmethod(model.tokenize)

        def continuation_logits(self, requests, **options):
            for part in model.continuation_logits(requests, **options):
                if (part.request, part.continuation) == (1, 2):
                    part.logits_NV[0, 0] = np.nan
                yield part

    bad: Any = Bad()
    columns = measure_items(bad, ITEMS_ASKED, "raw", 64, _ignore)
    assert columns["status"] == ["ok", "non_finite", "too_long", "ok"]
    assert columns["score"][1] is None
    assert columns["choice_log_likelihoods"][1] is None


def _stored(folder, columns):
    folder.write_table(ITEMS, "own", "ref", columns, PartKey.of("items", a=1))
    return folder.read_table(ITEMS, "own", "ref")


def test_columns_fit_their_table(measured, folder):
    _, columns, _ = measured
    assert _stored(folder, columns).n_rows == 4


def test_churn_lays_the_second_answers_beside_the_first(measured, folder):
    model, columns, _ = measured
    table = _stored(folder, columns)
    churn = measure_churn(model, ITEMS_ASKED, "normalized", 64, table, 8)
    assert churn["item_id"] == ["a", "b", "d", "a", "d"]
    assert churn["perturbation"] == ["uneven_batch"] * 3 + ["token_by_token"] * 2
    first = dict(zip(columns["item_id"], columns["prediction"], strict=True))
    assert churn["prediction"] == [first[name] for name in churn["item_id"]]
    assert churn["score"] == [
        float(dict(zip(columns["item_id"], columns["score"], strict=True))[name])
        for name in churn["item_id"]
    ]
    folder.write_table(CHURN, "own", "ref", churn, PartKey.of("churn", a=1))


def test_churn_sees_an_answer_that_flips(fake, folder):
    """The two choices are told apart by less than the split changes."""
    model = fake()
    stored = _stored(folder, measure_items(model, ITEMS_ASKED, "raw", 64, _ignore))

    class Flips:
        tokenize = staticmethod(model.tokenize)

        def continuation_logits(self, requests, *, with_hidden, split):
            assert split.tokens_per_call in {1, 100}
            assert not with_hidden
            for part in model.continuation_logits(requests, split=split):
                yield replace(part, logits_NV=-part.logits_NV)

    flips: Any = Flips()
    churn = measure_churn(flips, ITEMS_ASKED, "raw", 64, stored, 3)
    assert churn["prediction_again"] != churn["prediction"]
    assert all(value in {0.0, 1.0} for value in churn["score_again"])


def test_churn_of_a_benchmark_without_a_scored_item_is_empty(fake, folder):
    model = fake()
    only_long = (ITEMS_ASKED[2],)
    stored = _stored(folder, measure_items(model, only_long, "raw", 64, _ignore))
    assert measure_churn(model, only_long, "raw", 64, stored, 8)["item_id"] == []


def test_items_that_changed_while_the_study_ran_are_refused(tmp_path, benchmark):
    line = {"item_id": "a", "prompt": "p", "choices": ["x", "y"], "target": 0}
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(line), "utf-8")
    ref, items = load_choices(benchmark(path=str(path), headline="raw").source)
    job = benchmark(path=str(path), headline="raw", items_sha256=ref.items_sha256)
    assert load_items(job) == items
    path.write_text(json.dumps({**line, "target": 1}), "utf-8")
    with pytest.raises(BenchmarkError, match="the items of benchmark `own` changed"):
        load_items(job)


@pytest.mark.parametrize(
    "change",
    [
        {"item_id": "z"},
        {"prompt": "q"},
        {"choices": (" x", " y")},
        {"gold": 1},
        {"lengths": (1, 1)},
        {"cluster_id": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_stored_or_scored_of_an_item_is_part_of_its_identity(change):
    def identity(item):
        return BenchmarkRef.of(
            [item], name="n", description="", source="", licence="", headline="raw"
        ).items_sha256

    assert identity(replace(_item(), **change)) != identity(_item())
