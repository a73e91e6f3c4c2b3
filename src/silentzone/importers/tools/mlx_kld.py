"""Records of mlx-kld: one student against a teacher of which the likeliest K tokens were kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError
from silentzone.importers.json_records import Record, read_record
from silentzone.importers.problems import shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.records.imported import FidelityRow, Imported, ModelFacts, Stated

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "mlx-kld"
_SCHEMA_VERSION: Final = 1
_KLD: Final = {
    "kld_mean": "mean",
    "kld_median": "p50",
    "kld_p95": "p95",
    "kld_p99": "p99",
    "kld_p999": "p999",
    "kld_max": "max",
}
_CLUSTERED: Final = "clustered-by-sequence"
_FLOOR_LIMIT: Final = 2.0
"""Below this multiple of the floor of the kept tokens, that tool itself warns of the mean."""


def _is_own(_path: Path, head: bytes) -> bool:
    marks = (b'"schema_version"', b'"teacher"', b'"student"', b'"calibration"')
    return head.lstrip().startswith(b"{") and all(mark in head for mark in marks)


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    record = read_record(bundle.main)
    version = record.fields.get("schema_version")
    if version != _SCHEMA_VERSION or isinstance(version, bool):
        raise TableError(
            f"`{bundle.main.name}` has schema_version {shown(version)}; records of mlx-kld are "
            f"read in version {_SCHEMA_VERSION}.",
        )
    teacher, student = record.section("teacher"), record.section("student")
    calibration = record.section("calibration")
    own, reference = _name_of(student.text("path")), _name_of(teacher.text("path"))
    is_teacher = student.text("path") == teacher.text("path")
    model, reference = options.model or own, options.reference or reference
    metrics = _metrics(record)
    row = FidelityRow(
        model=reference if is_teacher else model,
        corpus=options.corpus or calibration.text("corpus"),
        metrics=metrics,
        protocol=_protocol(calibration, reference),
        about=_about(record),
        sources=(source_of(bundle.main, _NAME),),
    )
    return Imported(
        fidelity=(row,),
        models=_models(row.model, reference, student),
        notes=tuple(f"{row.model}: {note}" for note in _notes(record, metrics)),
    )


def _name_of(path: str) -> str:
    """Name of a model by its path: as a download of a hub keeps it, else the last part."""
    place = PurePosixPath(path.replace("\\", "/").rstrip("/"))
    for part in place.parts:
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/")
    return place.name.removesuffix(".gguf") or path


def _models(model: str, reference: str, student: Record) -> tuple[ModelFacts, ...]:
    bits = student.finite("effective_bpw")
    facts = ModelFacts(
        name=model,
        file_bytes=student.whole("size_bytes") or None,
        bits_per_weight=bits or None,
        is_reference=model == reference,
    )
    return (
        (facts,) if model == reference else (ModelFacts(name=reference, is_reference=True), facts)
    )


def _metrics(record: Record) -> dict[str, Stated]:
    kld, delta_p, agreement = (record.section(name) for name in ("kld", "delta_p", "agreement"))
    metrics = {key: kld.stated(name, key) for key, name in _KLD.items()}
    metrics |= {
        "delta_p_mean": delta_p.stated("mean", "delta_p_mean"),
        "delta_p_rms": delta_p.stated("rms", "delta_p_rms"),
        "top1_agreement": agreement.stated("top1", "top1_agreement"),
        "top5_containment": agreement.stated("top5", "top5_containment"),
    }
    is_clustered = kld.said("se_method") == _CLUSTERED
    for key, section in (("kld_mean", kld), ("delta_p_mean", delta_p)):
        error = section.number("se")
        if error is not None and error < 0:
            raise section.error("se", "must not be negative")
        if metrics[key].value is not None and is_clustered and section.finite("se"):
            metrics[key] = replace(
                metrics[key],
                standard_error=section.finite("se"),
                method="as the file states it, clustered by window (CR1)",
            )
    reason = _why_meaningless(record.section("tokenizer"))
    if reason is not None:
        metrics = {key: Stated(value=None, status=reason) for key in metrics}
    return metrics


def _why_meaningless(tokenizer: Record) -> str | None:
    if tokenizer.fields.get("encoding_parity") is False:
        return "the two tokenizers cut the text otherwise"
    return None


def _protocol(calibration: Record, reference: str) -> dict[str, str | None]:
    top_k, length = calibration.whole("top_k"), calibration.whole("max_seq_len")
    samples = calibration.whole("num_samples")
    return {
        "tool": _NAME,
        "reference": reference,
        "corpus_sha256": calibration.said("corpus_tokens_hash"),
        "context_length": None if length is None else str(length),
        "windows": None if samples is None else str(samples),
        "scored": _scored(calibration),
        "direction": "KL(reference||candidate)",
        "estimator": (
            None if top_k is None else f"reference's top {top_k} in bf16, the rest spread evenly"
        ),
        "lane": "serving",
    }


def _scored(calibration: Record) -> str | None:
    window = calibration.fields.get("score_window")
    if window is None:
        return None
    is_pair = isinstance(window, list) and len(window) == 2
    if not is_pair or not all(isinstance(end, int) and end >= 0 for end in window):
        raise calibration.error("score_window", "must be two whole numbers")
    return f"index {window[0]} to {window[1] - 1}"


def _about(record: Record) -> dict[str, str]:
    kld, student, teacher = (record.section(name) for name in ("kld", "student", "teacher"))
    said = {
        "kld_floor": kld.said("floor_mean"),
        "kld standard error": kld.said("se"),
        "kld standard error method": kld.said("se_method"),
        "format": student.said("format"),
        "quantization": student.said("quantization"),
        "scored bits per weight": student.said("scored_bpw"),
        "teacher precision": teacher.said("precision"),
        "teacher revision": teacher.said("revision"),
        "seed": record.section("calibration").said("seed"),
        "tokenizer mode": record.section("tokenizer").said("mode"),
        "tokens scored": record.said("tokens_scored"),
        "tokens dropped": record.said("tokens_dropped_nonfinite"),
        "by position": record.said("by_position"),
        "version": record.said("scorer_version"),
        "date": record.said("timestamp"),
    }
    return {name: text for name, text in said.items() if text is not None}


def _notes(record: Record, metrics: dict[str, Stated]) -> list[str]:
    kld, mean = record.section("kld"), metrics["kld_mean"].value
    notes = []
    if mean is not None and kld.finite("se") and metrics["kld_mean"].standard_error is None:
        notes.append(
            "its standard errors take tokens of one window as independent, which makes them too "
            "small; they are kept beside the numbers and not used"
        )
    floor = kld.finite("floor_mean")
    if mean is not None and floor is not None and mean < _FLOOR_LIMIT * floor:
        notes.append(
            f"its mean KLD, {mean:.2g} nats, is below {_FLOOR_LIMIT:g} times {floor:.2g}, which "
            "is what keeping the reference's likeliest tokens alone costs"
        )
    dropped = record.whole("tokens_dropped_nonfinite")
    if dropped:
        notes.append(f"{dropped:,} positions with non-finite logits are in no number of it")
    plausibility = record.fields.get("plausibility")
    if isinstance(plausibility, dict) and plausibility.get("implausible") is True:
        reason = Record(plausibility, record.source).said("reason")
        notes.append(f"mlx-kld itself calls this result implausible: {reason}")
    if record.section("tokenizer").fields.get("stream_is_students") is False:
        notes.append("it was scored on the tokens of another student's tokenizer")
    return notes


FORMAT = Format(
    name=_NAME,
    title="mlx-kld: records of `mlx-kld score` (JSON)",
    find=find_each(_is_own),
    read=_read,
    options=("model", "corpus", "reference"),
)
