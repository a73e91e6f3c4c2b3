"""What a study measures on: its texts and benchmarks, identified before anything is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from silentzone.benchmarks.registry import load_benchmark, load_generated, load_jsonl
from silentzone.corpora.text import load_text
from silentzone.errors import SilentzoneError, StorageError
from silentzone.measure.jobs import BenchmarkJob, CorpusJob
from silentzone.records.windows import CorpusRef, WindowPlan
from silentzone.studies.assets import fetch_asset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.records.config import BenchmarkEntry, CorpusEntry
    from silentzone.records.items import BenchmarkRef
    from silentzone.store.folder import StudyFolder
    from silentzone.studies.progress import Progress

BENCHMARK_ASSET = "benchmark-items"
EVERY_MODEL = "(every model)"


def corpus_job(entry: CorpusEntry, tokenizer_sha256: str) -> CorpusJob:
    """Read a text and describe how it will be cut into windows.

    Raises
    ------
    CorpusError
        If the text cannot be read.
    """
    text = load_text(Path(entry.path), entry.documents)
    first = entry.context_length // 2 if entry.first_scored is None else entry.first_scored
    return CorpusJob(
        name=entry.name,
        path=entry.path,
        text_sha256=text.sha256,
        tokenizer_sha256=tokenizer_sha256,
        context_length=entry.context_length,
        windows=entry.windows,
        select=entry.select,
        documents=entry.documents,
        first_scored=first,
    )


def benchmark_jobs(
    entries: Sequence[BenchmarkEntry],
    seed: int,
    progress: Progress,
    record: Callable[[str, str, str], None],
) -> list[tuple[BenchmarkJob, BenchmarkRef]]:
    """Load the benchmarks of a study; one set that cannot be had must not cost the others.

    Parameters
    ----------
    entries : sequence of BenchmarkEntry
    seed : int
        Of the study.
    progress : Progress
    record : callable
        Told model, part and cause of every failure.
    """
    jobs = []
    for entry in entries:
        try:
            jobs.append(benchmark_job(entry, seed, progress))
        except StorageError:
            raise
        except SilentzoneError as error:
            record(EVERY_MODEL, f"benchmark {entry.name}", error.message)
            progress.note(f"benchmark {entry.name}: {error.message}")
    return jobs


def benchmark_job(
    entry: BenchmarkEntry, seed: int, progress: Progress
) -> tuple[BenchmarkJob, BenchmarkRef]:
    """Load a benchmark's items, fetching the built-in sets, and describe them.

    Raises
    ------
    BenchmarkError
        If the items cannot be used.
    AssetUnavailableError
        If a built-in set cannot be fetched.
    """
    is_built_in, uses_chat = entry.path is None, False
    if entry.path is not None and entry.generation is not None:
        path = Path(entry.path)
        ref, items = load_generated(path, name=entry.name, items=entry.items, seed=seed)
        uses_chat = any(item.messages for item in items)
    elif entry.path is None:
        path = fetch_asset(BENCHMARK_ASSET, progress=progress)
        ref, _ = load_benchmark(
            entry.name, path, items=entry.items, seed=seed, headline=entry.score
        )
    else:
        path = Path(entry.path)
        ref, _ = load_jsonl(
            path, name=entry.name, items=entry.items, seed=seed, headline=entry.score
        )
    job = BenchmarkJob(
        name=entry.name,
        path=str(path),
        is_built_in=is_built_in,
        items=entry.items,
        seed=seed,
        headline=ref.headline,
        items_sha256=ref.items_sha256,
        item_count=ref.item_count,
        divergence=entry.divergence and entry.generation is None,
        generation=entry.generation,
        uses_chat=uses_chat,
    )
    return job, ref


def corpus_refs(folder: StudyFolder, corpora: Sequence[CorpusJob]) -> list[CorpusRef]:
    """Corpora as they were really measured, from the traces that are there."""
    refs = []
    for job in corpora:
        trace = folder.trace(job.name)
        if trace is None:
            continue
        documents = trace.documents
        refs.append(
            CorpusRef(
                name=job.name,
                description=f"{Path(job.path).name}, {_selection(job)}",
                text_sha256=job.text_sha256,
                tokens_sha256=str(trace.header["tokens_sha256"]),
                plan=WindowPlan(**trace.header["plan"]),
                window_count=trace.window_count,
                document_count=None if documents is None else len(set(documents.tolist())),
            )
        )
    return refs


def _selection(corpus: CorpusJob) -> str:
    return "windows spread over the text" if corpus.select == "spread" else "first windows"
