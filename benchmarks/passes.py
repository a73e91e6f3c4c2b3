"""One reference pass and one candidate pass over a text, as a study makes them."""

from __future__ import annotations

import hashlib
import statistics
from typing import TYPE_CHECKING

from tests.golden.llama_perplexity.made_text import made_text

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.measure.candidate import TraceReader, measure_candidate
from silentzone.measure.jobs import CorpusJob, ModelJob
from silentzone.measure.protocol import tokens_key, trace_key
from silentzone.measure.reference import write_trace
from silentzone.metrics.kernels import set_threads
from silentzone.records.config import FloorEntry
from silentzone.records.tables import TOKENS

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.records.models import ModelRef
    from silentzone.store.folder import StudyFolder

ENGINE = engine_named("llama_cpp")


def use_engine(name: str) -> None:
    """Run every pass of this process in another engine than llama.cpp."""
    global ENGINE
    ENGINE = engine_named(name)


def text_file(given: Path | None, folder: Path) -> Path:
    """Give the text named on the command line, or write a made one of 8 windows."""
    if given is not None:
        return given
    made = folder / "text.txt"
    made.write_bytes(made_text().encode("ascii"))
    return made


def corpus_job(model: ModelRef, text: Path, windows: int) -> CorpusJob:
    return CorpusJob(
        name="text",
        path=str(text.absolute()),
        text_sha256=hashlib.sha256(text.read_bytes()).hexdigest(),
        tokenizer_sha256=model.tokenizer_sha256,
        context_length=512,
        windows=windows,
        select="first",
        documents="none",
        first_scored=256,
    )


def reference_pass(
    path: Path, model: ModelRef, corpus: CorpusJob, folder: StudyFolder, threads: int
) -> None:
    """Run the reference and store its trace."""
    set_threads(threads)
    with ENGINE.open(path, model, EngineSettings(threads=threads)) as backend:
        key = trace_key(model, corpus, backend.info)
        head = ENGINE.output_head(path)
        write_trace(backend, head, folder, corpus, key, lambda _done, _total: None)


def candidate_pass(
    path: Path,
    model: ModelRef,
    reference_path: Path,
    reference: ModelRef,
    corpus: CorpusJob,
    folder: StudyFolder,
    threads: int,
) -> None:
    """Run a candidate against the stored trace and store its table."""
    set_threads(threads)
    trace = folder.trace(corpus.name)
    assert trace is not None
    head = ENGINE.output_head(reference_path) if trace.form == "hidden" else None
    with ENGINE.open(path, model, EngineSettings(threads=threads)) as backend:
        columns = measure_candidate(
            backend, TraceReader(trace, head), trace.window_count, lambda _done, _total: None
        )
        key = tokens_key(model, reference, corpus, backend.info)
        folder.write_table(TOKENS, corpus.name, model.name, columns, key)


def candidate_job(
    path: Path,
    model: ModelRef,
    reference_path: Path,
    reference: ModelRef,
    corpus: CorpusJob,
    folder: StudyFolder,
    threads: int,
) -> ModelJob:
    """Give the candidate pass, and nothing else, as a study hands it to a worker process."""
    settings = EngineSettings(threads=threads)
    return ModelJob(
        study=str(folder.root.absolute()),
        backend=ENGINE.name,
        path=str(path.absolute()),
        model=model,
        reference_path=str(reference_path.absolute()),
        reference=reference,
        is_reference=False,
        only_traces=False,
        threads=threads,
        batch_tokens=settings.batch_tokens,
        micro_batch_tokens=settings.micro_batch_tokens,
        gpu_layers=0,
        seed=1,
        floor=FloorEntry(windows=0, token_by_token_positions=0, items=0),
        corpora=(corpus,),
        benchmarks=(),
    )


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print columns, the first to the left and the others to the right."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    for row in [header, *rows]:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  ".join(cells))


def spread(values: list[float]) -> str:
    """Median, smallest and largest of repeated measurements."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
