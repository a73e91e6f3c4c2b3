"""What a study measures on: engine, texts and benchmarks, identified before anything is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from silentzone.backends.base import EngineSettings
from silentzone.benchmarks.chance import at_chance
from silentzone.benchmarks.registry import find_benchmark, load_choices, load_generated
from silentzone.corpora.text import load_text
from silentzone.errors import SilentzoneError, StorageError
from silentzone.harness.library import VERSION
from silentzone.harness.tasks import load_task
from silentzone.measure.jobs import BenchmarkJob, CorpusJob
from silentzone.measure.judging import require_safety
from silentzone.records.items import BenchmarkRef, BenchmarkSource
from silentzone.records.tables import ITEMS
from silentzone.records.windows import CorpusRef, WindowPlan
from silentzone.studies.assets import fetch_asset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.measure.jobs import ModelJob
    from silentzone.measure.parts import Part
    from silentzone.records.config import BenchmarkEntry, CorpusEntry, EngineEntry
    from silentzone.records.harness import HarnessEntry
    from silentzone.store.folder import StudyFolder
    from silentzone.studies.progress import Progress

EVERY_MODEL = "(every model)"


def engine_settings(entry: EngineEntry) -> EngineSettings:
    """How the engine is started; without a number of threads, workers share all processors."""
    processors = len(os.sched_getaffinity(0))
    return EngineSettings(
        threads=entry.threads or max(1, processors // entry.workers),
        batch_tokens=entry.batch_tokens,
        micro_batch_tokens=entry.micro_batch_tokens,
        gpu_layers=entry.gpu_layers,
        loading=entry.loading,
    )


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
    if entry.harness is not None:
        return _task_job(entry, entry.harness, seed)
    path, generation = entry.path, entry.generation
    if path is None:
        asset = find_benchmark(entry.name).asset
        path = None if asset is None else str(fetch_asset(asset, progress=progress))
    source = BenchmarkSource(
        name=entry.name,
        path=path,
        is_built_in=entry.path is None,
        items=entry.items,
        seed=seed,
        headline=entry.score,
        uses_chat=generation is None or generation.chat,
    )
    uses_chat, has_labels = False, False
    if generation is None:
        ref, choices = load_choices(source)
        has_labels = len({item.choices for item in choices}) == 1
    else:
        ref, items = load_generated(source)
        require_safety(items, unsafe=generation.unsafe_code)
        uses_chat = any(item.messages for item in items)
    job = BenchmarkJob(
        name=entry.name,
        path=path,
        is_built_in=source.is_built_in,
        items=entry.items,
        seed=seed,
        headline=ref.headline,
        items_sha256=ref.items_sha256,
        item_count=ref.item_count,
        divergence=entry.divergence and generation is None,
        generation=generation,
        uses_chat=uses_chat,
        chance=ref.chance,
        has_labels=has_labels,
        may_stop=generation is None and entry.at_chance == "stop",
    )
    return job, ref


def _task_job(
    entry: BenchmarkEntry, harness: HarnessEntry, seed: int
) -> tuple[BenchmarkJob, BenchmarkRef]:
    """Load a task of lm-evaluation-harness and describe it."""
    folder = None if entry.path is None else Path(entry.path)
    task = load_task(harness, folder, items=entry.items, seed=seed, name=entry.name)
    headline = f"{task.score.metric}, filter {task.score.filter}"
    ref = BenchmarkRef(
        name=entry.name,
        description=task.description,
        source=f"lm-evaluation-harness {VERSION}, {task.file_name}",
        licence="not stated",
        items_sha256=task.items_sha256,
        item_count=task.item_count,
        chance=task.chance,
        headline=headline,
    )
    job = BenchmarkJob(
        name=entry.name,
        path=entry.path,
        is_built_in=False,
        items=entry.items,
        seed=seed,
        headline=headline,
        items_sha256=task.items_sha256,
        item_count=task.item_count,
        divergence=False,
        uses_chat=harness.chat,
        chance=task.chance,
        may_stop=task.can_be_guessed and entry.at_chance == "stop",
        harness=harness,
        is_written=task.is_written,
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
                rebuild_kld_mean=(trace.rebuild_error or {}).get("self_kld_mean"),
            )
        )
    return refs


def _selection(corpus: CorpusJob) -> str:
    return "windows spread over the text" if corpus.select == "spread" else "first windows"


def benchmarks_at_chance(
    folder: StudyFolder, job: ModelJob, parts: Sequence[Part]
) -> dict[str, str]:
    """Benchmarks whose choices the reference answers like somebody who guesses, and why so.

    Parameters
    ----------
    folder : StudyFolder
    job : ModelJob
        Of the reference.
    parts : sequence of Part
        Of that job. Benchmarks without answers yet are passed over.
    """
    answers = {part.group: part for part in parts if part.schema is ITEMS}
    found = {}
    for benchmark in filter(lambda one: one.may_stop, job.benchmarks):
        name = job.model.name
        if not answers[benchmark.name].is_finished(folder, name):
            continue
        table = folder.read_table(ITEMS, benchmark.name, name)
        golds = table.strings("target") if benchmark.has_labels else ()
        why = at_chance(table.floats("score")[0], benchmark.chance, golds)
        if why is not None:
            found[benchmark.name] = f'{why}; `at_chance = "go on"` measures it all the same'
    return found
