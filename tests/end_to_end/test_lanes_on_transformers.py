"""A study of a cache in transformers: measured where it engaged, named where it never did."""

from __future__ import annotations

import pytest
from tests.backends.tiny_models import make_model
from tests.end_to_end.fake_studies import StudyFiles, run_in_process

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def study(transformers_version, tmp_path_factory):
    """Give the outcome of a study whose windows have that many tokens."""
    files = StudyFiles(tmp_path_factory.mktemp("cached"))
    make_model(files.folder / "ref", "llama")
    cached = {"path": "ref", "cache_k": "fp8"}

    def run(context_length):
        mapping = {
            **files.mapping(),
            "reference": {"path": "ref"},
            "candidates": [
                {**cached, "name": "fp8", "cache_v": "fp8"},
                {**cached, "name": "half"},
            ],
            "engine": {"backend": "transformers", "threads": 1, "dtype": "float32"},
            "decision": {"memory_budget_gb": 1.0, "context_length": 4096},
            "benchmarks": [],
        }
        mapping["corpora"][0] |= {"context_length": context_length, "windows": 2}
        out = files.folder / f"out-{context_length}"
        return run_in_process(files.config(mapping), out)[1]

    return run


def test_windows_longer_than_a_block_show_the_distance(study):
    outcome = study(300)
    (lane,) = outcome.analysis["lanes"]
    (row,) = lane["fidelity"]
    assert (lane["lane"], row["model"]) == ("kv-cache", "fp8")
    assert row["metrics"]["kld_mean"]["value"] > 1e-7
    assert row["floor"]["used"] < 0.05 * row["metrics"]["kld_mean"]["value"]
    assert not any("never engaged" in one for one in outcome.analysis["cautions"])
    (failure,) = outcome.failures
    assert failure.startswith("half")
    assert "`cache_v` is left out" in failure
    assert "caches keys and values alike" in failure


def test_windows_of_one_block_are_found_never_to_have_engaged(study):
    said = [one for one in study(128).analysis["cautions"] if "never engaged" in one]
    assert len(said) == 1
    assert said[0].startswith("fp8 is at no distance from the reference over ")
