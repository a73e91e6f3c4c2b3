"""The object of lm-evaluation-harness for one task file."""

from __future__ import annotations

import difflib
import tempfile
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError, SilentzoneError
from silentzone.harness import library

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from silentzone.harness.task_files import TaskFile
    from silentzone.records.harness import HarnessEntry

_LOCAL_LOADERS = ("json", "csv", "parquet", "text", "arrow")


def build_task(task_file: TaskFile, entry: HarnessEntry) -> Any:  # noqa: ANN401 - of the library
    """Make the task.

    Functions that a file names are imported where ``entry.code`` says so and nowhere else; without
    it they would be read as texts, so whoever calls this refuses such a file first.

    Raises
    ------
    BenchmarkError
        If the file does not describe a task, or its data are not on this machine.
    """
    loader = library.load("lm_eval.tasks._yaml_loader")
    manager = library.load("lm_eval.tasks").TaskManager(include_defaults=False)
    name = task_file.path.name
    try:
        config = dict(loader.load_yaml(task_file.path, resolve_func=entry.code))
        _check_config(config, name, has_code=bool(task_file.code))
        with tempfile.TemporaryDirectory(prefix="silentzone-lm-eval-") as cache:
            config["dataset_kwargs"] = _dataset_kwargs(config, task_file.path.parent, cache)
            (task,) = manager.load([config])["tasks"].values()
    except SilentzoneError:
        raise
    except Exception as error:
        raise _explained(error, config if "config" in locals() else {}, entry, name) from error
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        raise BenchmarkError(
            f"the task `{entry.task}` measures perplexity, which is no score of an item",
            hint="give its text as [[corpora]]",
        )
    if getattr(task, "MULTIMODAL", False):
        raise BenchmarkError(f"the task `{entry.task}` shows pictures or sounds")
    _set_shots(task, entry)
    return task


def _set_shots(task: Any, entry: HarnessEntry) -> None:  # noqa: ANN401
    own = task.get_config("num_fewshot")
    if entry.num_fewshot is not None and own == 0 and entry.num_fewshot != 0:
        raise BenchmarkError(
            f"the task `{entry.task}` has `num_fewshot: 0` and may not be asked with examples",
            hint="leave `num_fewshot` out",
        )
    shots = own if entry.num_fewshot is None else entry.num_fewshot
    task.set_config(key="num_fewshot", value=shots or 0)


def _check_config(config: Mapping[str, Any], name: str, *, has_code: bool) -> None:
    """Refuse what lm-evaluation-harness would look for on the hub, or take for something else."""
    registry = library.load("lm_eval.api.registry")
    library.load("lm_eval.api.metrics")
    library.load("lm_eval.filters")
    metrics = config.get("metric_list")
    for one in metrics if isinstance(metrics, list) else []:
        metric = one.get("metric") if isinstance(one, dict) else one
        if isinstance(metric, str) and not (has_code and callable(config.get("process_results"))):
            _known(metric, registry.metric_registry.keys(), f"`{name}`: metric")
    filters = config.get("filter_list")
    for pipeline in filters if isinstance(filters, list) else []:
        for step in pipeline.get("filter", []) if isinstance(pipeline, dict) else []:
            function = step.get("function") if isinstance(step, dict) else None
            if isinstance(function, str):
                _known(function, registry.filter_registry.keys(), f"`{name}`: filter function")


def _known(given: str, known: Iterable[str], what: str) -> None:
    names = sorted(known)
    if given in names:
        return
    close = difflib.get_close_matches(given, names, n=1)
    raise BenchmarkError(
        f"{what} `{given}` is not part of lm-evaluation-harness {library.VERSION}",
        hint=f"did you mean `{close[0]}`?" if close else f"it has: {', '.join(names)}",
    )


def _dataset_kwargs(config: Mapping[str, Any], folder: Path, cache: str) -> dict[str, Any]:
    """Find data files beside the task file too; keep nothing on disk, fetch nothing."""
    given = dict(config.get("dataset_kwargs") or {})
    if config.get("dataset_path") not in _LOCAL_LOADERS:
        return given
    if "data_files" in given:
        given["data_files"] = _located(given["data_files"], folder)
    return {**given, "keep_in_memory": True, "cache_dir": cache}


def _located(files: Any, folder: Path) -> Any:  # noqa: ANN401 - text, list or mapping
    if isinstance(files, dict):
        return {split: _located(value, folder) for split, value in files.items()}
    if isinstance(files, list):
        return [_located(value, folder) for value in files]
    text = str(files)
    if "://" in text or "::" in text:
        raise BenchmarkError(
            f"`data_files`: `{text}` lies on a network, and studies use none",
            hint="fetch it and name the file",
        )
    beside = folder / text
    return str(beside) if beside.exists() else text


def _explained(
    error: Exception, config: Mapping[str, Any], entry: HarnessEntry, name: str
) -> BenchmarkError:
    """Say what is wrong in the words of somebody who has the file before him."""
    said = f"{type(error).__name__}: {error}"
    where = config.get("dataset_path")
    is_hub = isinstance(where, str) and where not in _LOCAL_LOADERS
    offline = ("offline", "connection", "couldn't reach", "couldn't find", "doesn't exist")
    if is_hub and any(word in said.lower() for word in offline):
        return BenchmarkError(
            f"the data of the task `{entry.task}` (`{where}`) are not on this machine, and studies "
            "do not use the hub",
            hint="load the set once with the `datasets` library, or point a task file of your own "
            "at a local file (`dataset_path: json` with `data_files`)",
        )
    if isinstance(error, FileNotFoundError):
        return BenchmarkError(f"`{name}`: {error}", hint="see `dataset_kwargs: data_files`")
    return BenchmarkError(f"`{name}` cannot be used as a task: {said}", hint="see docs/lm-eval.md")
