"""A benchmark that the reference only guesses at, through a whole study on the fake engine."""

from __future__ import annotations

import json
import random

import pytest
from tests.end_to_end.fake_studies import WORDS, StudyFiles, run_in_process

from silentzone.records.tables import ITEMS
from silentzone.store.folder import StudyFolder
from silentzone.studies.preparation import benchmark_job
from silentzone.studies.progress import SilentProgress


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    files = StudyFiles(tmp_path_factory.mktemp("guess"))
    files.model("a", noise=0.3)
    rng = random.Random(5)  # noqa: S311 - words of a test, not a secret
    lines = [
        {
            "item_id": f"g{k}",
            "prompt": " ".join(rng.choices(WORDS, k=3)),
            "choices": rng.sample(WORDS, 2),
            "target": rng.randrange(2),
        }
        for k in range(700)
    ]
    (files.folder / "guess.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return files


def run(files, out, **options):
    mapping = files.mapping("a")
    mapping["benchmarks"].append({"name": "guess", "path": "guess.jsonl", **options})
    return run_in_process(files.config(mapping), files.folder / out)


@pytest.mark.parametrize("options", [{}, {"divergence": False}])
def test_candidates_are_spared_it_and_the_reason_is_said(files, options):
    out = f"stops{len(options)}"
    _, outcome = run(files, out, **options)
    folder = StudyFolder(files.folder / out)
    assert folder.has_table(ITEMS, "guess", "ref")
    assert not folder.has_table(ITEMS, "guess", "a")
    assert folder.has_table(ITEMS, "own", "a")
    (sentence,) = outcome.failures
    assert "benchmark guess: the reference answers" in sentence
    assert "guessing gives 50.0 %" in sentence
    assert [one["name"] for one in outcome.analysis["benchmarks"]] == ["own"]
    again, outcome = run(files, out, **options)
    assert again == []
    assert outcome.failures == (sentence,)


def test_it_goes_on_where_the_user_says_so(files):
    _, outcome = run(files, "goes", at_chance="go on")
    assert StudyFolder(files.folder / "goes").has_table(ITEMS, "guess", "a")
    assert outcome.failures == ()


def test_a_place_that_is_often_right_stops_only_sets_of_labels(files):
    lines = [json.loads(line) for line in (files.folder / "own.jsonl").read_text().splitlines()]
    for name, change in (("places", {"target": 0}), ("labels", {"choices": ["yes", "no"]})):
        told = [{**line, **change, "target": 0} for line in lines]
        (files.folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, told)), "utf-8")
    mapping = files.mapping("a")
    mapping["benchmarks"] = [
        {"name": name, "path": f"{name}.jsonl"} for name in ("places", "labels")
    ]
    config = files.config(mapping)
    jobs = {
        entry.name: benchmark_job(entry, config.seed, SilentProgress())[0]
        for entry in config.benchmarks
    }
    assert {name: job.has_labels for name, job in jobs.items()} == {
        "places": False,
        "labels": True,
    }
