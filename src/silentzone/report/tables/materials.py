"""What was measured with, and what was left out: benchmarks, corpora, files, engine, limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.reading import texts
from silentzone.report.views import Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import score_title
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort


def benchmarks(raw: Raw) -> Table:
    """Return the benchmarks, and which enter the composite."""
    notes = Notes()
    made = []
    for row in rows(raw, "benchmarks"):
        chance = finite(row.get("chance"))
        enters = "yes" if row.get("enters_composite") else "no"
        made.append(
            [
                text_cell(
                    visible(row.get("name")), detail=visible(row.get("description") or "") or None
                ),
                text_cell(visible(row.get("source") or "not recorded")),
                text_cell(visible(row.get("licence") or "not recorded")),
                text_cell(visible(row.get("headline") or "not recorded")),
                number_cell(numbers.count(finite(row.get("items")) or 0)),
                notes.missing("not recorded")
                if chance is None
                else number_cell(numbers.percent(chance)),
                text_cell(enters, detail=visible(row["why_not"]) if row.get("why_not") else None),
            ]
        )
    return make_table(
        "benchmarks", "Benchmarks.",
        ("benchmark", "source", "licence", "scored", "items", "chance", "in the composite"),
        made, notes,
    )  # fmt: skip


def corpora(raw: Raw) -> Table:
    """Return the corpora with their counts and hashes."""
    keys = ("context_length", "first_scored", "windows", "positions", "documents")
    return make_table(
        "corpora", "Corpora.",
        ("corpus", *(key.replace("_", " ") for key in keys), "SHA-256 of the text"),
        [
            [
                text_cell(
                    visible(row.get("name")), detail=visible(row.get("description") or "") or None
                ),
                *(
                    number_cell(
                        numbers.DASH if finite(row.get(key)) is None
                        else numbers.count(finite(row.get(key)) or 0)
                    )
                    for key in keys
                ),
                text_cell(visible(row.get("text_sha256") or "not recorded")),
            ]
            for row in rows(raw, "corpora")
        ],
    )  # fmt: skip


def models(cohort: Cohort) -> Table:
    """Return the models with files and provenance."""
    return make_table(
        "models", "Models: full names, files, provenance as the files state it.",
        ("model", "format", "bytes", "status", "note", "provenance"),
        [
            [
                text_cell(visible(model.name), detail="reference" if model.is_reference else None),
                text_cell(visible(model.raw.get("weight_format") or "unknown")),
                number_cell(numbers.count(finite(model.raw.get("file_bytes")) or 0)
                            if model.raw.get("file_bytes") is not None else numbers.DASH),
                text_cell(model.status, detail=visible(model.raw.get("failure") or "") or None),
                text_cell("; ".join((*texts(model.raw.get("note")),
                                     *texts(model.raw.get("cautions")))) or "none"),
                text_cell(_pairs(model.raw.get("provenance"))),
            ]
            for model in cohort.models
        ],
    )  # fmt: skip


def _pairs(raw: object) -> str:
    if not isinstance(raw, Mapping) or not raw:
        return "none recorded"
    return "; ".join(f"{visible(key)} = {visible(value)}" for key, value in raw.items())


def engine(cohort: Cohort) -> Table:
    """Return engine, seed and every setting."""
    engine, study, decision, source = (
        cohort.raw[key] for key in ("engine", "study", "decision", "source")
    )
    settings = engine.get("settings")
    files = ", ".join(texts(source.get("files") or ()))
    found = {
        "made from": f"{source.get('kind')}{f' ({files})' if files else ''}" if source else None,
        "engine": engine.get("name"),
        "engine version": engine.get("version"),
        "engine build": engine.get("build"),
        "device": engine.get("device"),
        **{f"engine setting {key}": value for key, value in dict(settings or {}).items()},
        "seed": study.get("seed"),
        "created at": study.get("created_at"),
        "silentzone version": study.get("package_version"),
        "margin": decision.get("margin"),
        "guard margin": decision.get("guard_margin"),
        "alpha": decision.get("alpha"),
        "tested by": decision.get("method"),
        "memory budget, bytes": decision.get("memory_budget_bytes"),
        "file budget, bytes": decision.get("file_bytes_budget"),
        "budget, bits per weight": decision.get("bits_per_weight_budget"),
    }
    return make_table(
        "engine", "Engine, seed and settings.", ("setting", "value"),
        [
            [text_cell(visible(key)), text_cell("none" if v is None else visible(v))]
            for key, v in found.items()
        ],
    )  # fmt: skip


def limits(raw: Raw) -> tuple[Table, ...]:
    """Return what was left out and what failed, counted."""
    label = {row["name"]: visible(row["name"]) for row in rows(raw, "candidates")}
    return (
        make_table(
            "exclusions", "What was left out.", ("what", "count", "why"),
            [
                [text_cell(visible(row.get("what"))),
                 number_cell(numbers.DASH if finite(row.get("count")) is None
                             else numbers.count(finite(row.get("count")) or 0)),
                 text_cell(visible(row.get("why") or ""))]
                for row in rows(raw, "exclusions")
            ],
        ),
        make_table(
            "failures", "What failed.", ("model", "part", "cause"),
            [
                [text_cell(label.get(str(row.get("model")), visible(row.get("model")))),
                 text_cell(visible(row.get("part") or "")),
                 text_cell(visible(row.get("cause") or ""))]
                for row in rows(raw, "failures")
            ],
        ),
    )  # fmt: skip


def composites(raw: Raw) -> Table:
    """Return every composite with its definition and what it leaves out."""
    return make_table(
        "composites", "Composites: how the benchmarks are made into one score.",
        ("composite", "definition", "benchmarks", "left out"),
        [
            [
                text_cell(score_title(str(row.get("name"))),
                          detail=visible(row["why_empty"]) if row.get("why_empty") else None),
                text_cell(visible(row.get("definition") or "")),
                text_cell(", ".join(texts(row.get("benchmarks") or ())) or "none"),
                text_cell("; ".join(
                    f"{visible(one.get('benchmark'))}: {visible(one.get('why'))}"
                    for one in rows(row, "left_out")
                ) or "none"),
            ]
            for row in rows(raw, "composites")
        ],
    )  # fmt: skip
