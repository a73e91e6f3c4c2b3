"""The reference pass, the candidate pass and the floors, against values computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.unit.measure.conftest import TEXT, log_probs

from silentzone.backends.base import BatchSplit, EngineSettings, WindowLogits
from silentzone.backends.fake import ENGINE
from silentzone.errors import CorpusError, MeasurementError, NonFiniteLogitsError
from silentzone.measure import floors
from silentzone.measure.candidate import TraceReader, TraceTokens, measure_candidate
from silentzone.measure.floors import floor_steps, measure_floors
from silentzone.measure.perturbations import UNEVEN_TOKENS
from silentzone.measure.protocol import floors_key, tokens_key, trace_key
from silentzone.measure.reference import cut_corpus, write_trace
from silentzone.records.tables import FLOORS, POSITION_METRICS, TOKENS

INFO = ENGINE.describe(EngineSettings(threads=1))


def _ignore(*_):
    return None


def _head(fake):
    return fake._head


def _trace(folder, reference, job, *, head=True, on_window=_ignore):
    key = trace_key(reference.model, job, INFO)
    used = _head(reference) if head else None
    return write_trace(reference, used, folder, job, key, on_window)


def _by_hand(model, tokens):
    """Log-probabilities after each token of one window: the fake's formula, once more."""
    embedding, weight = model._embedding, model._head.weight_VD.astype(np.float64)
    rows = []
    for i in range(2, len(tokens)):
        hidden = sum(embedding[tokens[i - back]] / (1 + back) for back in range(3))
        rows.append(log_probs(weight @ hidden.astype(np.float32)))
    return dict(enumerate(rows, start=2))


@pytest.fixture
def measured(folder, fake, corpus):
    reference, candidate = fake(), fake("quant", noise=0.3)
    job = corpus()
    trace = _trace(folder, reference, job)
    steps = []
    reader = TraceReader(trace, _head(reference))
    columns = measure_candidate(
        candidate, reader, trace.window_count, lambda done, total: steps.append((done, total))
    )
    return {
        "reference": reference, "candidate": candidate, "job": job, "trace": trace,
        "columns": columns, "steps": steps, "folder": folder,
    }  # fmt: skip


def test_the_row_of_a_position_predicts_the_token_after_it(measured):
    columns = measured["columns"]
    text_tokens = np.concatenate(([256], np.frombuffer(TEXT.encode(), np.uint8))).astype(int)
    row = 0
    for window in range(5):
        tokens = text_tokens[16 * window : 16 * window + 16].copy()
        observed = tokens.copy()
        tokens[0] = 256  # decoded behind BOS, whatever the text has there
        p, q = (_by_hand(measured[name], tokens) for name in ("reference", "candidate"))
        for index in range(8, 15):
            token = observed[index + 1]
            assert columns["window"][row] == window
            assert columns["position"][row] == index + 1
            assert columns["token_id"][row] == token
            assert columns["reference_nll"][row] == pytest.approx(-p[index][token], abs=2e-5)
            assert columns["candidate_nll"][row] == pytest.approx(-q[index][token], abs=2e-5)
            kld = (np.exp(p[index]) * (p[index] - q[index])).sum()
            assert columns["kl_divergence"][row] == pytest.approx(kld, rel=1e-3, abs=1e-6)
            assert columns["top1_match"][row] == (p[index].argmax() == q[index].argmax())
            assert columns["delta_p"][row] == pytest.approx(
                np.exp(q[index][token]) - np.exp(p[index][token]), abs=1e-5
            )
            row += 1
    assert row == len(columns["position"]) == 5 * 7


def test_progress_is_told_window_by_window(measured):
    assert measured["steps"] == [(done, 5) for done in range(1, 6)]


def test_the_columns_are_those_of_the_table(measured):
    candidate, reference = measured["candidate"].model, measured["reference"].model
    key = tokens_key(candidate, reference, measured["job"], INFO)
    measured["folder"].write_table(TOKENS, "text", "quant", measured["columns"], key)
    table = measured["folder"].read_table(TOKENS, "text", "quant")
    assert table.n_rows == 35
    assert set(POSITION_METRICS) <= set(measured["columns"])
    _, is_known = table.integers("document")
    assert not is_known.any()


def test_the_reference_is_at_no_distance_from_itself(measured, fake):
    reader = TraceReader(measured["trace"], _head(measured["reference"]))
    columns = measure_candidate(fake(), reader, 5, _ignore)
    assert columns["kl_divergence"].max() < 1e-12
    assert columns["top1_match"].all()
    np.testing.assert_allclose(columns["candidate_nll"], columns["reference_nll"], atol=1e-5)


@pytest.mark.parametrize("is_rebuilt", [True, False])
def test_stored_states_and_stored_logits_give_the_same_values(
    folder, fake, corpus, measured, monkeypatch, is_rebuilt
):
    # which of the two is stored depends on the time a decode takes
    share = "silentzone.measure.trace_rows._LARGEST_REBUILD_SHARE"
    monkeypatch.setattr(share, np.inf if is_rebuilt else -1.0)
    job = corpus(name="again")
    trace = _trace(folder, measured["reference"], job)
    assert trace.form == ("hidden" if is_rebuilt else "logits")
    assert (trace.rebuild_error is None) == (not is_rebuilt)
    head = _head(measured["reference"]) if is_rebuilt else None
    columns = measure_candidate(measured["candidate"], TraceReader(trace, head), 5, _ignore)
    for name in POSITION_METRICS:
        np.testing.assert_allclose(
            columns[name].astype(float), measured["columns"][name].astype(float), atol=1e-6
        )


def test_without_a_known_head_logits_are_stored(folder, fake, corpus):
    trace = _trace(folder, fake(), corpus(), head=False)
    assert trace.form == "logits"
    assert "no exact form" in trace.header["form_reason"]
    columns = measure_candidate(fake(), TraceReader(trace, None), 5, _ignore)
    assert columns["kl_divergence"].max() < 1e-12


def test_a_head_that_does_not_rebuild_the_logits_is_not_used(folder, fake, corpus):
    reference, other = fake(), fake("other", noise=0.5)
    key = trace_key(reference.model, corpus(), INFO)
    trace = write_trace(reference, _head(other), folder, corpus(), key, _ignore)
    assert trace.form == "logits"
    assert "rebuild the logits only to" in trace.header["form_reason"]


def test_stored_states_need_the_head(folder, fake, corpus, monkeypatch):
    monkeypatch.setattr("silentzone.measure.trace_rows._LARGEST_REBUILD_SHARE", np.inf)
    trace = _trace(folder, fake(), corpus())
    with pytest.raises(MeasurementError, match="output head cannot be read"):
        TraceReader(trace, None)


def test_what_an_excluded_position_leaves_is_null_with_its_status(measured, fake):
    reader = TraceReader(measured["trace"], _head(measured["reference"]))
    columns = measure_candidate(fake("bad", noise=0.3, misbehave="nan"), reader, 5, _ignore)
    bad = np.flatnonzero(columns["status"] != "ok")
    assert bad.tolist() == [7 + 3]
    assert columns["status"][bad[0]] == "non_finite"
    for name in POSITION_METRICS:
        assert np.ma.getmaskarray(columns[name]).nonzero()[0].tolist() == bad.tolist(), name
    assert columns["kl_divergence"][0] == measured["columns"]["kl_divergence"][0]


def test_an_engine_that_stops_early_gives_no_table(measured, fake):
    class Stops:
        def window_logits(self, windows, plan):
            for index, window in enumerate(windows):
                if index == 2:
                    return
                whole = next(iter(fake().window_logits([window], plan)))
                yield WindowLogits(index, whole.logits_TV, None)

    engine: Any = Stops()
    reader = TraceReader(measured["trace"], _head(measured["reference"]))
    with pytest.raises(MeasurementError, match="the engine gave 2 of 5 windows"):
        measure_candidate(engine, reader, 5, _ignore)


@pytest.mark.parametrize("is_rebuilt", [True, False])
def test_windows_in_stretches_give_the_values_of_whole_ones(
    folder, fake, corpus, measured, monkeypatch, is_rebuilt
):
    rows_at_once = "silentzone.measure.trace_rows._BLOCK_ROWS"
    share = "silentzone.measure.trace_rows._LARGEST_REBUILD_SHARE"
    monkeypatch.setattr(share, np.inf if is_rebuilt else -1.0)
    monkeypatch.setattr(rows_at_once, 2)
    memory = EngineSettings(threads=1, memory_bytes=3 * 4 * 257)  # stretches of 3, 3 and 1
    reference, candidate = fake(settings=memory), fake("quant", noise=0.3, settings=memory)
    told = []
    job = corpus(name="stretched")
    trace = _trace(folder, reference, job, on_window=lambda done, total: told.append((done, total)))
    assert told == [(k, 5) for k in (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5)]
    assert trace.form == ("hidden" if is_rebuilt else "logits")
    for name, whole in measured["trace"].arrays.items():
        np.testing.assert_array_equal(trace.arrays[name], whole)
    reader = TraceReader(trace, _head(reference) if is_rebuilt else None)
    columns = measure_candidate(candidate, reader, 5, _ignore)
    for name, whole in measured["columns"].items():
        if name in POSITION_METRICS:
            np.testing.assert_allclose(columns[name].astype(float), whole.astype(float), atol=1e-6)
        else:
            assert columns[name].tolist() == whole.tolist(), name


def test_a_stretch_that_is_not_finite_is_named_by_its_place_in_the_window(folder, fake, corpus):
    memory = EngineSettings(threads=1, memory_bytes=2 * 4 * 257)
    bad = fake("ref", misbehave="nan", settings=memory)
    with pytest.raises(NonFiniteLogitsError, match="window 1 of corpus `text`, first at position"
                       " 12 "):  # fmt: skip
        _trace(folder, bad, corpus())


def test_a_reference_that_is_not_finite_names_window_and_position(folder, fake, corpus):
    with pytest.raises(
        NonFiniteLogitsError, match=r"window 1 of corpus `text`, first at position 12 \(1 of 7"
    ):
        _trace(folder, fake("ref", misbehave="nan"), corpus())
    assert folder.trace("text") is None
    assert not list((folder.root / "traces").iterdir())


def test_a_text_that_changed_is_not_measured(fake, corpus):
    with pytest.raises(CorpusError, match="the text of corpus `text` changed"):
        cut_corpus(fake(), corpus(text_sha256="0" * 64))


def test_a_text_too_short_names_corpus_and_tokens(fake, corpus):
    with pytest.raises(CorpusError, match=r"corpus `text`: the text has 4 tokens.*needs 16"):
        cut_corpus(fake(), corpus("abc"))


# -- floors -----------------------------------------------------------------------------------


def _floors(measured, **asked):
    told = []
    tokens = TraceTokens(measured["trace"])
    columns = measure_floors(
        measured["candidate"], tokens, 5, on_window=lambda: told.append(1), **asked
    )
    return columns, len(told)


@pytest.mark.parametrize(
    ("windows", "positions", "uneven", "single"),
    [
        (2, 10, [1, 3], [(1, 7), (3, 3)]),
        (1, 3, [2], [(2, 3)]),
        (9, 0, [0, 1, 2, 3, 4], []),
        (0, 7, [], [(2, 7)]),
        (0, 999, [], [(k, 7) for k in range(5)]),
    ],
)
def test_floors_take_windows_evenly_and_no_more_than_there_are(
    measured, windows, positions, uneven, single
):
    columns, told = _floors(measured, windows=windows, positions=positions)
    expected = [("uneven_batch", window, 9 + k) for window in uneven for k in range(7)]
    expected += [
        ("token_by_token", window, 9 + k) for window, count in single for k in range(count)
    ]
    found = list(
        zip(
            columns["perturbation"].tolist(),
            columns["window"].tolist(),
            columns["position"].tolist(),
            strict=True,
        )
    )
    assert found == expected
    assert told == floor_steps(windows, positions, 5, 7)


def test_floors_lay_a_model_beside_itself(measured):
    columns, _ = _floors(measured, windows=2, positions=10)
    positions = measured["columns"]
    at = [
        int(
            np.flatnonzero((positions["window"] == window) & (positions["position"] == position))[0]
        )
        for window, position in zip(columns["window"], columns["position"], strict=True)
    ]
    np.testing.assert_array_equal(columns["token_id"], positions["token_id"][at])
    np.testing.assert_allclose(columns["reference_nll"], positions["candidate_nll"][at], atol=1e-5)
    assert 0 < columns["kl_divergence"].max() < 1e-6
    assert not np.array_equal(columns["reference_nll"], columns["candidate_nll"])


def test_the_floor_of_a_long_window_is_sampled_and_its_key_says_so(measured, fake, monkeypatch):
    whole, _ = _floors(measured, windows=2, positions=5)
    job, model = measured["job"], measured["candidate"].model
    assert "floor_rows" not in dict(floors_key(model, job, INFO, 2, 5).protocol)
    monkeypatch.setattr("silentzone.measure.floors._LARGEST_RUN_BYTES", 3 * 4 * 257)
    assert dict(floors_key(model, job, INFO, 2, 5).protocol)["floor_rows"] == "3"
    memory = EngineSettings(threads=1, memory_bytes=2 * 4 * 257)
    measured["candidate"] = fake("quant", noise=0.3, settings=memory)
    sampled, _ = _floors(measured, windows=2, positions=5)
    kept = [
        int(np.flatnonzero((whole["perturbation"] == kind) & (whole["window"] == window)
                           & (whole["position"] == position))[0])
        for kind, window, position in zip(
            sampled["perturbation"], sampled["window"], sampled["position"], strict=True)
    ]  # fmt: skip
    assert sampled["position"].tolist() == [10, 12, 14, 10, 12, 14, 9, 11, 13]
    for name in POSITION_METRICS:
        np.testing.assert_array_equal(sampled[name], whole[name][kept])


def test_floors_fit_their_table(measured):
    columns, _ = _floors(measured, windows=2, positions=10)
    key = floors_key(measured["candidate"].model, measured["job"], INFO, 2, 10)
    measured["folder"].write_table(FLOORS, "text", "quant", columns, key)
    assert measured["folder"].read_table(FLOORS, "text", "quant").n_rows == 24


def test_tokens_far_before_the_scored_ones_are_decoded_together(measured, fake, monkeypatch):
    splits = []

    class Watched:
        def window_logits(self, windows, plan, *, split):
            splits.append(split)
            return fake("quant").window_logits(windows, plan, split=split)

    engine: Any = Watched()
    reader = TraceTokens(measured["trace"])
    for lead, expected in ((512, 0), (3, reader.plan.first_scored - 3)):
        monkeypatch.setattr(floors, "FLOOR_LEAD", lead)
        measure_floors(engine, reader, 5, windows=1, positions=2, on_window=_ignore)
        assert splits[-1] == BatchSplit(tokens_per_call=1, from_token=expected)
        assert BatchSplit(tokens_per_call=UNEVEN_TOKENS) in splits


def test_an_ordinary_run_that_is_not_finite_leaves_its_floor_out(measured, fake):
    """Only the perturbed run is finite there, so the row has no floor."""

    class BadOnce:
        def __init__(self):
            self.calls = 0

        def window_logits(self, windows, plan, *, split):
            self.calls += 1
            for window in fake("quant", noise=0.3).window_logits(windows, plan, split=split):
                if self.calls == 1:
                    window.logits_TV[4] = np.nan
                yield window

    engine: Any = BadOnce()
    columns = measure_floors(
        engine, TraceTokens(measured["trace"]), 5, windows=1, positions=0, on_window=_ignore
    )
    assert np.flatnonzero(columns["status"] != "ok").tolist() == [4]
    assert np.isfinite(columns["kl_divergence"].compressed()).all()
