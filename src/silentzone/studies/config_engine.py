"""The section ``[engine]`` of a study.toml: one table in the file, two records in the program."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from silentzone.records.config import EngineEntry, ModelLoading
from silentzone.studies.config_fields import Section
from silentzone.studies.config_sections import ENGINE, LOADING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.studies.config_fields import Problems


def read_engine(mapping: Mapping[str, Any], problems: Problems) -> EngineEntry:
    """Read the section of a file, and note what is wrong with it."""
    values = Section.of(mapping, "engine", ENGINE | LOADING, problems).values
    loading = ModelLoading(**{key: values.pop(key) for key in LOADING if key in values})
    entry = EngineEntry(**values, loading=loading)
    if entry.micro_batch_tokens > entry.batch_tokens:
        problems.add("[engine] `micro_batch_tokens` must not exceed `batch_tokens`")
    return entry


def engine_values(entry: EngineEntry) -> dict[str, Any]:
    """Give the keys of the section; how transformers loads only where it is not as usual."""
    values = asdict(entry)
    loading, usual = values.pop("loading"), asdict(ModelLoading())
    return {**values, **{key: loading[key] for key in loading if loading[key] != usual[key]}}
