"""What a study's manifest says: what ran, on what, and what became of it."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from silentzone import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.records.models import BackendInfo
    from silentzone.studies.plan import StudyPlan


class StudyManifest:
    """Writes the manifest of one study, from several threads; the folder's lock is held.

    Parameters
    ----------
    plan : StudyPlan
    command : str
        What the user typed.
    """

    def __init__(self, plan: StudyPlan, command: str) -> None:
        self._plan = plan
        self._command = command
        self._lock = threading.Lock()
        self.timings: dict[str, dict[str, float]] = {}
        """Seconds of every part, by step."""

    def add_timing(self, title: str, seconds: Mapping[str, float]) -> None:
        """Note how long the parts of one step took; several times for one step add up."""
        known = self.timings.get(title, {})
        added = {part: known.get(part, 0.0) + taken for part, taken in seconds.items()}
        self.timings[title] = {**known, **added}

    def config_changed(self) -> bool:
        """Whether the folder was measured with another configuration, or never."""
        stored = self._previous().get("config")
        return bool(stored != json.loads(json.dumps(asdict(self._plan.config))))

    def analyzed_inputs(self) -> str | None:
        """Hash over what the stored analysis was made of; null if there is none."""
        found = self._previous().get("analyzed_inputs")
        return None if found is None else str(found)

    def write(self) -> None:
        """Write what is known now."""
        with self._lock:
            self._write()

    def write_analyzed(self, inputs: str) -> None:
        """Note what the analysis was made of."""
        self._plan.folder.write_manifest({**self._previous(), "analyzed_inputs": inputs})

    def _write(self) -> None:
        plan, previous = self._plan, self._previous()
        study = {
            "name": plan.config.name,
            "seed": plan.config.seed,
            "created_at": self._created_at(previous),
            "package_version": __version__,
            "command": self._command,
        }
        plan.folder.write_manifest(
            {
                "study": study,
                "config": asdict(plan.config),
                "reference": plan.cohort.reference.to_json(),
                "candidates": [model.to_json() for model in plan.cohort.candidates],
                "corpora": [asdict(ref) for ref in plan.corpus_refs()],
                "benchmarks": [asdict(ref) for ref in plan.benchmark_refs],
                "engine": asdict(plan.info),
                "other_engines": [_plain(info) for info in plan.other_engines()],
                "threads": plan.settings.threads,
                "failures": plan.failures,
                "timings": {**previous.get("timings", {}), **self.timings},
                "analyzed_inputs": previous.get("analyzed_inputs"),
            }
        )

    def _previous(self) -> dict[str, Any]:
        folder = self._plan.folder
        return folder.manifest() if folder.has_manifest() else {}

    @staticmethod
    def _created_at(previous: dict[str, Any]) -> str:
        created = previous.get("study", {}).get("created_at")
        return str(created) if created else datetime.now(UTC).isoformat(timespec="seconds")


def _plain(info: BackendInfo) -> dict[str, Any]:
    """Give an engine without the one it is held against, which the manifest names by itself."""
    return {key: value for key, value in asdict(info).items() if key != "home"}
