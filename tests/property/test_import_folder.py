"""A folder of imported results that was damaged gives a message, never a traceback or a number."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from silentzone.analysis.imported import imported_flips, numbers_of_imports
from silentzone.errors import SilentzoneError
from silentzone.records.imported import FidelityRow, ItemAnswers, ModelFacts, SourceFile, Stated
from silentzone.store.import_document import (
    FidelityEntry,
    ImportDocument,
    ItemsEntry,
    document_as_json,
    read_document,
)
from silentzone.store.import_folder import ImportFolder

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = SourceFile(name="a.jsonl", sha256="0" * 64, size_bytes=10, format="lm-eval")
ITEMS, WINDOWS = 7, 4


def filled(root: Path) -> ImportFolder:
    """Two models with items of each kind, and fidelity with windows and positions."""
    folder = ImportFolder(root).create()
    scores = np.array([1.0, 0.0, 0.5, np.nan, 1.0, 0.0, 1.0])
    items, rows = [], []
    for model in ("BF16", "Q4"):
        answers = ItemAnswers(
            model=model,
            benchmark="quiz",
            item_ids=tuple(f"q{n}" for n in range(ITEMS)),
            scores=scores,
            statuses=tuple("timeout" if np.isnan(s) else "ok" for s in scores),
            repeats=np.zeros(ITEMS, dtype=np.int32),
            choice_log_likelihoods=tuple((-1.0, -2.0 - n) for n in range(ITEMS)),
            margin=np.linspace(-1.0, 1.0, ITEMS),
            prompt_sha256=("a" * 64,) * ITEMS,
            output_tokens=np.array([3, -1, 2, 2, 2, 2, 2], dtype=np.int32),
            sources=(SOURCE,),
        )
        entry = ItemsEntry(
            model=model, benchmark="quiz", table=folder.write_items(answers), rows=ITEMS,
            items=ITEMS, scored=6, statuses={"timeout": 1}, settings={"filter": "none"}, about={},
            sources=(SOURCE,), proof="prompt hashes",
        )  # fmt: skip
        items.append(entry)
    row = FidelityRow(
        model="Q4",
        corpus="wiki",
        metrics={"kld_mean": Stated(value=0.02, standard_error=0.001)},
        protocol={"tool": "a tool"},
        windows={"kl_divergence": np.linspace(0.01, 0.03, WINDOWS)},
        positions={"window": np.arange(WINDOWS, dtype=np.int32),
                   "kl_divergence": np.array([0.1, np.nan, 0.0, 0.2], dtype=np.float32)},
        sources=(SOURCE,),
    )  # fmt: skip
    missing = {"kld_max": Stated(value=None, status="the tool printed nan")}
    rows.append(
        FidelityEntry(
            model="Q4", corpus="wiki", protocol=row.full_protocol, about={}, sources=(SOURCE,),
            metrics={**row.metrics, **missing},
            positions=folder.write_positions(row), windows=folder.write_windows(row),
        )
    )  # fmt: skip
    folder.commit(
        ImportDocument(
            models=(ModelFacts(name="BF16", is_reference=True), ModelFacts(name="Q4")),
            items=tuple(items),
            fidelity=tuple(rows),
            notes=("a note",),
        )
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ImportFolder:
    return filled(tmp_path_factory.mktemp("imports"))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the path of every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, child in inner:
            found += places(child, (*path, key)) if isinstance(child, dict | list) else [
                (*path, key)
            ]  # fmt: skip
    return found


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    top = copy.deepcopy(value)
    inner = top
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return top


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


def test_what_was_written_is_read_back(folder: ImportFolder) -> None:
    document = folder.document()
    assert read_document(json.loads(json.dumps(document_as_json(document))), "x") == document
    numbers = numbers_of_imports(folder, None)
    assert numbers.reference == "BF16"
    assert numbers.items is not None
    assert numbers.table is not None
    rows = numbers.items.rows[0]
    np.testing.assert_array_equal(rows.scores, [1.0, 0.0, 0.5, np.nan, 1.0, 0.0, 1.0])
    assert rows.statuses[3] == "timeout"
    assert numbers.table.models[1].fidelity == {"kld_mean@wiki": 0.02}
    assert numbers.table.chance == {"quiz": 0.5}
    assert any("the tool printed nan" in note for note in numbers.table.notes)


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_any_other_value_in_the_document_is_read_or_refused(
    folder: ImportFolder, data: st.DataObject
) -> None:
    content = document_as_json(folder.document())
    path = data.draw(st.sampled_from(places(json.loads(json.dumps(content)))))
    changed = replaced(json.loads(json.dumps(content)), path, data.draw(JSON))
    try:
        document = read_document(changed, "import.json")
    except SilentzoneError as error:
        assert "import.json" in error.message  # noqa: PT017 - either outcome is right
        return
    assert read_document(json.loads(json.dumps(document_as_json(document))), "x") == document


@pytest.mark.parametrize("place", range(0, 100, 9))
def test_a_damaged_table_is_named(tmp_path: Path, place: int) -> None:
    own = filled(tmp_path)
    path = own.root / own.document().items[1].table
    content = bytearray(path.read_bytes())
    content[len(content) * place // 100] ^= 0xFF
    path.write_bytes(bytes(content))
    whole = numbers_of_imports(filled(tmp_path / "whole"), None)
    try:
        numbers = numbers_of_imports(own, None)
        imported_flips(own, numbers, "leave out")
    except SilentzoneError as error:
        assert path.name in error.message  # noqa: PT017 - either outcome is right
        return
    assert numbers.items is not None
    assert whole.items is not None
    np.testing.assert_array_equal(numbers.items.rows[1].scores, whole.items.rows[1].scores)
