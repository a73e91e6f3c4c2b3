"""Logs of llama-perplexity: KL-divergence and perplexity mode, stdout with or without stderr."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from silentzone.importers.perplexity_log import model_name, read_perplexity_log
from silentzone.importers.perplexity_rows import BLOCK_KEYS, results_of
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.importers.text_files import read_log_lines
from silentzone.records.imported import FidelityRow, Imported, ModelFacts

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.importers.perplexity_log import PerplexityLog

_NAME = "llama-perplexity"
_MARKS: Final = re.compile(
    rb"ln\(PPL\(Q\)/PPL\(base\)\)|KL divergence statistics|Final estimate: PPL = "
    rb"|\[1\](?:\d+\.\d{4}|-?nan),\[2\]"
)
"""Results; a stderr of its own has none of them in the KL-divergence mode."""
_LOADER: Final = b"llama_model_loader:"
_TAIL_NOTE: Final = (
    "the base file cuts the reference's tail off some nats below the largest logit; what lies "
    "below is in no KLD of it"
)
_CLIP_NOTE: Final = (
    "a log does not say how many nats deep the base file reaches (16 in llama.cpp, 24 in "
    "ik_llama.cpp); --set clip_nats=16 states it"
)


def _is_own(path: Path, head: bytes) -> bool:
    plain = head.replace(b"\0", b"") if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else head
    if b"\0" in plain:
        return False
    return _MARKS.search(plain) is not None or (_LOADER in plain and _has_mark(path))


def _has_mark(path: Path) -> bool:
    """Whether a result comes later in a log whose first lines are of a model being loaded."""
    try:
        with path.open("rb") as file:
            return any(_MARKS.search(line) for line in iter(lambda: file.readline(65_536), b""))
    except OSError:
        return False


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    log = read_perplexity_log(read_log_lines(path), path.name)
    results = results_of(log, path.name)
    model, name_notes = _model_name(log, path, options)
    row = FidelityRow(
        model=model,
        corpus=options.corpus or "not named",
        metrics=results.metrics,
        protocol=_protocol(log, options),
        windows=results.windows,
        about=_about(log),
        sources=(source_of(path, _NAME),),
    )
    bits = log.facts.get("bits_per_weight")
    facts = ModelFacts(name=model, bits_per_weight=None if bits is None else float(bits))
    notes = (*name_notes, *_end_notes(log), *results.notes, *((_TAIL_NOTE,) if log.is_kld else ()))
    return Imported(
        fidelity=(row,),
        models=(facts,),
        notes=tuple(f"{model}: {note}" for note in notes),
        left_open={name: f"{model}: {note}" for name, note in _left_open(log).items()},
    )


def _model_name(
    log: PerplexityLog, path: Path, options: ImportOptions
) -> tuple[str, tuple[str, ...]]:
    """Name of the model: as the user says, as its file is called, or as the log's file is."""
    if options.model is not None:
        return options.model, ()
    name = model_name(log.facts.get("model", ""))
    if name is not None:
        return name, ()
    return path.stem, ("the log names no model, so it is called like the file of the log",)


def _protocol(log: PerplexityLog, options: ImportOptions) -> dict[str, str | None]:
    # Without the tool's own words, a log of running perplexities may be one with a stride.
    is_halves = log.is_kld or log.mode == "perplexity"
    counted = log.window_count or log.planned_windows
    context = log.context_length if log.mode != "perplexity_v2" else None
    return {
        "tool": _NAME,
        "reference": options.reference,
        "context_length": None if context is None else str(context),
        "windows": None if counted is None else str(counted),
        "scored": "second half" if is_halves else "strided" if log.mode is not None else None,
        "add_bos": log.facts.get("add_bos"),
        "vocabulary_size": log.facts.get("vocabulary"),
        "direction": "KL(reference||candidate)" if log.is_kld else None,
        "estimator": "full vocabulary" if log.is_kld else None,
        "lane": "serving",
    }


def _about(log: PerplexityLog) -> dict[str, str]:
    """Give what the log says besides, in its own words."""
    about = {name: text for name, text in log.facts.items() if name in {"build", "system"}}
    ours = set(BLOCK_KEYS.values())
    about.update((key, row.value.text) for key, row in log.block.items() if key not in ours)
    return about


def _end_notes(log: PerplexityLog) -> tuple[str, ...]:
    count, planned = log.window_count, log.planned_windows
    has_end = bool(log.block) or log.final_ppl is not None
    missing = [row for row in BLOCK_KEYS.values() if row not in log.block]
    notes = []
    if log.stopped is not None:
        notes.append(f"the tool stopped: {log.stopped}")
    if planned is not None and count < planned and not has_end:
        notes.append(f"the log ends after window {count} of {planned}; the row is of those {count}")
    elif not has_end:
        notes.append("the log has no final result; the row is what stands after its last window")
    elif log.block and set(missing) - {"95.0% KLD"}:
        notes.append(f"the final block is cut; it lacks: {', '.join(missing)}")
    return tuple(notes)


def _left_open(log: PerplexityLog) -> dict[str, str]:
    """Give what the log leaves open of how its numbers came about, by field of the protocol."""
    if log.is_kld:
        return {"clip_nats": _CLIP_NOTE}
    if log.mode is None:
        return {"scored": "the log does not say which positions were scored (stderr has that)"}
    return {}


FORMAT = Format(
    name=_NAME,
    title="llama-perplexity: its log (stdout, or with stderr) of KL-divergence or perplexity mode",
    find=find_each(_is_own),
    read=_read,
    options=("model", "corpus", "reference"),
)
