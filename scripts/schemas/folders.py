"""``manifest.json`` and ``import.json``."""

from __future__ import annotations

from schemas.terms import (
    COUNT,
    NUMBER,
    TEXT,
    TEXTS,
    Schema,
    document,
    maybe,
    of_dataclass,
    record,
    rows,
    said,
    table_of,
)
from silentzone.records.config import StudyConfig
from silentzone.records.imported import ModelFacts
from silentzone.records.items import BenchmarkRef
from silentzone.records.models import BackendInfo, ModelRef
from silentzone.records.windows import CorpusRef
from silentzone.store.folder import MANIFEST_SCHEMA_VERSION
from silentzone.store.import_document import (
    IMPORT_SCHEMA_VERSION,
    FidelityEntry,
    ItemsEntry,
)

_LATER = {"cache_k", "cache_v", "engine", "has_reference_weights", "run_as", "rebuild_kld_mean"}
"""Fields that the first manifests of this version lack."""


def _fields(kind: type) -> dict[str, Schema]:
    own = of_dataclass(kind)["properties"]
    return {f"{name}_or_absent" if name in _LATER else name: one for name, one in own.items()}


def _model() -> Schema:
    return record(
        **_fields(ModelRef),
        lane_or_absent=said(TEXT, "what is varied: serving, kv-cache or engine"),
        path_name=said(TEXT, "file name, without its folder"),
        note=maybe(TEXT),
        memory_bytes=maybe(COUNT),
        cautions=TEXTS,
        status=TEXT,
        failure=maybe(TEXT),
    )


def manifest_schema() -> Schema:
    """Give the schema of ``manifest.json``."""
    return document(
        "manifest.json: what a study ran (docs/storage-schema.md)",
        MANIFEST_SCHEMA_VERSION,
        {"model": _model()},
        study=record(name=TEXT, seed=COUNT, created_at=TEXT, package_version=TEXT, command=TEXT),
        config=said(of_dataclass(StudyConfig), "study.toml with every default"),
        reference={"$ref": "#/$defs/model"},
        candidates={"type": "array", "items": {"$ref": "#/$defs/model"}},
        corpora={"type": "array", "items": record(**_fields(CorpusRef))},
        benchmarks={"type": "array", "items": of_dataclass(BenchmarkRef)},
        engine=said(of_dataclass(BackendInfo), "of the reference, and of all that name no other"),
        other_engines_or_absent={"type": "array", "items": of_dataclass(BackendInfo)},
        threads=COUNT,
        failures=rows(model=TEXT, part=TEXT, cause=TEXT),
        timings=said(table_of(table_of(NUMBER)), "seconds by model and part"),
        analyzed_inputs_or_absent=said(maybe(TEXT), "hash of what the stored answers were made of"),
    )


def import_schema() -> Schema:
    """Give the schema of ``import.json``."""
    return document(
        "import.json: what was imported, from where (docs/importing.md)",
        IMPORT_SCHEMA_VERSION,
        {},
        written_by=TEXT,
        models={"type": "array", "items": of_dataclass(ModelFacts)},
        items={"type": "array", "items": of_dataclass(ItemsEntry)},
        fidelity={"type": "array", "items": of_dataclass(FidelityEntry)},
        notes=TEXTS,
        chance_or_absent=said(table_of(NUMBER), "score of guessing by benchmark, as a file states"),
    )
