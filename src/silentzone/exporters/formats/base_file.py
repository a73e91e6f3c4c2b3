"""The reference of a study as a base file: llama-perplexity then scores candidates against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.errors import InputError, ProtocolMismatchError, SilentzoneError, TableError
from silentzone.exporters.writing import ExportOptions, PathFormat
from silentzone.metrics.head import decode_rows
from silentzone.records.config import ModelLoading
from silentzone.store.base_file import BaseFileWriter, BaseShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from silentzone.exporters.study import Study
    from silentzone.metrics.head import OutputHead
    from silentzone.store.traces import ReferenceTrace

_BLOCK_VALUES: Final = 16_000_000
_LARGEST_DIFFERENCE: Final = 1e-3
"""Nats that a log-normaliser may differ from the stored one; another model's is whole nats off."""


def write_base_file(trace: ReferenceTrace, head: OutputHead | None, path: Path) -> BaseShape:
    """Write a reference's trace of a text as a base file.

    Parameters
    ----------
    trace : ReferenceTrace
        In llama.cpp's protocol: the second half of each window is scored.
    head : OutputHead or None
        The reference's last product; needed where the trace holds hidden states.
    path : Path
        Where nothing lies.

    Returns
    -------
    BaseShape

    Raises
    ------
    ProtocolMismatchError
        If other positions were scored.
    TableError
        If the logits are not those that the trace was made of.
    """
    plan = trace.header["plan"]
    context_length, first = int(plan["context_length"]), int(plan["first_scored"])
    if first != context_length // 2:
        raise ProtocolMismatchError(
            f"the trace scores windows of {context_length} tokens from index {first} on; a base "
            f"file holds the positions from {context_length // 2} on.",
            hint="measure the corpus without `first_scored`",
        )
    with path.open("xb") as file:
        writer = BaseFileWriter(file, np.asarray(trace.tokens), trace.vocabulary_size)
        for logits in _logits(trace, head):
            writer.append(logits)
        writer.finish()
    return writer.shape


def _logits(trace: ReferenceTrace, head: OutputHead | None) -> Iterator[NDArray[np.float32]]:
    """All rows of a trace in order, some at a time."""
    step = max(1, _BLOCK_VALUES // trace.vocabulary_size)
    for start in range(0, len(trace.rows), step):
        stored = np.ascontiguousarray(trace.rows[start : start + step])
        if trace.form == "logits":
            logits = stored.view(np.float32)
        else:
            assert head is not None, "asked by whoever calls this"
            states = decode_rows(stored, trace.row_encoding, trace.width)
            logits = np.empty((len(states), trace.vocabulary_size), np.float32)
            _multiply(head, states, logits)
        _check(trace, slice(start, start + len(logits)), logits)
        yield logits


def _multiply(head: OutputHead, states: NDArray[np.float32], logits: NDArray[np.float32]) -> None:
    try:
        head.logits(states, logits)
    except ValueError as error:
        raise TableError(
            "the model file has an output head of another shape than the trace's reference"
        ) from error


def _check(trace: ReferenceTrace, rows: slice, logits: NDArray[np.float32]) -> None:
    """Hold the rebuilt rows against what the reference pass noted of them."""
    largest = logits.max(axis=1, keepdims=True)
    total = np.exp(logits - largest).sum(axis=1, dtype=np.float64)
    found = largest[:, 0].astype(np.float64) + np.log(total)
    off = np.abs(found - trace.arrays["log_normalizer"][rows])
    if not (off <= _LARGEST_DIFFERENCE).all():
        raise TableError(
            f"the rebuilt logits are not the reference's: their normaliser is off by "
            f"{np.nanmax(off):.3g} nats",
            hint="the model file is not the one that was measured; put that one in its place",
        )


def _write(study: Study, options: ExportOptions, path: Path) -> tuple[str, ...]:
    corpus, notes = study.corpus_asked(options.corpus)
    trace = study.folder.trace(corpus)
    if trace is None:
        raise InputError(
            f"the study holds no trace of its reference on corpus `{corpus}`.",
            hint="only a folder that `silentzone run` measured in has one",
        )
    head = _head(study) if trace.form == "hidden" else None
    shape = write_base_file(trace, head, path)
    name = study.reference.name if study.reference else "the reference"
    said = (
        f"{name} on {corpus}: {shape.windows} windows of {shape.context_length} tokens, a "
        f"vocabulary of {shape.vocabulary_size}, cut off 16 nats below the largest logit",
        f"score against it: llama-perplexity -m CAND.gguf -c {shape.context_length} "
        "--kl-divergence --kl-divergence-base FILE",
    )
    return (*notes, *said)


def _head(study: Study) -> OutputHead:
    """Output head of the reference, from the model file where the study found it."""
    manifest = study.folder.manifest()
    config = manifest.get("config") or {}
    try:
        path, backend = Path(config["reference"]["path"]), str(manifest["engine"]["name"])
        loading = ModelLoading(**config["engine"].get("loading", {}))
    except (KeyError, TypeError) as error:
        raise TableError("the study's manifest names no file of the reference.") from error
    if not path.exists():
        raise InputError(
            f"`{path}`, the file of the reference, is not there; its output head is needed to "
            "rebuild the logits from the stored hidden states.",
            hint="put it back, or make a link to it there",
        )
    try:
        settings = EngineSettings(threads=1, loading=loading)
        head = engine_named(backend).output_head(path, settings)
    except SilentzoneError as error:
        raise InputError(f"`{path}`: {error.message}", hint=error.hint) from error
    if head is None:
        raise InputError(f"`{path}` has an output head that cannot be read.")
    return head


FORMAT = PathFormat(
    name="base-file",
    title="base file (`_logits_`) of the reference, for llama-perplexity --kl-divergence-base",
    write=_write,
    is_folder=False,
    options=("corpus",),
)
