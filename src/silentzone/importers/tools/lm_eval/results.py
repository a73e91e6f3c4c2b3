"""The results file of a run: what was asked of whom, and what the items must add up to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.text_files import refuse_other_formats, unreadable
from silentzone.importers.tools.lm_eval.hashes import is_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST_FILE: Final = 256 * 2**20
_SECRET = re.compile(r"(?i)((?:api_?key|token|secret|password)[^=,:]*['\"]?\s*[=:]\s*)[^,}]+")
_MODEL_ARGS: Final = ("gguf_file", "peft", "delta", "pretrained", "model", "path", "engine")
"""Which of the model's arguments names it; the first that is there."""
_MEANS: Final = ("mean", "nanmean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a results file says of one run; empty where there is no such file."""

    name: str | None = None
    """Of the file; null where there is none."""
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> Mapping[str, Any] | None:
        """Scores by task; null without a file."""
        return None if self.name is None else self.of("results")

    def of(self, key: str) -> Mapping[str, Any]:
        """Give a section; empty where it is missing or something else."""
        section = self.content.get(key)
        return section if isinstance(section, dict) else {}

    def task_config(self, task: str) -> Mapping[str, Any]:
        """Give the settings of a task."""
        config = self.of("configs").get(task)
        return config if isinstance(config, dict) else {}

    def aggregation(self, task: str, metric: str) -> str | None:
        """How a metric of a task is put together from its items; null where it is not said."""
        entries = self.task_config(task).get("metric_list")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("metric") == metric:
                said = entry.get("aggregation")
                return None if said is None else str(said)
        return None

    def is_mean(self, task: str, metric: str) -> bool | None:
        """Whether a metric is the mean of its items; null where it is not said."""
        said = self.aggregation(task, metric)
        return None if said is None else said in _MEANS

    def lower_is_better(self, task: str) -> set[str]:
        """Metrics that are said to be better the lower they are."""
        of_task = self.of("higher_is_better").get(task)
        items = of_task.items() if isinstance(of_task, dict) else ()
        return {name for name, is_higher in items if is_higher is False}

    def stated(self, task: str, metric: str, filter_name: str) -> float | None:
        """Score of a task by one metric and filter, null where there is no number."""
        scores = self.of("results").get(task)
        if not isinstance(scores, dict):
            return None
        value = scores.get(f"{metric},{filter_name}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        try:
            return float(value)
        except OverflowError:
            return None

    def filters(self, task: str) -> list[str]:
        """Names of the filters a task was scored through."""
        scores = self.of("results").get(task)
        keys = scores if isinstance(scores, dict) else {}
        found = (key.partition(",")[2] for key in keys if "," in key)
        return list(dict.fromkeys(found))

    def number_of_items(self, task: str) -> int | None:
        """How many items of a task were scored."""
        counts = self.of("n-samples").get(task)
        value = counts.get("effective") if isinstance(counts, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def task_hash(self, task: str) -> str | None:
        """SHA-256 over the hashes of all of a task's rows in file order."""
        value = self.of("task_hashes").get(task)
        return value if isinstance(value, str) and value else None


def read_results(path: Path) -> Results:
    """Read a results file.

    Raises
    ------
    TableError
        If it cannot be read, or holds no results of lm-eval.
    """
    refuse_other_formats(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise TableError(f"`{path.name}` is far larger than any results file of lm-eval")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        is_plain = is_text(json.dumps(content, ensure_ascii=False))
    except UnicodeDecodeError as error:
        raise TableError(f"`{path.name}` is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise TableError(
            f"`{path.name}` is no JSON, or was cut off",
            hint="copy it again from where lm-eval wrote it",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not is_plain:
        raise TableError(f"`{path.name}` holds half of a surrogate pair, which is no text")
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise TableError(f"`{path.name}` holds no `results`; it is no results file of lm-eval")
    return Results(name=path.name, content=content)


def model_name(results: Results) -> str | None:
    """Name of the model that was run; null where the file says none.

    A GGUF file among the model's arguments names it, for lm-eval's own name is the folder then,
    which all quantizations of one model share.
    """
    named = [results.content.get("model_name")]
    arguments = results.of("config").get("model_args")
    values = _arguments(arguments)
    if "gguf_file" in values:
        named.insert(0, values["gguf_file"])
    named += [values[key] for key in _MODEL_ARGS if key in values]
    return next((_plain_name(one) for one in named if isinstance(one, str) and one.strip()), None)


def _arguments(value: object) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(key): str(one) for key, one in value.items()}
    if not isinstance(value, str):
        return {}
    parts = (part.partition("=") for part in value.split(","))
    return {key.strip(): one.strip() for key, sign, one in parts if sign}


def _plain_name(name: str) -> str:
    """Name without the folders of one machine; a name on a model hub keeps its owner."""
    text = name.strip().rstrip("/\\") or name
    is_file = text.lower().endswith(".gguf")
    if "\\" in text:
        text = PureWindowsPath(text).name
    elif is_file or text.startswith(("/", ".", "~")):
        text = PurePosixPath(text).name
    return text[: -len(".gguf")] if is_file and len(text) > len(".gguf") else text


def settings_of(results: Results, task: str) -> dict[str, str]:
    """Give what must agree between two models' answers to a task, as far as the file says it."""
    if results.name is None:
        return {}
    config = results.task_config(task)
    n_shot = results.of("n-shot").get(task, config.get("num_fewshot"))
    version = results.of("versions").get(task)
    found = {
        "task_version": None if version is None else str(version),
        "n_shot": None if n_shot is None else str(n_shot),
        "repeats": str(config.get("repeats") or 1) if config else None,
        "generation": _canonical(config.get("generation_kwargs")) if config else None,
    }
    if "chat_template_sha" in results.content:
        found |= {
            "chat_template_sha256": str(results.content["chat_template_sha"] or "none"),
            "system_instruction_sha256": str(
                results.content.get("system_instruction_sha") or "none"
            ),
            "fewshot_as_multiturn": str(bool(results.content.get("fewshot_as_multiturn"))).lower(),
        }
    return {name: value for name, value in found.items() if value is not None}


def about_of(results: Results, date: str | None) -> dict[str, str]:
    """Give what may differ between two runs and is worth keeping."""
    config = results.of("config")
    started = results.content.get("date")
    found = {
        "date": _iso_date(started) or date,
        "lm_eval": results.content.get("lm_eval_version"),
        "git_hash": results.content.get("git_hash"),
        "transformers": results.content.get("transformers_version"),
        "model_type": results.content.get("model_source") or config.get("model"),
        "model_args": _canonical(config.get("model_args")) if config.get("model_args") else None,
        **{
            name: config.get(name)
            for name in (
                "model_num_parameters", "model_dtype", "model_revision", "model_sha",
                "model_sha256", "batch_size", "device", "limit", "gen_kwargs", "random_seed",
                "fewshot_seed",
            )
        },
    }  # fmt: skip
    texts = {name: _text(value) for name, value in found.items()}
    return {name: text for name, text in texts.items() if text not in {"", "N/A", "None", "{}"}}


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _canonical(value)
    return _SECRET.sub(r"\1...", text)


def _canonical(value: object) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _iso_date(value: object) -> str | None:
    if not isinstance(value, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return None
