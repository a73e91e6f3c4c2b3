"""A study whose benchmark a real model answers in writing."""

from __future__ import annotations

import json

import pytest

from silentzone.records.config import (
    BenchmarkEntry,
    EngineEntry,
    FloorEntry,
    GenerationEntry,
    ModelEntry,
    StudyConfig,
)
from silentzone.records.tables import CHURN, GENERATIONS, ITEMS
from silentzone.store.folder import StudyFolder
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def _asked(question):
    return [{"role": "user", "content": question}]


ITEMS_OF_OWN = (
    {"messages": _asked("What is the capital of France?"), "contains": "Paris"},
    {"messages": _asked("What is 2 plus 2?"), "number": 4},
    {"prompt": "Bees make", "regex": "(?i)honey"},
    {"prompt": "Monday, Tuesday,", "target": "Wednesday", "stop": ","},
    {"prompt": "word " * 9000, "contains": "word"},
)


@pytest.fixture(scope="module")
def study(smollm2_f16, smollm2_q8_0, smollm2_source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    lines = [json.dumps({"item_id": f"own-{k}", **one}) for k, one in enumerate(ITEMS_OF_OWN)]
    (folder / "own.jsonl").write_text("\n".join(lines), "utf-8")
    config = StudyConfig(
        name="written",
        seed=1,
        reference=ModelEntry(name="F16", path=str(smollm2_f16)),
        candidates=(
            ModelEntry(name="Q8_0", path=str(smollm2_q8_0)),
            ModelEntry(name="Q4_1", path=str(smollm2_source)),
        ),
        corpora=(),
        benchmarks=(
            BenchmarkEntry(
                name="own",
                path=str(folder / "own.jsonl"),
                generation=GenerationEntry(max_tokens=16, score_truncated=True),
            ),
        ),
        engine=EngineEntry(workers=1, threads=1),
        floor=FloorEntry(items=4),
    )
    out = folder / "out"
    outcome = run_study(config, out, progress=SilentProgress(), command="silentzone run")
    return StudyFolder(out), outcome


def test_every_model_is_scored_its_texts_kept_and_its_items_asked_again(study):
    folder, outcome = study
    assert outcome.failures == ()
    for model in ("F16", "Q8_0", "Q4_1"):
        items = folder.read_table(ITEMS, "own", model)
        assert items.strings("status") == ["ok"] * 4 + ["too_long"]
        assert items.floats("score")[1].tolist() == [True] * 4 + [False]
        texts = folder.read_table(GENERATIONS, "own", model)
        assert [bool(text) for text in texts.strings("text")] == [True] * 4 + [False]
        assert folder.read_table(CHURN, "own", model).n_rows == 5
    assert outcome.report.stat().st_size > 50_000


def test_the_model_answers_what_it_knows(study):
    folder, outcome = study
    items = folder.read_table(ITEMS, "own", "F16")
    scores = dict(zip(items.strings("item_id"), items.floats("score")[0], strict=True))
    assert scores["own-0"] == scores["own-1"] == 1.0
    assert items.strings("prediction")[1] == "4"
    assert outcome.analysis["benchmarks"][0]["headline"] == "generated"
