"""Studies to export: the made-up analysis of the report's tests, and the hostile one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.report import hostile, synthetic

from silentzone.exporters.study import Study
from silentzone.records.parts import PartKey
from silentzone.records.tables import ITEMS, TOKENS
from silentzone.store.folder import StudyFolder
from silentzone.store.json_files import write_json
from silentzone.store.names import ANALYSIS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def whole_analysis():
    return synthetic.analysis()


@pytest.fixture
def analysis(whole_analysis):
    """A copy a test may change."""
    return copy.deepcopy(whole_analysis)


@pytest.fixture
def study_of(tmp_path):
    """Put an analysis into a folder of its own."""
    made: list[Path] = []

    def put(found):
        folder = tmp_path / f"study-{len(made)}"
        folder.mkdir()
        made.append(folder)
        write_json(folder / ANALYSIS, found)
        return Study(folder)

    return put


@pytest.fixture
def study(study_of, analysis):
    return study_of(analysis)


@pytest.fixture
def hostile_study(study_of):
    return study_of(hostile.analysis())


def _items(rows):
    """Columns of an items table: item, cluster, repeat, status, score, prediction."""
    names = ("item_id", "cluster_id", "repeat", "status", "score", "prediction")
    columns: dict[str, list[Any]] = {one.name: [None] * len(rows) for one in ITEMS.columns}
    columns |= dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["prompt_sha256"] = [item for item, *_ in rows]
    columns["choice_log_likelihoods"] = [[-1.5, -0.25], *[None] * (len(rows) - 1)]
    columns["confidence"] = [0.75, *[None] * (len(rows) - 1)]
    columns["margin"] = [-1.25, *[None] * (len(rows) - 1)]
    return columns


ROWS = (
    ("i-1", "c", 0, "ok", 1.0, "=1+1"),
    ("i-2", None, 0, "ok", 0.0, "-5"),
    ("=i-3", "c", 0, "timeout", None, None),
    ("i-4", None, 0, "ok", 1.0, 'two\nlines, "quoted" \u2028 \U0001f600'),
)


@pytest.fixture
def stored_study(tmp_path):
    """A study of two models with answers to one benchmark and tokens of one corpus."""
    folder = StudyFolder(tmp_path / "stored").create()
    models = {"F16": "a" * 64, "=Q4": "b" * 64}
    named = [{"name": name, "sha256": digest} for name, digest in models.items()]
    folder.write_manifest(
        {
            "reference": named[0],
            "candidates": named[1:],
            "corpora": [{"name": "wiki"}],
            "benchmarks": [{"name": "own"}],
        }
    )
    for name, digest in models.items():
        key = PartKey.of(ITEMS.name, model_sha256=digest)
        folder.write_table(ITEMS, "own", name, _items(ROWS), key)
    values: dict[str, list[Any]] = {one.name: [None, None] for one in TOKENS.columns}
    values |= {
        "window": [0, 1], "position": [8, 8], "token_id": [1, 2], "status": ["ok", "non_finite"],
        "kl_divergence": [float("inf"), None],
    }  # fmt: skip
    key = PartKey.of(TOKENS.name, candidate_sha256=models["=Q4"], reference_sha256=models["F16"])
    folder.write_table(TOKENS, "wiki", "=Q4", values, key)
    return Study(folder.root)
