"""Reports of mlx-quant-fidelity: quantized weights, or a quantized KV cache, on one corpus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError
from silentzone.importers.json_records import (
    Record,
    perplexity_ratio,
    read_record,
    records_of,
    storable,
)
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.records.imported import FidelityRow, Imported, ModelFacts, Stated

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.records.imported import SourceFile

_NAME: Final = "mlx-quant-fidelity"
_KLD: Final = {"kld_mean": "mean", "kld_median": "median", "kld_p99": "p99", "kld_max": "max"}
_PERPLEXITIES: Final = {
    "ppl_reference": "perplexity_ref",
    "ppl_candidate": "perplexity_quant",
    "ppl_delta": "perplexity_delta",
}
_ABOUT: Final = (
    "verdict", "device", "mlx_version", "mlx_lm_version", "quant_revision", "reference_revision",
    "model_revision", "quant_bits", "quant_group_size", "quant_mode", "quant_geometry", "per_layer",
    "reference_bits", "kv_bits", "kv_group_size", "kv_method", "kv_method_params", "kv_partial",
    "kv_layers_total", "kv_layers_quantized", "kv_layers_skipped", "quantize_mode",
    "quantize_start", "drift_footing", "control_kl", "n_positions", "kl_by_depth",
)  # fmt: skip


def _is_own(_path: Path, head: bytes) -> bool:
    marks = (b'"flip_rate"', b'"perplexity_quant"', b'"corpus"')
    return head.lstrip().startswith(b"{") and all(mark in head for mark in marks)


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    record = read_record(bundle.main)
    reports, notes = _reports(record)
    if options.model is not None and len(reports) > 1:
        raise TableError(
            f"`{bundle.main.name}` compares {len(reports)} models, so one name for all of them "
            f"(`{options.model}`) cannot be right",
            hint="leave --model out and use --rename OLD=NEW",
        )
    source = source_of(bundle.main, _NAME)
    rows, models = [], []
    for report in reports:
        row, facts = _row(report, options, source)
        rows.append(row)
        models += facts
        notes += [f"{row.model}: {note}" for note in _notes(report)]
    return Imported(fidelity=tuple(rows), models=_merged(models), notes=tuple(notes))


def _reports(record: Record) -> tuple[list[Record], list[str]]:
    """Give the reports of a file: one, or those of a comparison that were measured."""
    if "results" not in record.fields:
        return [record], []
    reports, notes = [], []
    for entry in records_of(record.fields["results"], record.source, "`results`"):
        if isinstance(entry.fields.get("report"), dict):
            reports.append(entry.section("report"))
        else:
            why = entry.said("message") or entry.said("excluded_reason") or entry.said("status")
            notes.append(f"{entry.said('label')}: the tool has no result of it ({why})")
    if not reports:
        raise TableError(f"`{record.source}` compares models, and no one of them was measured")
    return reports, notes


def _row(
    report: Record, options: ImportOptions, source: SourceFile
) -> tuple[FidelityRow, list[ModelFacts]]:
    is_weights = "quant_model_id" in report.fields
    if is_weights:
        model = report.text("quant_model_id")
        reference = report.text("reference_model_id")
    else:
        reference = report.text("model_id")
        model = f"{reference}, KV cache {_kv_words(report)}"
    model, reference = options.model or model, options.reference or reference
    corpus = report.section("corpus")
    name = "/".join((corpus.text("name"), corpus.text("split")))
    row = FidelityRow(
        model=model,
        corpus=options.corpus or name,
        metrics=_metrics(report),
        protocol=_protocol(report, corpus, reference, is_weights=is_weights),
        about=_about(report, corpus),
        sources=(source,),
    )
    facts = [
        ModelFacts(
            name=reference,
            file_bytes=report.whole("reference_model_bytes") or None,
            is_reference=True,
        ),
        ModelFacts(
            name=model,
            file_bytes=report.whole("quant_model_bytes") or None,
            bits_per_weight=report.finite("quant_bits_per_weight") or None,
        ),
    ]
    return row, facts


def _kv_words(report: Record) -> str:
    bits = report.said("kv_bits")
    method = report.said("kv_method")
    if bits is not None:
        words = f"{bits} bits"
    else:
        words = report.said("kv_method_params") or "of unknown bits"
    return words if method in {None, "stock"} else f"{words} by {method}"


def _metrics(report: Record) -> dict[str, Stated]:
    kl = report.section("kl")
    metrics = {key: kl.stated(name, key) for key, name in _KLD.items()}
    metrics |= {key: report.stated(name, key) for key, name in _PERPLEXITIES.items()}
    flips = report.stated("flip_rate", "top1_agreement", "1 - flip_rate")
    metrics["top1_agreement"] = (
        flips if flips.value is None else Stated(value=1.0 - flips.value, method=flips.method)
    )
    first, second = (metrics[key].value for key in ("ppl_reference", "ppl_candidate"))
    if first is not None and second is not None:
        how = "from the two perplexities"
        metrics["ppl_ratio"] = perplexity_ratio(second, first, how)
        metrics["ln_ppl_ratio"] = Stated(value=math.log(second) - math.log(first), method=how)
    return metrics


def _protocol(
    report: Record, corpus: Record, reference: str, *, is_weights: bool
) -> dict[str, str | None]:
    length, chunks = corpus.whole("chunk_length"), report.whole("n_chunks")
    bos = corpus.said("bos_policy")
    return {
        "tool": _NAME,
        "reference": reference,
        "context_length": None if length is None else str(length),
        "windows": None if chunks is None else str(chunks),
        "scored": _scored(report),
        "add_bos": "false" if bos == "none" else bos,
        "direction": "KL(reference||candidate)",
        "estimator": "full vocabulary",
        "lane": "serving" if is_weights else "kv-cache",
    }


def _scored(report: Record) -> str:
    if report.said("quantize_mode") == "deployment":
        return f"from index {report.whole('quantize_start')}"
    return "all positions"


def _about(report: Record, corpus: Record) -> dict[str, str]:
    said = {name: report.said(name) for name in _ABOUT}
    said |= {f"corpus {name}": corpus.said(name) for name in corpus.fields}
    return {name: text for name, text in said.items() if text is not None}


def _notes(report: Record) -> list[str]:
    notes = ["the tool gives no standard errors"]
    kl = report.section("kl")
    if kl.number("mean") == 0.0 and report.number("flip_rate") == 0.0:
        notes.append("KLD and flips are exactly 0: the quantization may never have been in use")
    warnings = report.fields.get("warnings")
    said = warnings if isinstance(warnings, list) else []
    return [*notes, *(f"the tool warns: {storable(str(one))}" for one in said)]


def _merged(models: list[ModelFacts]) -> tuple[ModelFacts, ...]:
    """Give every model once; a reference stands in each of its candidates' reports."""
    found: dict[str, ModelFacts] = {}
    for one in models:
        found.setdefault(one.name, one)
    return tuple(found.values())


FORMAT = Format(
    name=_NAME,
    title="mlx-quant-fidelity: reports and comparisons of weights or KV cache (JSON)",
    find=find_each(_is_own),
    read=_read,
    options=("model", "corpus", "reference"),
)
