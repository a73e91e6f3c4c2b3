"""What one worker process is asked to do for one model, and how that crosses to it as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from silentzone.backends.base import EngineSettings
from silentzone.records.config import FloorEntry, GenerationEntry, ModelLoading
from silentzone.records.harness import HarnessEntry
from silentzone.records.items import BenchmarkSource
from silentzone.records.models import BackendInfo, ModelRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusJob:
    """A text, how it is cut into windows, and what identifies both."""

    name: str
    path: str
    text_sha256: str
    tokenizer_sha256: str
    context_length: int
    windows: int | None
    select: str
    documents: str
    first_scored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkJob:
    """A benchmark and where its items come from."""

    name: str
    path: str | None
    """The user's JSONL, or the folder of a built-in set; null where a package makes the items."""
    is_built_in: bool
    items: int | None
    seed: int
    headline: str
    items_sha256: str
    item_count: int
    divergence: bool
    """Whether candidates are compared with the reference along every choice."""
    generation: GenerationEntry | None = None
    """How answers are written; null where choices are compared."""
    uses_chat: bool = False
    """Whether an item has messages for the model's chat template."""
    chance: float = 0.0
    """Expected score of guessing."""
    has_labels: bool = False
    """Whether all items have the same choices, such as letters."""
    may_stop: bool = False
    """Whether candidates are spared the questions where the reference is at chance."""
    harness: HarnessEntry | None = None
    """Task of lm-evaluation-harness, asked and scored by its own rules."""
    is_written: bool = False
    """Whether that task is answered in writing."""

    @property
    def source(self) -> BenchmarkSource:
        """Where the items come from."""
        return BenchmarkSource(
            name=self.name,
            path=self.path,
            is_built_in=self.is_built_in,
            items=self.items,
            seed=self.seed,
            headline="normalized" if self.generation else self.headline,
            uses_chat=self.generation is None or self.generation.chat,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelJob:
    """Everything one worker measures of one model."""

    study: str
    backend: str
    path: str
    model: ModelRef
    reference_path: str
    reference: ModelRef
    is_reference: bool
    only_traces: bool
    """Whether to stop after what the candidates wait for; of the reference alone."""
    threads: int
    batch_tokens: int
    micro_batch_tokens: int
    gpu_layers: int
    seed: int
    floor: FloorEntry
    corpora: tuple[CorpusJob, ...]
    benchmarks: tuple[BenchmarkJob, ...]
    claims: tuple[str, str] | None = None
    """Folder of the claims and name of the member in whose name this worker takes them; null where
    one process has the study for itself."""
    loading: ModelLoading = field(default_factory=ModelLoading)
    reference_backend: str | None = None
    """Engine of the reference, where it is another than ``backend``."""
    home: BackendInfo | None = None
    """What that engine records of itself."""

    @property
    def settings(self) -> EngineSettings:
        """How the engine is started."""
        return EngineSettings(
            threads=self.threads,
            batch_tokens=self.batch_tokens,
            micro_batch_tokens=self.micro_batch_tokens,
            gpu_layers=self.gpu_layers,
            loading=self.loading,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain dict of what JSON can hold."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> ModelJob:
        """Job as ``to_json`` wrote it."""
        return ModelJob(
            **{
                **data,
                "model": model_of_json(data["model"]),
                "reference": model_of_json(data["reference"]),
                "loading": ModelLoading(**data["loading"]),
                "home": None if data["home"] is None else _engine(data["home"]),
                "floor": FloorEntry(**data["floor"]),
                "corpora": tuple(CorpusJob(**corpus) for corpus in data["corpora"]),
                "benchmarks": tuple(map(_benchmark, data["benchmarks"])),
                "claims": None if data["claims"] is None else tuple(data["claims"]),
            }
        )


def _benchmark(data: dict[str, Any]) -> BenchmarkJob:
    given, task = data["generation"], data["harness"]
    return BenchmarkJob(
        **{
            **data,
            "generation": None if given is None else GenerationEntry(**given),
            "harness": None if task is None else HarnessEntry(**task),
        }
    )


def _engine(data: dict[str, Any]) -> BackendInfo:
    settings = tuple((str(name), str(value)) for name, value in data["settings"])
    return BackendInfo(**{**data, "settings": settings})


def model_of_json(data: dict[str, Any]) -> ModelRef:
    """Identity of a model as JSON holds it."""
    pairs = {
        key: tuple((str(name), str(value)) for name, value in data[key])
        for key in ("provenance", "run_as")
    }
    return ModelRef(**{**data, **pairs})
