"""The parts of a study that one model contributes, in the order in which they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.measure import protocol
from silentzone.records.tables import CHURN, FLOORS, ITEMS, TOKENS, TableSchema

if TYPE_CHECKING:
    from silentzone.measure.jobs import BenchmarkJob, CorpusJob, ModelJob
    from silentzone.records.models import BackendInfo
    from silentzone.records.parts import PartKey
    from silentzone.store.folder import StudyFolder

_TOKENS_PER_ITEM = 100
_SLOWNESS_ONE_BY_ONE = 4.0
"""Cost of a token decoded alone, in tokens of a full batch; only for the time that is left."""
_UNKNOWN_WINDOWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table or trace of one model."""

    title: str
    schema: TableSchema | None
    """Null for the reference trace."""
    group: str
    """Name of the corpus or benchmark."""
    key: PartKey
    cost: float
    """Tokens it takes, roughly; weights the progress."""

    def is_finished(self, folder: StudyFolder, model: str) -> bool:
        """Whether the study holds this very part."""
        if self.schema is None:
            return folder.has_trace(self.group, self.key)
        return folder.has_part(self.schema, self.group, model, self.key)


def corpus_parts(job: ModelJob, corpus: CorpusJob, engine: BackendInfo) -> list[Part]:
    """Parts of a model on one corpus: its positions (or the trace), then its floor."""
    windows = corpus.windows or _UNKNOWN_WINDOWS
    tokens = float(windows * corpus.context_length)
    if job.is_reference:
        main = Part(
            title=f"reference on {corpus.name}",
            schema=None,
            group=corpus.name,
            key=protocol.trace_key(job.model, corpus, engine),
            cost=1.15 * tokens,
        )
    else:
        main = Part(
            title=f"fidelity on {corpus.name}",
            schema=TOKENS,
            group=corpus.name,
            key=protocol.tokens_key(job.model, job.reference, corpus, engine),
            cost=tokens,
        )
    positions = token_by_token_positions(job, corpus)
    repeated = floor_windows(job, corpus)
    if repeated == 0 and positions == 0:
        return [main]
    one_by_one = corpus.first_scored + positions if positions else 0
    floor = Part(
        title=f"noise floor on {corpus.name}",
        schema=FLOORS,
        group=corpus.name,
        key=protocol.floors_key(job.model, corpus, engine, repeated, positions),
        cost=2.0 * min(repeated, windows) * corpus.context_length
        + _SLOWNESS_ONE_BY_ONE * one_by_one,
    )
    return [main, floor]


def benchmark_parts(job: ModelJob, benchmark: BenchmarkJob, engine: BackendInfo) -> list[Part]:
    """Parts of a model on one benchmark: its answers, then those asked again."""
    again = job.floor.items
    answers = Part(
        title=f"benchmark {benchmark.name}",
        schema=ITEMS,
        group=benchmark.name,
        key=protocol.items_key(job.model, benchmark, engine),
        cost=float(_TOKENS_PER_ITEM * benchmark.item_count),
    )
    if again == 0:
        return [answers]
    churn = Part(
        title=f"churn floor on {benchmark.name}",
        schema=CHURN,
        group=benchmark.name,
        key=protocol.churn_key(job.model, benchmark, engine, again),
        cost=2.0 * _TOKENS_PER_ITEM * again,
    )
    return [answers, churn]


def model_parts(job: ModelJob, engine: BackendInfo) -> list[Part]:
    """All parts that a job asks for."""
    parts = [
        *(part for corpus in job.corpora for part in corpus_parts(job, corpus, engine)),
        *(part for entry in job.benchmarks for part in benchmark_parts(job, entry, engine)),
    ]
    return [part for part in parts if part.schema is None] if job.only_traces else parts


def floor_windows(job: ModelJob, corpus: CorpusJob) -> int:
    """Windows of a corpus repeated under an uneven batch split."""
    is_wanted = job.floor.corpora == "all" or corpus.name == job.corpora[0].name
    return job.floor.windows if is_wanted else 0


def token_by_token_positions(job: ModelJob, corpus: CorpusJob) -> int:
    """Positions decoded one at a time: slow, so on the first corpus only."""
    is_first = corpus.name == job.corpora[0].name
    return job.floor.token_by_token_positions if is_first else 0
