"""FlipEval's records: right and wrong as they are, everything else left out and counted."""

from __future__ import annotations

import json

import pytest
from tests.unit.exporters.conftest import ROWS

from silentzone.errors import InputError
from silentzone.exporters.formats.flipeval import FORMAT
from silentzone.exporters.writing import ExportOptions, write_path
from silentzone.importers.reading import ImportOptions
from silentzone.importers.tools import flipeval as importer
from silentzone.records.parts import PartKey
from silentzone.records.tables import ITEMS
from silentzone.store.names import slug


def _export(study, target, **options):
    notes = write_path(FORMAT, study, ExportOptions(**options), target, force=False)
    return notes, {
        str(path.relative_to(target)): [
            json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]
        ]
        for path in target.rglob("*.jsonl")
    }


def test_records_are_those_of_flipeval(stored_study, tmp_path):
    notes, files = _export(stored_study, tmp_path / "out")
    assert sorted(files) == ["own/F16.jsonl", f"own/{slug('=Q4')}.jsonl"]
    same = {"task": "own", "gold": None}
    assert files["own/F16.jsonl"] == [
        {**same, "item_id": "i-1", "prediction": "=1+1", "correct": True},
        {**same, "item_id": "i-2", "prediction": "-5", "correct": False},
        {
            **same,
            "item_id": "i-4",
            "prediction": 'two\nlines, "quoted" \u2028 \U0001f600',
            "correct": True,
        },
    ]
    assert "left out of `F16` on `own`: 1 timeout" in notes


def _rewrite(study, **columns):
    stored = study.folder.read_table(ITEMS, "own", "F16")
    values = {name: stored.arrow.column(name).to_pylist() for name in stored.arrow.column_names}
    key = PartKey.of(ITEMS.name, model_sha256="a" * 64, again="yes")
    study.folder.write_table(ITEMS, "own", "F16", {**values, **columns}, key)


def test_a_score_between_right_and_wrong_is_neither(stored_study, tmp_path):
    _rewrite(stored_study, score=[0.5, 0.0, None, 1.0])
    notes, files = _export(stored_study, tmp_path / "out", model="F16")
    assert [one["item_id"] for one in files["own/F16.jsonl"]] == ["i-2", "i-4"]
    assert notes == ("left out of `F16` on `own`: 1 partly right, 1 timeout",)


def test_answers_asked_more_than_once_are_left_out_whole(stored_study, tmp_path):
    _rewrite(stored_study, repeat=[0, 1, 0, 0])
    notes, files = _export(stored_study, tmp_path / "out")
    assert "own/F16.jsonl" not in files
    assert "left out: `F16` on `own`, which was asked more than once (1 repeats)" in notes
    with pytest.raises(InputError, match="no answer can be said"):
        _export(stored_study, tmp_path / "other", model="F16")
    assert not (tmp_path / "other").exists()


def test_records_are_read_back_as_the_answers_they_were(stored_study, tmp_path):
    target = [None, "4", None, "0"]
    _rewrite(stored_study, target=target)
    _export(stored_study, tmp_path / "out")
    bundles = importer.FORMAT.find(sorted((tmp_path / "out").rglob("*.jsonl")))
    assert len(bundles) == 2
    imported = next(
        importer.FORMAT.read(one, ImportOptions()) for one in bundles if one.main.stem == "F16"
    )
    (answers,) = imported.items
    assert (answers.model, answers.benchmark) == ("F16", "own")
    assert answers.item_ids == ("i-1", "i-2", "i-4")
    assert answers.scores.tolist() == [1.0, 0.0, 1.0]
    assert answers.predictions == ("=1+1", "-5", ROWS[3][5])
    assert answers.targets == (None, "4", "0")
