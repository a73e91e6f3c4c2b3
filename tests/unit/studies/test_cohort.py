"""The demonstration's cohort: its recipes, its cache, and what it does when a model fails."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import pytest

from silentzone.backends.gguf.tensor_types import TENSOR_TYPES
from silentzone.backends.llama_cpp import quantize as quantize_module
from silentzone.errors import MeasurementError, MissingExtraError, ModelFileError, WorkerCrashError
from silentzone.studies import cohort as cohort_module
from silentzone.studies.cohort import (
    chosen_recipes,
    make_cohort,
    make_model,
    missing_bytes,
)
from silentzone.studies.cohort_recipes import CANDIDATES, REFERENCE, SOURCE_TYPE
from silentzone.studies.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TENSORS = [
    f"blk.{layer}.{tensor}.weight"
    for layer in range(30)
    for tensor in (
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_up",
        "ffn_gate",
        "ffn_down",
    )
]


class RecordedProgress(SilentProgress):
    """Keeps what a person would have seen."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.outcomes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def end(self, key: str, outcome: str) -> None:
        self.outcomes.append(outcome)


class Workers:
    """Stands for the worker processes: writes a few bytes in place of a model."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.fails: Callable[[str], Exception | None] = lambda _: None

    def __call__(self, task: str, payload: Mapping[str, Any], **_: object) -> dict[str, Any]:
        assert task == "silentzone.studies.cohort:make_model"
        name = payload["recipe"]["name"]
        self.names.append(name)
        error = self.fails(name)
        if error is not None:
            Path(payload["target"]).write_bytes(b"half")
            raise error
        content = f"{name} from {Path(payload['source']).read_bytes()!r}".encode()
        Path(payload["target"]).write_bytes(content)
        return {"sha256": hashlib.sha256(content).hexdigest()}


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Replace the worker processes and the engine's version."""
    stand_in = Workers()
    monkeypatch.setattr(cohort_module, "run_in_worker", stand_in)
    monkeypatch.setattr(cohort_module, "_engine_version", lambda: "1.0")
    return stand_in


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.gguf"
    path.write_bytes(b"source")
    return path


def made(source: Path, root: Path, *, quick: bool = True) -> tuple[Any, RecordedProgress]:
    progress = RecordedProgress()
    return make_cohort(source, root, quick=quick, threads=1, progress=progress), progress


def test_models_are_made_once_and_kept(workers: Workers, source: Path, tmp_path: Path) -> None:
    first, progress = made(source, tmp_path)
    assert len(workers.names) == len(first.candidates) + 1
    assert progress.outcomes == ["done"]
    second, progress = made(source, tmp_path)
    assert second == first
    assert len(workers.names) == len(first.candidates) + 1
    assert progress.outcomes == ["kept"]


def test_the_full_cohort_takes_up_what_the_quick_one_made(
    workers: Workers, source: Path, tmp_path: Path
) -> None:
    quick, _ = made(source, tmp_path)
    full, _ = made(source, tmp_path, quick=False)
    assert len(workers.names) == len(full.candidates) + 1
    assert {entry.path for entry in quick.candidates} < {entry.path for entry in full.candidates}


def test_the_reference_is_called_dequantized(
    workers: Workers, source: Path, tmp_path: Path
) -> None:
    cohort, _ = made(source, tmp_path)
    assert cohort.reference.name == "F16"
    assert cohort.reference.note == "dequantized from Q4_1"


@pytest.mark.parametrize("change", ["source", "engine", "reference"])
def test_whatever_changes_a_model_changes_its_name(
    workers: Workers,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    before, _ = made(source, tmp_path)
    if change == "source":
        source.write_bytes(b"another")
    elif change == "engine":
        monkeypatch.setattr(cohort_module, "_engine_version", lambda: "1.1")
    else:
        monkeypatch.setattr(cohort_module, "REFERENCE", replace(REFERENCE, file_type="BF16"))
    after, _ = made(source, tmp_path)
    assert not {e.path for e in before.candidates} & {e.path for e in after.candidates}


def test_a_damaged_model_is_made_again(workers: Workers, source: Path, tmp_path: Path) -> None:
    cohort, _ = made(source, tmp_path)
    damaged = Path(cohort.candidates[0].path)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-1] + b"?")
    workers.names.clear()
    _, progress = made(source, tmp_path)
    assert workers.names == [cohort.candidates[0].name]
    assert damaged.read_bytes() == content
    assert any("is damaged" in note for note in progress.notes)


@pytest.mark.parametrize(
    "error", [WorkerCrashError("killed"), MeasurementError("refused"), ModelFileError("Q4_1")]
)
def test_a_candidate_that_cannot_be_made_is_left_out_by_name(
    workers: Workers, source: Path, tmp_path: Path, error: Exception
) -> None:
    workers.fails = lambda name: error if name == "Q8_0" else None
    cohort, progress = made(source, tmp_path)
    assert "Q8_0" not in [entry.name for entry in cohort.candidates]
    assert len(cohort.left_out) == 1
    assert cohort.left_out[0].startswith("Q8_0 could not be made")
    assert any("Q8_0 could not be made" in note for note in progress.notes)
    left = [path.name for path in (tmp_path / "cohorts").iterdir()]
    assert not [name for name in left if name.startswith((".staging", "Q8_0."))]


def test_a_reference_that_cannot_be_made_stops_the_demonstration(
    workers: Workers, source: Path, tmp_path: Path
) -> None:
    workers.fails = lambda name: MeasurementError("refused") if name == "F16" else None
    with pytest.raises(MeasurementError, match="refused"):
        made(source, tmp_path)
    assert workers.names == ["F16"]


def test_too_few_candidates_stop_the_demonstration(
    workers: Workers, source: Path, tmp_path: Path
) -> None:
    workers.fails = lambda name: None if name in {"F16", "Q8_0"} else MeasurementError("refused")
    with pytest.raises(MeasurementError, match="too few models could be made"):
        made(source, tmp_path)


def test_the_missing_bytes_are_those_of_the_missing_models(
    workers: Workers, source: Path, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    all_bytes = 1_000_000 * sum(recipe.megabytes for recipe in (REFERENCE, *CANDIDATES))
    assert missing_bytes(tmp_path, sha256, quick=False) == all_bytes
    made(source, tmp_path, quick=False)
    assert missing_bytes(tmp_path, sha256, quick=False) == 0


def test_a_missing_engine_is_said_with_the_command(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: str) -> str:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr("importlib.metadata.version", absent)
    with pytest.raises(MissingExtraError, match="llama-cpp-python is not installed") as caught:
        made(source, tmp_path)
    assert "pip install" in (caught.value.hint or "")


def write_gguf(path: Path, kind: gguf.GGMLQuantizationType) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    values = np.ones((4, 32), dtype=np.float32)
    writer.add_tensor("token_embd.weight", gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("is_forbidden", [True, False])
def test_a_model_with_tensors_of_the_source_type_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_forbidden: bool
) -> None:
    kind = gguf.GGMLQuantizationType.Q4_1 if is_forbidden else gguf.GGMLQuantizationType.Q5_1
    monkeypatch.setattr(
        quantize_module, "quantize", lambda _source, target, _recipe, **_: write_gguf(target, kind)
    )
    target = tmp_path / "model.gguf"
    payload: dict[str, object] = {
        "source": "source.gguf",
        "target": str(target),
        "recipe": {"name": "X", "file_type": "Q4_0", "tensor_types": [["attn", "Q5_1"]]},
        "threads": 1,
        "forbidden": [SOURCE_TYPE],
    }
    if is_forbidden:
        with pytest.raises(ModelFileError, match="X holds Q4_1 tensors"):
            make_model(payload, lambda _: None)
        assert not target.exists()
    else:
        result = make_model(payload, lambda _: None)
        assert result["types"] == ["Q5_1"]
        assert result["sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()


def test_names_are_unique_and_short_enough_to_print() -> None:
    names = [recipe.name for recipe in (REFERENCE, *CANDIDATES)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 24


def test_the_cohorts_are_large_enough() -> None:
    assert len(chosen_recipes(quick=False)) >= 16
    assert len(chosen_recipes(quick=True)) >= 8


def test_no_recipe_names_the_type_in_which_the_reference_has_no_error() -> None:
    for recipe in CANDIDATES:
        named = [
            recipe.file_type,
            recipe.embedding_type,
            *(kind for _, kind in recipe.tensor_types),
        ]
        assert not any(kind and kind.startswith("Q4_1") for kind in named)


def test_every_pattern_reaches_some_tensors_but_not_all() -> None:
    types = {kind.name for kind in TENSOR_TYPES.values()}
    for recipe in CANDIDATES:
        for pattern, kind in recipe.tensor_types:
            reached = [name for name in TENSORS if re.search(pattern, name)]
            assert 0 < len(reached) < len(TENSORS), recipe.name
            assert kind in types


def test_a_layer_pattern_reaches_its_layers_only() -> None:
    recipe = next(recipe for recipe in CANDIDATES if recipe.name == "Q8_0+10ffn-Q4_0")
    pattern = recipe.tensor_types[0][0]
    layers = {name.split(".")[1] for name in TENSORS if re.search(pattern, name)}
    assert layers == {str(layer) for layer in range(10, 20)}
