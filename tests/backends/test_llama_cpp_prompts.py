"""Divergences along the choices of items on a real model: none from itself, a quant's from F16."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.conftest import opened

from silentzone.backends.base import ContinuationRequest
from silentzone.backends.gguf.output_head import load_output_head
from silentzone.measure.item_trace import ItemTraceRun
from silentzone.measure.items import measure_items, tokenize_items
from silentzone.measure.prompts import ItemComparison
from silentzone.metrics.divergence import kl_divergence, log_softmax
from silentzone.records.items import ChoiceItem
from silentzone.records.parts import PartKey
from silentzone.store.folder import StudyFolder

pytestmark = [pytest.mark.engine, pytest.mark.slow]

QUESTIONS = (
    ("The capital of France is", ("Paris", "a kind of cheese", "yesterday")),
    ("Water freezes when it becomes very", ("cold", "purple")),
    ("Question: How do you keep bread fresh?\nAnswer:", (
        "Put it into a closed box and keep it out of the sun.",
        "Leave it in the rain over night, then turn it round.",
    )),
    ("To open a locked door you need a", ("key", "cloud", "song", "spoonful of sugar")),
    ("Bees make", ("honey", "bicycles")),
)  # fmt: skip
ITEMS = tuple(
    ChoiceItem(
        item_id=f"i{number}",
        prompt=prompt,
        choices=tuple(f" {choice}" for choice in choices),
        gold=0,
        lengths=tuple(map(len, choices)),
    )
    for number, (prompt, choices) in enumerate(QUESTIONS)
)
KEY = PartKey.of("item_trace", model="a")


def _ignore(_):
    return None


def _ask(path, settings, observer=None):
    with opened(path, settings) as backend:
        if observer is None:
            return measure_items(backend, ITEMS, "raw", 2048, _ignore)
        return measure_items(backend, ITEMS, "raw", 2048, _ignore, observer)


@pytest.fixture(scope="module", params=["F16", "Q8_0", "Q4_K_M"])
def reference(request, smollm2_as, settings, tmp_path_factory):
    """A reference, its trace along the items, and its scores of the same pass."""
    path = smollm2_as(request.param)
    folder = StudyFolder(tmp_path_factory.mktemp("study") / "study").create()
    with opened(path, settings) as backend:
        head = load_output_head(path)
        with ItemTraceRun(backend.model, head, folder, "own", KEY) as run:
            scores = measure_items(backend, ITEMS, "raw", 2048, _ignore, run)
    trace = folder.item_trace("own")
    assert trace is not None
    return {"name": request.param, "path": path, "trace": trace, "head": head, "scores": scores}


def _compared(reference, path, settings):
    comparison = ItemComparison(reference["trace"], reference["head"], ITEMS)
    _ask(path, settings, comparison)
    return comparison.table()


def _in_memory(path, settings):
    """Logits of the gold choice of every item, by plain passes."""
    with opened(path, settings) as backend:
        tokenized = tokenize_items(backend, ITEMS, 2048)
        requests = [ContinuationRequest(one.prompt, one.continuations) for one in tokenized]
        return [
            part.logits_NV.copy()
            for part in backend.continuation_logits(requests)
            if part.continuation == ITEMS[part.request].gold
        ]


def test_the_trace_is_states_that_rebuild_the_logits(reference):
    trace = reference["trace"]
    print(f"{reference['name']}: {trace.rebuild_error}, {trace.header['form_reason']}")  # noqa: T201
    assert trace.rebuild_error["self_kld_max"] < 1e-6
    assert trace.form == "hidden"


def test_a_model_is_at_no_distance_from_itself(reference, settings):
    columns = _compared(reference, reference["path"], settings)
    largest = columns["kl_divergence"].max()
    print(f"{reference['name']} from itself: {largest:.1e} nats at most")  # noqa: T201
    assert set(columns["status"]) == {"ok"}
    assert 0.0 <= largest < 1e-9
    assert columns["top1_match"].all()


def test_keeping_the_trace_moves_scores_by_rounding_at_most(reference, settings):
    plain = _ask(reference["path"], settings)
    assert plain["score"] == reference["scores"]["score"]
    name = "choice_log_likelihoods"
    difference = np.abs(np.concatenate(plain[name]) - np.concatenate(reference["scores"][name]))
    print(f"{reference['name']}: log-likelihoods differ by {difference.max():.1e}")  # noqa: T201
    assert difference.max() < 0.01


def test_a_quant_is_at_the_distance_of_two_passes_in_memory(reference, smollm2_as, settings):
    path = smollm2_as("Q4_0")
    columns = _compared(reference, path, settings)
    gold = columns["choice"] == 0
    found = float(columns["kl_divergence"][gold].mean())
    direct = np.concatenate(
        [
            kl_divergence(log_softmax(mine), log_softmax(theirs))
            for mine, theirs in zip(
                _in_memory(reference["path"], settings), _in_memory(path, settings), strict=True
            )
        ]
    )
    print(f"{reference['name']} to Q4_0: {found:.9f}, in memory {direct.mean():.9f}")  # noqa: T201
    assert len(direct) == gold.sum()
    assert found == pytest.approx(direct.mean(), abs=1e-6)
    assert 1e-3 < found < 2.0
    np.testing.assert_allclose(columns["kl_divergence"][gold], direct, atol=2e-5)
