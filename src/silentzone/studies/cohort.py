"""The demonstration's cohort: one small model quantized in many ways, made once and kept.

The embedded model is already 4-bit, so its expanded form is called dequantized, never full
precision, and no candidate may hold a tensor of the type it was expanded from: that would be the
reference again, without error.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.errors import MeasurementError, MissingExtraError, ModelFileError
from silentzone.execution.processes import run_in_worker
from silentzone.records.config import ModelEntry
from silentzone.store.atomic import move, replace_file
from silentzone.store.names import slug
from silentzone.studies.cache import file_sha256, staging_folder, waiting_lock
from silentzone.studies.cohort_recipes import CANDIDATES, REFERENCE, REFERENCE_NOTE, SOURCE_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.studies.cohort_recipes import CohortRecipe
    from silentzone.studies.progress import Progress

_KEY_LENGTH = 12
_STEP = "cohort"
_FEWEST_CANDIDATES = 3
_TASK = "silentzone.studies.cohort:make_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A reference, its candidates, and what could not be made."""

    reference: ModelEntry
    candidates: tuple[ModelEntry, ...]
    left_out: tuple[str, ...]
    """One sentence per candidate that could not be made."""


def make_cohort(
    source: Path, root: Path, *, quick: bool, threads: int, progress: Progress
) -> Cohort:
    """Make the reference and the candidates, or find them in the cache.

    Parameters
    ----------
    source : Path
        The embedded model's GGUF file.
    root : Path
        Root of the cache; models go into ``cohorts`` below it.
    quick : bool
        Only the candidates of a first look.
    threads : int
        For each quantization; they run one after the other.
    progress : Progress
        Told each model that is made.

    Returns
    -------
    Cohort
        Candidates from the largest to the smallest change, as in the recipes.

    Raises
    ------
    MissingExtraError
        If llama-cpp-python is not installed.
    StorageError
        If the cache cannot be written or is full.
    MeasurementError
        If the reference, or all but a few candidates, could not be made.
    """
    recipes = chosen_recipes(quick=quick)
    version = _engine_version()
    folder = root / "cohorts"
    source_sha256 = file_sha256(source)
    left_out: list[str] = []
    entries: list[ModelEntry] = []
    with waiting_lock(
        folder / "cohorts.lock",
        lambda: progress.note("waiting for another process that makes models"),
    ):
        progress.begin(_STEP, "making the models", len(recipes) + 1, "models")
        outcome = "failed"
        try:
            maker = _Maker(folder, source_sha256, version, threads, progress)
            reference = maker.make(REFERENCE, source, ())
            progress.advance(_STEP, 1)
            for number, recipe in enumerate(recipes, start=2):
                try:
                    path = maker.make(recipe, reference, (SOURCE_TYPE,))
                    entries.append(ModelEntry(name=recipe.name, path=str(path)))
                except (MeasurementError, ModelFileError) as error:
                    left_out.append(f"{recipe.name} could not be made: {error.message}")
                    progress.note(f"{left_out[-1]}; going on without it")
                progress.advance(_STEP, number)
            if len(entries) < min(_FEWEST_CANDIDATES, len(recipes)):
                raise MeasurementError(f"too few models could be made: {'; '.join(left_out)}")
            outcome = "done" if maker.made else "kept"
        except KeyboardInterrupt:
            outcome = "stopped"
            raise
        finally:
            progress.end(_STEP, outcome)
    return Cohort(
        reference=ModelEntry(name=REFERENCE.name, path=str(reference), note=REFERENCE_NOTE),
        candidates=tuple(entries),
        left_out=tuple(left_out),
    )


def chosen_recipes(*, quick: bool) -> tuple[CohortRecipe, ...]:
    """Recipes of the candidates, all or those of a first look."""
    return tuple(recipe for recipe in CANDIDATES if recipe.in_quick or not quick)


def missing_bytes(root: Path, source_sha256: str, *, quick: bool) -> int:
    """Bytes the cohort still needs on the disk, as measured when the recipes were written."""
    maker = _Maker(root / "cohorts", source_sha256, _engine_version(), 1, None)
    return sum(
        recipe.megabytes * 1_000_000
        for recipe in (REFERENCE, *chosen_recipes(quick=quick))
        if not maker.path(recipe).is_file()
    )


class _Maker:
    """Makes models into one folder under names that change with whatever changes their content."""

    def __init__(
        self,
        folder: Path,
        source_sha256: str,
        version: str,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self._folder = folder
        self._source_sha256 = source_sha256
        self._version = version
        self._threads = threads
        self._progress = progress
        self.made = 0

    def path(self, recipe: CohortRecipe) -> Path:
        """Where a model lies once it is made."""
        content = {
            "source": self._source_sha256,
            "engine": self._version,
            "reference": _recipe_fields(REFERENCE),
            "recipe": _recipe_fields(recipe),
        }
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{slug(recipe.name)}.{key[:_KEY_LENGTH]}.gguf"

    def make(self, recipe: CohortRecipe, source: Path, forbidden: Sequence[str]) -> Path:
        """Path of a model, made in a process of its own unless it is there and undamaged."""
        path = self.path(recipe)
        if self._is_whole(path):
            return path
        with staging_folder(self._folder, "model") as staging:
            target = staging / "model.gguf"
            result = run_in_worker(
                _TASK,
                {
                    "source": str(source),
                    "target": str(target),
                    "recipe": _recipe_fields(recipe),
                    "threads": self._threads,
                    "forbidden": list(forbidden),
                },
                what=f"the process that makes {recipe.name}",
            )
            replace_file(_seal(path), f"{result['sha256']}\n".encode())
            move(target, path)
        self.made += 1
        return path

    def _is_whole(self, path: Path) -> bool:
        try:
            expected = _seal(path).read_text(encoding="ascii").strip()
            if file_sha256(path) == expected:
                return True
        except (OSError, UnicodeDecodeError):
            pass
        if path.exists():
            if self._progress is not None:
                self._progress.note(f"{path} is damaged; making it again")
            path.unlink()
        return False


def make_model(
    payload: dict[str, object],
    emit: Callable[[dict[str, object]], None],  # noqa: ARG001 - every task's form
) -> dict[str, object]:
    """Quantize one model; the task of a worker process.

    Raises
    ------
    ModelFileError
        If the result holds a tensor type it must not hold.
    """
    from silentzone.backends.gguf.header import read_header
    from silentzone.backends.llama_cpp.quantize import QuantRecipe, quantize

    fields: Any = payload["recipe"]
    forbidden: Any = payload["forbidden"]
    source, target = Path(str(payload["source"])), Path(str(payload["target"]))
    pairs = tuple((str(regex), str(kind)) for regex, kind in fields["tensor_types"])
    recipe = QuantRecipe(**{**fields, "tensor_types": pairs})
    quantize(source, target, recipe, threads=int(str(payload["threads"])))
    types = {tensor.type.name for tensor in read_header(target).tensors}
    if types.intersection(forbidden):
        target.unlink()
        raise ModelFileError(
            f"{recipe.name} holds {', '.join(sorted(types.intersection(forbidden)))} tensors, "
            "in which the reference has no error"
        )
    return {"sha256": file_sha256(target), "types": sorted(types)}


def usable_threads() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _seal(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recipe_fields(recipe: CohortRecipe) -> dict[str, object]:
    """Give the quantizer's fields, in JSON's types; nothing else may enter the key."""
    return {
        "name": recipe.name,
        "file_type": recipe.file_type,
        "tensor_types": [list(pair) for pair in recipe.tensor_types],
        "token_embedding_type": recipe.embedding_type,
        "allow_requantize": recipe.allow_requantize,
    }


def _engine_version() -> str:
    try:
        return importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtraError(
            "llama-cpp-python is not installed",
            hint='pip install "silentzone[llama-cpp]"; `silentzone backends` shows the exact '
            "command and whether a compiler is here",
        ) from None
