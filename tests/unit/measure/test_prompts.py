"""Divergences along the choices of items, against the float64 oracle on the engine's logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.measure.test_items import ITEMS_ASKED, _ignore

from silentzone.backends.base import ContinuationRequest, EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.errors import MeasurementError
from silentzone.measure.item_trace import ItemTraceRun
from silentzone.measure.items import measure_items, tokenize_items
from silentzone.measure.prompts import ItemComparison
from silentzone.measure.protocol import item_trace_key, prompts_key
from silentzone.metrics import divergence as oracle
from silentzone.records.tables import POSITION_METRICS, PROMPTS

INFO = ENGINE.describe(EngineSettings(threads=1))
FITS = 64
SHARE = "silentzone.measure.trace_rows._LARGEST_REBUILD_SHARE"


@pytest.fixture
def trace(folder, fake, benchmark):
    """Keep the reference's rows along the items; keywords say how it is asked."""

    def keep(reference=None, *, items=ITEMS_ASKED, context=FITS, head=True, name="own"):
        reference = reference or fake()
        key = item_trace_key(fake().model, benchmark(), INFO)
        used = fake()._head if head else None
        with ItemTraceRun(fake().model, used, folder, name, key) as run:
            columns = measure_items(reference, items, "raw", context, _ignore, run)
        return folder.item_trace(name), columns

    return keep


def _compare(candidate, trace, head, *, items=ITEMS_ASKED, context=FITS):
    comparison = ItemComparison(trace, head, items)
    columns = measure_items(candidate, items, "raw", context, _ignore, comparison)
    return comparison.table(), columns


def _logits(model, items=ITEMS_ASKED):
    """Logits of every continuation that is asked, by the engine itself."""
    tokenized = tokenize_items(model, items, FITS)
    return {
        (item, part.continuation): (entry.continuations[part.continuation], part.logits_NV)
        for item, entry in enumerate(tokenized)
        if entry.status == "ok"
        for part in model.continuation_logits(
            [ContinuationRequest(entry.prompt, entry.continuations)]
        )
    }


@pytest.fixture(params=["hidden", "logits"])
def measured(request, trace, fake, monkeypatch):
    # which of the two is stored depends on the time a decode takes
    monkeypatch.setattr(SHARE, np.inf if request.param == "hidden" else -1.0)
    stored, scores = trace()
    assert stored.form == request.param
    columns, own = _compare(fake("quant", noise=0.3), stored, fake()._head)
    return {"trace": stored, "columns": columns, "scores": own, "reference scores": scores}


def test_every_value_is_the_oracles_on_the_engines_logits(measured, fake):
    columns = measured["columns"]
    reference, candidate = _logits(fake()), _logits(fake("quant", noise=0.3))
    row = 0
    for (item, choice), (tokens, reference_NV) in reference.items():
        p = oracle.log_softmax(reference_NV)
        q = oracle.log_softmax(candidate[item, choice][1])
        rows = slice(row, row + len(tokens))
        at = np.arange(len(tokens))
        assert columns["item_id"][rows] == [ITEMS_ASKED[item].item_id] * len(tokens)
        assert columns["choice"][rows].tolist() == [choice] * len(tokens)
        assert columns["position"][rows].tolist() == at.tolist()
        assert columns["token_id"][rows].tolist() == tokens.tolist()
        expected = {
            "kl_divergence": oracle.kl_divergence(p, q),
            "reverse_kl_divergence": oracle.kl_divergence(q, p),
            "js_divergence": oracle.js_divergence(p, q),
            "total_variation": oracle.total_variation(p, q),
            "reference_nll": -p[at, tokens],
            "candidate_nll": -q[at, tokens],
            "delta_p": np.exp(q[at, tokens]) - np.exp(p[at, tokens]),
            "reference_entropy": -(np.exp(p) * p).sum(axis=1),
            "candidate_entropy": -(np.exp(q) * q).sum(axis=1),
            "reference_top1_probability": np.exp(p.max(axis=1)),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(columns[name][rows], values, rtol=2e-5, atol=2e-5)
        assert (columns["top1_match"][rows] == (p.argmax(1) == q.argmax(1))).all()
        row += len(tokens)
    assert row == len(columns["status"])
    assert set(columns["status"]) == {"ok"}


def test_an_item_without_a_score_has_no_rows(measured):
    assert measured["scores"]["status"] == ["ok", "ok", "too_long", "ok"]
    assert set(measured["columns"]["item_id"]) == {"a", "b", "d"}
    assert measured["trace"].item.tolist() == [0, 0, 1, 1, 1, 3, 3]
    assert measured["trace"].choice.tolist() == [0, 1, 0, 1, 2, 0, 1]


def test_looking_on_changes_no_score(measured, fake):
    alone = measure_items(fake("quant", noise=0.3), ITEMS_ASKED, "raw", FITS, _ignore)
    assert measured["scores"] == alone
    assert measured["reference scores"] == measure_items(fake(), ITEMS_ASKED, "raw", FITS, _ignore)


def test_the_tokens_of_a_choice_add_up_to_its_log_likelihood(measured):
    columns, scores = measured["columns"], measured["scores"]
    ids = np.array(columns["item_id"])
    for item in (0, 1, 3):
        sums = scores["choice_log_likelihoods"][item]
        for choice, expected in enumerate(sums):
            own = (ids == ITEMS_ASKED[item].item_id) & (columns["choice"] == choice)
            found = -columns["candidate_nll"][own].sum()
            assert found == pytest.approx(expected, abs=1e-4)


def test_the_reference_is_at_no_distance_from_itself(measured, fake):
    columns, _ = _compare(fake(), measured["trace"], fake()._head)
    assert columns["kl_divergence"].max() < 1e-11
    assert columns["top1_match"].all()


def test_the_columns_are_those_of_the_table(measured, folder, fake, benchmark):
    key = prompts_key(fake("quant", noise=0.3).model, fake().model, benchmark(), INFO)
    folder.write_table(PROMPTS, "own", "quant", measured["columns"], key)
    assert folder.read_table(PROMPTS, "own", "quant").n_rows == len(measured["columns"]["status"])


@pytest.mark.parametrize("rows", [1, 3])
def test_a_long_choice_is_rebuilt_piece_by_piece(measured, fake, monkeypatch, rows):
    monkeypatch.setattr("silentzone.measure.trace_rows._BLOCK_ROWS", rows)
    columns, _ = _compare(fake("quant", noise=0.3), measured["trace"], fake()._head)
    for name, values in columns.items():
        if name in POSITION_METRICS:
            np.testing.assert_allclose(values, measured["columns"][name], atol=2e-5)
        else:
            assert list(values) == list(measured["columns"][name])


def test_the_trace_says_how_well_it_rebuilds(trace, monkeypatch):
    monkeypatch.setattr(SHARE, np.inf)
    stored, _ = trace()
    assert stored.rebuild_error["positions"] == len(stored.rows)
    assert stored.rebuild_error["self_kld_max"] < 1e-9
    assert stored.header["items"] == 3


def test_stored_states_need_the_head(trace, monkeypatch):
    monkeypatch.setattr(SHARE, np.inf)
    with pytest.raises(MeasurementError, match="output head cannot be read"):
        ItemComparison(trace()[0], None, ITEMS_ASKED)


def test_without_a_known_head_logits_are_stored(trace, fake):
    stored, _ = trace(head=False)
    assert stored.form == "logits"
    columns, _ = _compare(fake(), stored, None)
    assert columns["kl_divergence"].max() < 1e-11


def test_logits_that_would_fill_the_disk_are_not_stored(trace, folder, monkeypatch):
    monkeypatch.setattr("silentzone.measure.item_trace.LARGEST_LOGITS_BYTES", 10_000)
    with pytest.raises(MeasurementError, match=r"would take [\d,]+ bytes.*no exact form") as caught:
        trace(head=False)
    assert "divergence = false" in (caught.value.hint or "")
    assert not (folder.root / "item_traces").exists()


class Changed:
    """A fake model whose continuations pass through a function."""

    def __init__(self, model, change):
        self._model, self._change = model, change
        self.tokenize, self.model = model.tokenize, model.model

    def continuation_logits(self, requests, **options):
        for part in self._model.continuation_logits(requests, **options):
            changed = self._change(part)
            if changed is None:
                return
            yield changed


def _nan_at(request, continuation, row):
    def change(part):
        if (part.request, part.continuation) == (request, continuation):
            logits = part.logits_NV.copy()
            logits[row, 3] = np.nan
            hidden = None
            if part.hidden_ND is not None:
                hidden = part.hidden_ND.copy()
                hidden[row] = np.inf
            return replace(part, logits_NV=logits, hidden_ND=hidden)
        return part

    return change


@pytest.mark.parametrize("who", ["reference", "candidate"])
def test_a_row_that_is_not_finite_is_null_and_costs_no_other(trace, fake, measured, who):
    quant = fake("quant", noise=0.3)
    change = _nan_at(1, 2, 1)
    if who == "reference":
        bad: Any = Changed(fake(), change)
        stored, scores = trace(bad, name="again")
        assert scores["status"] == ["ok", "non_finite", "too_long", "ok"]
        columns, _ = _compare(quant, stored, fake()._head)
    else:
        bad = Changed(quant, change)
        columns, scores = _compare(bad, measured["trace"], fake()._head)
        assert scores["status"][1] == "non_finite"
    found = [k for k, status in enumerate(columns["status"]) if status != "ok"]
    assert [columns["status"][k] for k in found] == ["non_finite"]
    (row,) = found
    place = [columns[name][row] for name in ("item_id", "choice", "position")]
    assert place == ["b", 2, 1]
    for name in POSITION_METRICS:
        mask = np.ma.getmaskarray(columns[name])
        assert mask.nonzero()[0].tolist() == [row]
        kept = ~mask
        np.testing.assert_allclose(
            columns[name][kept].astype(float),
            measured["columns"][name][kept].astype(float),
            atol=1e-6,
        )


def test_the_first_item_may_be_the_one_that_is_not_finite(trace, fake, monkeypatch):
    monkeypatch.setattr(SHARE, np.inf)
    bad: Any = Changed(fake(), _nan_at(0, 0, 0))
    stored, _ = trace(bad)
    assert stored.form == "hidden"
    columns, _ = _compare(fake(), stored, fake()._head)
    assert [k for k, status in enumerate(columns["status"]) if status != "ok"] == [0]
    assert columns["kl_divergence"].max() < 1e-11


def test_an_item_the_reference_was_not_asked_has_rows_without_values(trace, fake):
    stored, scores = trace(context=1 + len("one two three"))
    assert scores["status"] == ["too_long", "too_long", "too_long", "ok"]
    columns, _ = _compare(fake("quant", noise=0.3), stored, fake()._head)
    status = dict(zip(columns["item_id"], columns["status"], strict=True))
    assert status == {"a": "no_reference", "b": "no_reference", "d": "ok"}
    is_there = ~np.ma.getmaskarray(columns["kl_divergence"])
    assert is_there.tolist() == [one == "ok" for one in columns["status"]]
    own = np.array(columns["item_id"]) == "b"
    assert bytes(columns["token_id"][own].tolist()) == b" blue dry old"


def test_an_item_only_the_reference_was_asked_has_no_rows(measured, fake):
    context = 1 + len("one two three")
    columns, _ = _compare(
        fake("quant", noise=0.3), measured["trace"], fake()._head, context=context
    )
    assert set(columns["item_id"]) == {"d"}
    own = np.array(measured["columns"]["item_id"]) == "d"
    np.testing.assert_allclose(
        columns["kl_divergence"], measured["columns"]["kl_divergence"][own], rtol=1e-5, atol=1e-6
    )


def test_other_tokens_than_the_references_are_refused(measured, fake):
    other = (replace(ITEMS_ASKED[0], choices=(" honey", " wix")), *ITEMS_ASKED[1:])
    with pytest.raises(MeasurementError, match="the choices of item `a` have other tokens"):
        _compare(fake("quant", noise=0.3), measured["trace"], fake()._head, items=other)


def _stops(part):
    return part if part.request < 2 else None


def test_an_engine_that_stops_early_leaves_no_trace_and_no_table(trace, folder, fake, measured):
    stops: Any = Changed(fake(), _stops)
    with pytest.raises(MeasurementError, match="the engine gave 5 of 7 continuations"):
        trace(stops, name="again")
    assert not (folder.root / "item_traces" / "again").exists()
    assert not [path for path in (folder.root / "item_traces").iterdir() if path.name != "own"]
    with pytest.raises(MeasurementError, match="the engine gave 5 of 7 continuations"):
        _compare(stops, measured["trace"], fake()._head)


def test_without_an_item_that_can_be_asked_there_is_nothing_to_compare(trace):
    with pytest.raises(MeasurementError, match="no item of benchmark `own` can be asked"):
        trace(items=(ITEMS_ASKED[2],))


def test_a_candidate_that_is_asked_nothing_has_an_empty_table(measured, folder, fake, benchmark):
    columns, _ = _compare(fake(), measured["trace"], fake()._head, context=2)
    key = prompts_key(fake().model, fake().model, benchmark(), INFO)
    folder.write_table(PROMPTS, "own", "quant", columns, key)
    assert folder.read_table(PROMPTS, "own", "quant").n_rows == 0
