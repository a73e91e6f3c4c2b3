"""Which engine runs each model of a study; a study may have several."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from silentzone.backends.registry import engine_named
from silentzone.backends.transformers.hub import HUB_NAME, located
from silentzone.errors import ConfigError
from silentzone.records.config import ModelLoading
from silentzone.records.models import away_from
from silentzone.studies.preparation import engine_settings

if TYPE_CHECKING:
    from silentzone.backends.registry import Engine
    from silentzone.records.config import ModelEntry, StudyConfig
    from silentzone.records.models import BackendInfo

_TRANSFORMERS = "transformers"


class Engines:
    """Engines of a study by model.

    Parameters
    ----------
    config : StudyConfig

    Raises
    ------
    ConfigError
        If it sets how transformers loads a model, and none runs there.
    """

    def __init__(self, config: StudyConfig) -> None:
        self._config = config
        self._require_use_of_settings()
        self._settings = engine_settings(config.engine)
        self._found: dict[str, Engine] = {}
        self._infos: dict[str, BackendInfo] = {}

    def of(self, entry: ModelEntry) -> Engine:
        """Engine of a model: the one it names, or that of its kind of files, or the study's.

        Raises
        ------
        ConfigError
            If there is none of that name.
        MissingExtraError
            If it is not installed.
        """
        name = self._name(entry)
        if name not in self._found:
            self._found[name] = engine_named(name)
        return self._found[name]

    def info(self, entry: ModelEntry) -> BackendInfo:
        """Say what a loaded model would record of its engine.

        Where the reference has another engine, that one is named beside it.
        """
        return away_from(self._described(self._config.reference), self._described(entry))

    def run_as(self, entry: ModelEntry) -> tuple[tuple[str, str], ...]:
        """Say what its engine will do with a model, where another machine may do otherwise.

        Raises
        ------
        ModelFileError
            If the model asks for what is not done.
        """
        engine = self.of(entry)
        return () if engine.run_as is None else engine.run_as(Path(entry.path), self._settings)

    def is_elsewhere(self, entry: ModelEntry) -> bool:
        """Whether a model is run by another engine than the reference."""
        return self.of(entry).name != self.of(self._config.reference).name

    def located(self, entry: ModelEntry) -> ModelEntry:
        """Give a model with its path on this disk; one on a hub is looked up or fetched.

        Raises
        ------
        AssetUnavailableError
            If a model on a hub is not here, and could not or may not be fetched.
        """
        if HUB_NAME.fullmatch(entry.path) is None:
            return entry
        folder = located(entry.path, fetch=self._config.engine.loading.download)
        return replace(entry, path=str(folder), engine=self.of(entry).name)

    def _require_use_of_settings(self) -> None:
        asked, usual = asdict(self._config.engine.loading), asdict(ModelLoading())
        changed = [f"`{key}`" for key in asked if asked[key] != usual[key]]
        entries = (self._config.reference, *self._config.candidates)
        if changed and all(self._name(entry) != _TRANSFORMERS for entry in entries):
            raise ConfigError(
                f"[engine] sets {', '.join(changed)} for {_TRANSFORMERS}, and no model of the "
                "study runs there",
                hint=f'leave it out, or give a model `engine = "{_TRANSFORMERS}"`',
            )

    def _name(self, entry: ModelEntry) -> str:
        if entry.engine is not None:
            return entry.engine
        is_folder = Path(entry.path).is_dir()
        is_on_hub = HUB_NAME.fullmatch(entry.path) is not None
        return _TRANSFORMERS if is_folder or is_on_hub else self._config.engine.backend

    def _described(self, entry: ModelEntry) -> BackendInfo:
        engine = self.of(entry)
        if engine.name not in self._infos:
            self._infos[engine.name] = engine.describe(self._settings)
        return self._infos[engine.name]
