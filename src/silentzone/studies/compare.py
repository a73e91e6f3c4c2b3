"""The quick fidelity table: a study without benchmarks in a folder that is thrown away."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.errors import ConfigError
from silentzone.records.config import CorpusEntry, EngineEntry, FloorEntry, ModelEntry, StudyConfig
from silentzone.store.folder import StudyFolder
from silentzone.studies.run import measure_and_analyze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.studies.progress import Progress

_CORPUS = "text"
_FLOOR = FloorEntry(windows=1, token_by_token_positions=32, items=0)


def compare_models(  # noqa: PLR0913 - all but three are keywords
    reference: Path,
    candidates: Sequence[Path],
    text: Path,
    *,
    context_length: int,
    windows: int | None,
    threads: int | None,
    progress: Progress,
    backend: str = "llama_cpp",
) -> dict[str, Any]:
    """Fidelity of some models against another on one text, by llama-perplexity's protocol.

    Files are run by ``backend``, folders by transformers.

    Returns
    -------
    dict
        ``reference`` (model), ``corpus``, ``engine``, ``candidates``: a list of ``name`` (the
        file's stem), ``metrics`` (key to estimate), ``floor``, ``cautions``, sizes; ``failures``.

    Raises
    ------
    ConfigError
        If two files have the same stem.
    InputError
        If the reference or the text cannot be used.
    MeasurementError
        If no candidate could be measured.
    """
    names = [_name(path) for path in candidates]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(
            f"two candidates are called `{repeated[0]}`; a candidate's name is its file's stem",
            hint="name them in a study.toml and use `silentzone run`",
        )
    own = _name(reference) if _name(reference) not in names else f"{_name(reference)} (reference)"
    config = StudyConfig(
        name="compare",
        seed=1,
        reference=ModelEntry(name=own, path=str(reference.absolute())),
        candidates=tuple(
            ModelEntry(name=name, path=str(path.absolute()))
            for name, path in zip(names, candidates, strict=True)
        ),
        corpora=(
            CorpusEntry(
                name=_CORPUS,
                path=str(text.absolute()),
                context_length=context_length,
                windows=windows,
            ),
        ),
        engine=EngineEntry(backend=backend, threads=threads),
        floor=_FLOOR,
    )
    with tempfile.TemporaryDirectory(prefix="silentzone-") as scratch:
        folder = StudyFolder(Path(scratch) / "study")
        folder.create()
        analysis = measure_and_analyze(config, folder, progress=progress, command="compare")
        failures = folder.manifest()["failures"]
    measured = {row["model"]: row for row in analysis["fidelity"]}
    corpus = analysis["corpora"][0]
    return {
        "reference": analysis["reference"],
        "corpus": {**corpus, "name": text.name},
        "engine": analysis["engine"],
        "candidates": [
            {
                **model,
                "metrics": measured[model["name"]]["metrics"],
                "floor": measured[model["name"]]["floor"],
            }
            for model in analysis["candidates"]
            if model["name"] in measured and measured[model["name"]]["metrics"]
        ],
        "failures": failures,
    }


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem  # a dot in a folder's name ends no stem
