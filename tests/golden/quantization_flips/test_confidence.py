"""What tells failures from passes on published answers: five small models in int8 and int4.

Published for them: the reference's own confidence alone has an AUROC of 0.91 to 0.95. The answers
lie beside the checkout (``../shared/cohorts``); without them these tests are skipped.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from silentzone.analysis.prompt_data import PromptData
from silentzone.analysis.prompts import prompt_rows
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from pathlib import Path

BENCHMARKS = ("arc", "csqa", "mmlu")
CANDIDATES = ("int8", "int4")


@pytest.fixture(scope="module")
def published(shared_cohorts: Path) -> list[PromptData]:
    folder = shared_cohorts / "quantization-flips-small-llms"
    if not folder.is_dir():
        pytest.skip("no published answers of small models (quantization-flips-small-llms)")
    items = json.loads((folder / "_bench_items.json").read_text())
    models = sorted(path.name.split("__fp16__")[0] for path in folder.glob("*__fp16__arc.json"))
    return [
        prompt_data(folder, model, benchmark, [item["answer"] for item in items[benchmark]])
        for model in models
        for benchmark in BENCHMARKS
    ]


def prompt_data(folder: Path, model: str, benchmark: str, gold: list[str]) -> PromptData:
    def read(precision: str) -> tuple[Any, Any]:
        run = json.loads((folder / f"{model}__{precision}__{benchmark}.json").read_text())
        right = [answer == key for answer, key in zip(run["preds"], gold, strict=True)]
        known = [np.nan if value is None else value for value in run.get("confs") or []]
        return np.array(right, dtype=float), np.array(known or [np.nan] * len(gold))

    score, confidence = read("fp16")
    others = [read(name) for name in CANDIDATES]
    return PromptData(
        benchmark=f"{model} {benchmark}",
        item_ids=tuple(map(str, range(len(gold)))),
        clusters=ClusterPartition.singletons(len(gold), unit="item"),
        reference_score=score,
        reference_confidence=confidence,
        reference_margin=None,
        models=CANDIDATES,
        scores=np.stack([own for own, _ in others]),
        divergence=None,
        confidence=np.stack([own for _, own in others]),
        margin=None,
    )


def test_confidence_alone_has_the_published_auroc(published: list[PromptData]) -> None:
    rows = [row for row in prompt_rows(published, seed=1) if row["model"] == "all"]
    values = {row["benchmark"]: row["predictors"][0]["auroc"]["value"] for row in rows}
    assert len(values) == 15
    assert all(0.87 < value < 0.97 for value in values.values()), values
    by_benchmark = {
        name: np.mean([v for key, v in values.items() if key.endswith(name)]) for name in BENCHMARKS
    }
    assert all(0.90 < value < 0.95 for value in by_benchmark.values()), by_benchmark


def test_every_interval_is_inside_zero_and_one_and_holds_its_value(
    published: list[PromptData],
) -> None:
    for row in prompt_rows(published, seed=1):
        for own in row["predictors"]:
            auroc = own["auroc"]
            assert auroc["value"] is not None, row["sentence"]
            assert 0.0 < auroc["interval"][0] < auroc["value"] < auroc["interval"][1] < 1.0
