"""Names of lighteval's output files, and what its results file says of a task."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.json_documents import plain_text, read_document
from silentzone.importers.reading import Bundle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_DETAILS: Final = re.compile(
    r"details_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)\.parquet"
)
_SHOTS: Final = re.compile(r"(?P<name>.+?)\|(?P<shots>\d+)(?:\|\d+)?")
_SECRET: Final = re.compile(r"(?i)key|token$|secret|password")


def find_details(files: Sequence[Path]) -> list[Bundle]:
    """Bundles of a details file and, where there is one, the results file of its run."""
    return [
        Bundle(main=path, companions=_results_of(path))
        for path in files
        if _DETAILS.fullmatch(path.name)
    ]


def _results_of(path: Path) -> tuple[Path, ...]:
    """Results file of a run: ``results/MODEL/`` beside ``details/MODEL/DATE/``, or at hand."""
    name = f"results_{named(path).date}.json"
    folders = [path.parent, path.parent.parent]
    for above in path.parents:
        if above.name == "details":
            model = path.parent.parent.relative_to(above)
            folders.append(above.parent / "results" / model)
            break
    try:
        return tuple([one / name for one in folders if (one / name).is_file()][:1])
    except (OSError, ValueError):
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the name of a details file says."""

    task: str
    """As the results file calls it, with its number of examples."""
    benchmark: str
    shots: str | None
    date: str | None


def named(path: Path) -> Named:
    """Read the name of a details file."""
    found = _DETAILS.fullmatch(path.name)
    task = path.stem if found is None else found["task"]
    shots = _SHOTS.fullmatch(task)
    return Named(
        task=task,
        benchmark=task if shots is None else shots["name"],
        shots=None if shots is None else shots["shots"],
        date=None if found is None else found["date"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a results file says of one task; empty where there is no such file."""

    name: str | None = None
    general: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> Mapping[str, Any]:
        """Settings of the model."""
        return _section(self.general, "model_config")

    def metric(self, name: str) -> Mapping[str, Any]:
        """Give the settings of a metric of the task; empty where it has none of that name."""
        metrics = self.config.get("metrics")
        for one in metrics if isinstance(metrics, list) else ():
            if isinstance(one, dict) and one.get("metric_name") == name:
                return one
        return {}


def read_results(path: Path, task: str) -> Results:
    """Read what a results file says of a task.

    Raises
    ------
    TableError
        If it cannot be read, or does not have the task.
    """
    content = read_document(path)
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise TableError(f"`{path.name}` holds no `results`; it is no results file of lighteval")
    if not isinstance(content["results"].get(task), dict):
        raise TableError(f"`{path.name}` has no scores of `{task}`; is it of another run?")
    return Results(
        name=path.name,
        general=_section(content, "config_general"),
        scores=content["results"][task],
        config=_section(_section(content, "config_tasks"), task),
    )


def settings_of(results: Results, shots: str | None) -> dict[str, str]:
    """Give what must agree between two models' answers, as far as the files say it."""
    found = {"n_shot": shots}
    if results.config:
        found["task_version"] = str(results.config.get("version"))
        found["generation_size"] = str(results.config.get("generation_size"))
        found["stop_sequence"] = _json(results.config.get("stop_sequence"))
    if results.model:
        parameters = _section(results.model, "generation_parameters")
        given = {name: value for name, value in parameters.items() if value is not None}
        system = results.model.get("system_prompt")
        found["generation"] = _json(given)
        found["system_prompt_sha256"] = (
            hashlib.sha256(_json(system).encode()).hexdigest() if system else "none"
        )
    return {name: value for name, value in found.items() if value is not None}


def about_of(results: Results, date: str | None) -> dict[str, str]:
    """Give what may differ between two runs and is worth keeping."""
    model = {
        name: "..." if _SECRET.search(name) and value is not None else value
        for name, value in results.model.items()
        if name != "generation_parameters" and value is not None
    }
    found = {
        "date": date,
        "lighteval_sha": results.general.get("lighteval_sha"),
        "max_samples": results.general.get("max_samples"),
        "model_config": _json(model) if model else None,
    }
    texts = {name: plain_text(value) for name, value in found.items()}
    return {name: text for name, text in texts.items() if text is not None and text != "?"}


def _section(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = content.get(key)
    return section if isinstance(section, dict) else {}


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
