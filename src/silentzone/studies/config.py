"""``study.toml`` to :class:`~silentzone.records.config.StudyConfig` and back.

Everything that is wrong with a file is said at once: a study is edited on one machine and run on
another, and finding one error per attempt wastes both.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.transformers.hub import HUB_NAME
from silentzone.benchmarks.registry import BUILT_IN
from silentzone.errors import ConfigError
from silentzone.records.config import (
    AuditEntry,
    BenchmarkEntry,
    CorpusEntry,
    DecisionEntry,
    FloorEntry,
    GenerationEntry,
    ModelEntry,
    StudyConfig,
)
from silentzone.records.harness import HarnessEntry
from silentzone.studies.config_engine import engine_values, read_engine
from silentzone.studies.config_fields import ALL, Problems, Section
from silentzone.studies.config_sections import (
    AUDIT,
    BENCHMARK,
    CACHE,
    CANDIDATES,
    CORPUS,
    DECISION,
    FLOOR,
    GENERATION,
    HARNESS,
    MODEL,
    OF_CHOICES,
    SECTIONS,
    STUDY,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.benchmarks.built_in import BuiltIn

_MAX_CONFIG_BYTES: Final = 2**20
_MAX_COHORT: Final = 1000
_LATER_SHARD: Final = re.compile(r".+-(?!00001)\d{5}-of-\d{5}\.gguf")
_SHARD_ENDING: Final = re.compile(r"-\d{5}-of-\d{5}$")

_OF_TASKS: Final = ("name", "items", "path", "at_chance")
"""Keys of every benchmark that a task of lm-evaluation-harness has as well, beside its kind."""
_DECISION_COMMENT: Final = (
    "Chosen before the data are seen: margins as proportions of items, alpha one-sided."
)


def load_config(path: Path) -> StudyConfig:
    """Read a study.toml; relative paths in it start at its folder.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or asks for something impossible: one error that
        lists everything found.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_CONFIG_BYTES + 1)
        if len(content) > _MAX_CONFIG_BYTES:
            raise ConfigError(f"`{path}` is larger than {_MAX_CONFIG_BYTES} bytes")
        mapping = tomllib.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"`{path}` does not exist") from None
    except OSError as error:
        raise ConfigError(f"`{path}` cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"`{path}` is not TOML: {error}", hint="see https://toml.io") from error
    return parse_config(mapping, path.parent)


def parse_config(mapping: Mapping[str, Any], base: Path) -> StudyConfig:
    """Check what a study asks for.

    Parameters
    ----------
    mapping : Mapping
        The sections of a study.toml.
    base : Path
        Folder where relative paths and globs start.

    Raises
    ------
    ConfigError
        Listing everything wrong: unknown keys, types, ranges, missing files, names and paths
        given twice, names that are paths.
    """
    problems = Problems()
    base = base.absolute()
    problems.check_keys("study.toml", mapping, SECTIONS)
    study = {
        "name": base.name or "study",
        "seed": 1,
        **Section.of(mapping, "study", STUDY, problems).values,
    }
    problems.check_plain_name("[study]", study["name"])
    reference = _reference(mapping, base, problems)
    config = {
        **study,
        "reference": reference,
        "candidates": _candidates(mapping, base, reference, problems),
        "corpora": _corpora(mapping, base, problems),
        "benchmarks": _benchmarks(mapping, base, problems),
        "decision": DecisionEntry(
            **Section.of(mapping, "decision", DECISION, problems).values
        ),
        "engine": read_engine(mapping, problems),
        "floor": FloorEntry(**Section.of(mapping, "floor", FLOOR, problems).values),
        "audit": AuditEntry(**Section.of(mapping, "audit", AUDIT, problems).values),
    }  # fmt: skip
    decision: DecisionEntry = config["decision"]
    if not config["corpora"] and not config["benchmarks"]:
        problems.add("nothing to measure: give [[corpora]] or [[benchmarks]]")
    if decision.guard_margin < decision.margin:
        problems.add("[decision] `guard_margin` must not be below `margin`")
    problems.raise_if_any()
    return StudyConfig(**config)


def dump_config(config: StudyConfig) -> str:
    """Write a commented study.toml that :func:`parse_config` reads back to an equal study."""
    parts = [
        _table(
            "[study]",
            {"name": config.name, "seed": config.seed},
            "The seed decides every random step.",
        ),
        _table("[reference]", asdict(config.reference), "The model the others are held against."),
    ]
    parts += _tables(
        "[[candidates]]",
        [asdict(entry) for entry in config.candidates],
        'Or glob = "models/*.gguf", relative to the folder of this file.',
    )
    parts += _tables(
        "[[corpora]]",
        [asdict(entry) for entry in config.corpora],
        'Texts; windows = "all" takes every window.',
    )
    parts += _tables(
        "[[benchmarks]]",
        [_benchmark_values(entry) for entry in config.benchmarks],
        "Built in by name, or a JSONL file by path.",
    )
    parts += [
        _table("[decision]", asdict(config.decision), _DECISION_COMMENT),
        _table("[engine]", engine_values(config.engine), "Every value here can change a logit."),
        _table("[floor]", asdict(config.floor), "How much is measured against itself."),
        _table("[audit]", asdict(config.audit), "Zones, and when a metric is called silent."),
    ]
    return "\n".join(parts)


def _tables(title: str, entries: list[dict[str, Any]], comment: str) -> list[str]:
    return [_table(title, entry, "" if number else comment) for number, entry in enumerate(entries)]


def _benchmark_values(entry: BenchmarkEntry) -> dict[str, Any]:
    """Give the keys of a benchmark: those of its kind only."""
    values = asdict(entry)
    generation, harness = values.pop("generation"), values.pop("harness")
    if harness is not None:
        return {**{key: values[key] for key in _OF_TASKS}, "kind": "lm-eval", **harness}
    if generation is None:
        return values
    named = {key: values[key] for key in ("name", "items", "path")}
    return {**named, "kind": "generate", **generation}


def _table(title: str, values: Mapping[str, object], comment: str) -> str:
    lines = [f"# {comment}"] if comment else []
    lines.append(title)
    for key, value in values.items():
        if value is None and (title, key) != ("[[corpora]]", "windows"):
            continue
        lines.append(f"{key} = {toml_value(ALL if value is None else value)}")
    return "\n".join(lines) + "\n"


def toml_value(value: object) -> str:
    """Write a value as TOML; no character of a text ends its line or its quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'


def _reference(mapping: Mapping[str, Any], base: Path, problems: Problems) -> ModelEntry:
    section = Section.of(mapping, "reference", MODEL, problems, required=("path",))
    reference = _model(section, base, problems)
    if Path(reference.path).is_dir() and not _is_model(Path(reference.path)):
        # a candidate that is none costs itself alone, and is told of where it is read
        problems.add(f"[reference] `path`: `{reference.path}` is a folder without a config.json")
    return reference


def _candidates(
    mapping: Mapping[str, Any], base: Path, reference: ModelEntry, problems: Problems
) -> tuple[ModelEntry, ...]:
    entries: list[ModelEntry] = []
    for section in Section.all_of(mapping, "candidates", CANDIDATES, problems):
        if section.has("glob"):
            entries += _matching(section, base, reference, entries, problems)
        else:
            section.require("path")
            entries.append(_model(section, base, problems))
    if not entries:
        problems.add(
            "no candidates: give [[candidates]] with `path`, or `glob` that matches at least one "
            "file besides the reference"
        )
    problems.check_names("model", [reference.name, *(entry.name for entry in entries)])
    named: dict[tuple[object, ...], str] = {}
    for entry in (reference, *entries):
        content = (Path(entry.path).resolve(), entry.cache_k, entry.cache_v, entry.engine)
        if entry.path and content in named:
            problems.add(f"{named[content]!r} and {entry.name!r} are the same file `{entry.path}`")
        named[content] = entry.name
    return tuple(entries)


def _model(section: Section, base: Path, problems: Problems) -> ModelEntry:
    named = HUB_NAME.fullmatch(section.values.get("path", ""))
    path = named[0] if named else section.file("path", base, folder_allowed=True)
    cache = {key: section.values[key] for key in CACHE if key in section.values}
    usual = "".join(f" {key[-1].upper()} {kind}" for key, kind in cache.items())
    own = {key: section.values.get(key) for key in ("note", "engine", "same_weights")}
    usual = (Path(named["name"]).name if named else _stem(Path(path))) + usual
    name = section.values.get("name", usual)
    if path or section.has("name"):
        problems.check_plain_name(section.title, name)
    if _LATER_SHARD.fullmatch(Path(path).name):
        problems.add(f"{section.title} `path`: `{path}` is a later shard; give the first")
    return ModelEntry(name=name, path=path, **own, **cache)


def _matching(
    section: Section,
    base: Path,
    reference: ModelEntry,
    before: list[ModelEntry],
    problems: Problems,
) -> list[ModelEntry]:
    """Files of a glob, sorted by name; models already named and later shards are left out."""
    for key in ("name", "path", "same_weights", *CACHE):
        if section.has(key):
            problems.add(f"{section.title} has both `glob` and `{key}`")
    pattern = section.values.get("glob", "")
    start = Path(Path(pattern).anchor) if Path(pattern).is_absolute() else base
    try:
        relative = str(Path(pattern).relative_to(start)) if start != base else pattern
        found = sorted(path for path in start.glob(relative) if _is_model(path))
    except (ValueError, OSError, NotImplementedError) as error:
        problems.add(f"{section.title} `glob` = {pattern!r} cannot be used: {error}")
        return []
    if len(found) > _MAX_COHORT:
        problems.add(f"{section.title} `glob` = {pattern!r} matches {len(found)} files")
        return []
    known = {Path(entry.path).resolve() for entry in (reference, *before) if entry.path}
    entries = []
    for path in found:
        if path.resolve() in known or _LATER_SHARD.fullmatch(path.name):
            continue
        name = _stem(path)
        problems.check_plain_name(section.title, name)
        own = {key: section.values.get(key) for key in ("note", "engine")}
        entries.append(ModelEntry(name=name, path=str(path), **own))
    return entries


def _corpora(mapping: Mapping[str, Any], base: Path, problems: Problems) -> tuple[CorpusEntry, ...]:
    entries = []
    for section in Section.all_of(mapping, "corpora", CORPUS, problems):
        section.require("path")
        path = section.file("path", base, folder_allowed=True)
        values = {**section.values, "path": path}
        values.setdefault("name", Path(path).stem)
        if path or section.has("name"):
            problems.check_plain_name(section.title, values["name"])
        entry = CorpusEntry(**values)
        if entry.first_scored is not None and entry.first_scored >= entry.context_length:
            problems.add(f"{section.title} `first_scored` must be below `context_length`")
        if path and entry.documents == "files" and Path(path).is_file():
            problems.add(f'{section.title} `documents` = "files" needs a folder, `{path}` is none')
        entries.append(entry)
    problems.check_names("corpus", [entry.name for entry in entries])
    return tuple(entries)


def _benchmarks(
    mapping: Mapping[str, Any], base: Path, problems: Problems
) -> tuple[BenchmarkEntry, ...]:
    entries = []
    fields = BENCHMARK | GENERATION | HARNESS
    for section in Section.all_of(mapping, "benchmarks", fields, problems):
        if section.values.get("kind") == "lm-eval":
            entries.append(_task(section, base, problems))
            continue
        values = {key: section.values[key] for key in BENCHMARK if key in section.values}
        if section.has("path"):
            values["path"] = section.file("path", base)
            values.setdefault("name", Path(values["path"]).stem)
        else:
            section.require("name")
        values.setdefault("name", "")
        if values.get("path") or section.has("name"):
            problems.check_plain_name(section.title, values["name"])
        built_in = None if section.has("path") else BUILT_IN.get(values["name"])
        is_generated = _kind(section, built_in, problems) == "generate"
        values.pop("kind", None)
        for key in filter(section.has, (key for key in HARNESS if key not in GENERATION)):
            problems.add(f'{section.title} `{key}` goes with `kind` = "lm-eval" only')
        foreign = OF_CHOICES if is_generated else tuple(GENERATION)
        for key in filter(section.has, foreign):
            kind = "choice" if is_generated else "generate"
            problems.add(f'{section.title} `{key}` goes with `kind` = "{kind}" only')
        generation = _generation(section, built_in, problems) if is_generated else None
        entries.append(BenchmarkEntry(**values, generation=generation))
    problems.check_names("benchmark", [entry.name for entry in entries])
    return tuple(entries)


def _task(section: Section, base: Path, problems: Problems) -> BenchmarkEntry:
    """Read a benchmark that is a task of lm-evaluation-harness."""
    path = section.file("path", base, folder_allowed=True) if section.has("path") else None
    if path and Path(path).is_file():
        problems.add(f"{section.title} `path` must be the folder of the task files, not a file")
    for key in (*BENCHMARK, *GENERATION):
        if section.has(key) and key not in (*_OF_TASKS, "kind", *HARNESS):
            problems.add(f'{section.title} `{key}` does not go with `kind` = "lm-eval"')
    section.require("name")
    name = section.values.get("name", "")
    if section.has("name"):
        problems.check_plain_name(section.title, name)
    given: dict[str, Any] = {"task": name}
    given |= {key: section.values[key] for key in HARNESS if key in section.values}
    return BenchmarkEntry(
        name=name,
        items=section.values.get("items"),
        path=path,
        at_chance=section.values.get("at_chance", "stop"),
        harness=HarnessEntry(**given),
    )


def _kind(section: Section, built_in: BuiltIn | None, problems: Problems) -> str:
    """Give how a benchmark is asked: a built-in set knows, of a file it is said."""
    given: str | None = section.values.get("kind")
    if built_in is None:
        if given == "generate":
            section.require("path")
        return given or "choice"
    if given not in {None, built_in.kind}:
        problems.add(f'{section.title} `kind`: `{built_in.name}` is of kind "{built_in.kind}"')
    return built_in.kind


def _generation(section: Section, built_in: BuiltIn | None, problems: Problems) -> GenerationEntry:
    given = {key: section.values[key] for key in GENERATION if key in section.values}
    usual = {} if built_in is None else built_in.generation
    entry = GenerationEntry(**{**usual, **given})
    if entry.repeats > 1 and entry.temperature == 0.0:
        problems.add(
            f"{section.title} `repeats` above 1 needs a `temperature` above 0: without one every "
            "repeat is the same"
        )
    return entry


def _is_model(path: Path) -> bool:
    return path.is_file() or (path / "config.json").is_file()


def _stem(path: Path) -> str:
    # a dot in a folder's name ends no stem: Qwen2.5-0.5B
    return path.name if path.is_dir() else _SHARD_ENDING.sub("", path.stem)
