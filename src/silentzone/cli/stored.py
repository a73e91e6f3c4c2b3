"""What commands read of a finished or half-finished study folder."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from silentzone.errors import ConfigError, TableError
from silentzone.store.names import ANALYSIS, FLIPS

if TYPE_CHECKING:
    from pathlib import Path


def read_analysis(folder: Path) -> dict[str, Any]:
    """Read the stored analysis of a study.

    Raises
    ------
    TableError
        If there is none yet, or it is not a JSON object.
    """
    from silentzone.store.folder import StudyFolder

    if not (folder / ANALYSIS).is_file():
        raise TableError(
            f"`{folder}` holds no {ANALYSIS}, so there is nothing to report on yet.",
            hint=f"make it from the stored tables: silentzone analyze {folder}",
        )
    analysis = StudyFolder(folder).read_json(ANALYSIS)
    if not isinstance(analysis, dict):
        raise TableError(f"`{folder / ANALYSIS}` must hold a JSON object.")
    return analysis


def read_flips(folder: Path) -> dict[str, Any] | None:
    """Read the changed answers of a study; null where none are stored.

    Raises
    ------
    TableError
        If the file is damaged.
    """
    from silentzone.store.folder import StudyFolder

    if not (folder / FLIPS).is_file():
        return None
    found = StudyFolder(folder).read_json(FLIPS)
    if not isinstance(found, dict):
        raise TableError(f"`{folder / FLIPS}` must hold a JSON object.")
    return found


def read_seed(folder: Path) -> int:
    """Read the seed the study was started with from its own copy of study.toml.

    Raises
    ------
    TableError
        If the folder holds no study.
    ConfigError
        If the copy is damaged or its seed is not a whole number.
    """
    path = folder / "study.toml"
    if not path.is_file():
        raise TableError(
            f"`{folder}` is not a study folder: it holds no study.toml.",
            hint="make one with: silentzone run STUDY.toml --out DIR",
        )
    try:
        seed = tomllib.loads(path.read_text(encoding="utf-8"))["study"]["seed"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"`{path}` is damaged: it gives no `seed` under [study].") from error
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ConfigError(f"`seed` in `{path}` must be a whole number, it is {seed!r}.")
    return seed
