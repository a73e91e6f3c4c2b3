"""Models, corpora, benchmarks and engine: from the manifest's form to that of ``analysis.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.errors import TableError
from silentzone.records.models import lane_of
from silentzone.store.names import slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.scores import Entry

_MODEL_FIELDS = ("name", "file_bytes", "bits_per_weight", "weight_format", "is_quantized")


def model_as_json(
    model: JsonObject, *, missing: Sequence[str], gaps: Sequence[str] = ()
) -> JsonObject:
    """Model of the manifest, its status lowered where parts or values are missing.

    Parameters
    ----------
    model : dict
        As the manifest holds it.
    missing : sequence of str
        Parts without a table.
    gaps : sequence of str
        Where values are missing, and why, as sentences.
    """
    status = model.get("status") or "complete"
    cautions = [*model.get("cautions", []), *gaps]
    if missing:
        cautions.append("not measured: " + ", ".join(missing))
    if missing or gaps:
        status = "partial" if status == "complete" else status
    return {
        **{name: model[name] for name in _MODEL_FIELDS},
        "slug": slug(model["name"]),
        "note": model.get("note"),
        "status": status,
        "failure": model.get("failure"),
        "lane": lane_of(model),
        "engine": model.get("engine"),
        "cache_k": model.get("cache_k"),
        "cache_v": model.get("cache_v"),
        "memory_bytes": model.get("memory_bytes"),
        "cautions": cautions,
        "provenance": {
            str(name): value
            for name, value in (*model.get("provenance", []), *model.get("run_as", []))
        },
    }


def corpus_as_json(corpus: JsonObject) -> JsonObject:
    """Corpus of the manifest with the number of positions its plan scores."""
    plan = corpus["plan"]
    windows = int(corpus["window_count"])
    per_window = int(plan["context_length"]) - 1 - int(plan["first_scored"])
    return {
        "name": corpus["name"],
        "description": corpus["description"],
        "context_length": plan["context_length"],
        "first_scored": plan["first_scored"],
        "windows": windows,
        "positions": windows * per_window,
        "documents": corpus["document_count"],
        "text_sha256": corpus["text_sha256"],
    }


def benchmark_as_json(benchmark: JsonObject, entry: Entry) -> JsonObject:
    """Benchmark of the manifest with whether it enters the composite."""
    return {
        **{
            name: benchmark[name]
            for name in ("name", "description", "source", "licence", "headline")
        },
        "items": benchmark["item_count"],
        "chance": benchmark["chance"],
        "enters_composite": entry.enters,
        "why_not": entry.why_not,
    }


def engine_as_json(engine: JsonObject) -> JsonObject:
    """Engine of the manifest, its settings by name."""
    return {
        **{name: engine[name] for name in ("name", "version", "build", "device")},
        "settings": {str(name): value for name, value in engine["settings"]},
    }


def require_manifest(manifest: JsonObject) -> None:
    """Check that a manifest has what every analysis reads.

    Raises
    ------
    TableError
        Naming the first entry that is missing or of another type.
    """
    for name, kind in _SECTIONS.items():
        if not isinstance(manifest.get(name), kind):
            raise _damaged(name)
    decision = manifest["config"].get("decision")
    if not isinstance(decision, dict) or any(name not in decision for name in _DECISION):
        raise _damaged("config.decision")
    for section, fields in _ENTRIES.items():
        entries = manifest[section]
        for entry in entries if isinstance(entries, list) else [entries]:
            missing = [name for name in fields if not isinstance(entry, dict) or name not in entry]
            if missing:
                raise _damaged(f"{section}.{missing[0]}")


def _damaged(what: str) -> TableError:
    return TableError(
        f"`manifest.json` is not usable: `{what}` is missing or of another type.",
        hint="run the study again with the same command; finished parts are kept",
    )


_SECTIONS: dict[str, type] = {
    "study": dict,
    "config": dict,
    "reference": dict,
    "candidates": list,
    "corpora": list,
    "benchmarks": list,
    "engine": dict,
}
_DECISION = ("margin", "guard_margin", "alpha", "memory_budget_gb")
_CORPUS_FIELDS = ("name", "description", "plan", "window_count", "document_count", "text_sha256")
_BENCHMARK_FIELDS = ("name", "description", "source", "licence", "headline", "item_count", "chance")
_ENTRIES = {
    "reference": (*_MODEL_FIELDS, "sha256"),
    "candidates": (*_MODEL_FIELDS, "sha256"),
    "corpora": _CORPUS_FIELDS,
    "benchmarks": _BENCHMARK_FIELDS,
    "engine": ("name", "version", "build", "device", "settings"),
}
