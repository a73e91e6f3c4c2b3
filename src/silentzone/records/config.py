"""What a study asks for: the parsed form of ``study.toml``, with every default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silentzone.records.harness import HarnessEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model the user named."""

    name: str
    path: str
    """Absolute path of the file, of the first shard, or of a folder."""
    note: str | None = None
    """What the user wants said of it, for example ``dequantized from Q4_1``."""
    cache_k: str | None = None
    """Type in which its keys are cached, for example ``q8_0``; null the engine's own."""
    cache_v: str | None = None
    """The same of its values."""
    engine: str | None = None
    """Engine that runs it; null tells it from its files: a folder goes to transformers, and
    everything else to the study's own."""
    same_weights: bool | None = None
    """Whether it is the reference's own weights in other files; null tells it by their content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusEntry:
    """One text at one context length."""

    name: str
    path: str
    """A text file, or a folder of ``*.txt`` files, each a document."""
    context_length: int = 512
    windows: int | None = 64
    """How many windows; null takes all that fit."""
    select: str = "first"
    """``first`` windows as llama-perplexity takes them, or ``spread`` evenly over the text."""
    documents: str = "none"
    """``none``, ``files`` (a folder) or ``headings`` (`` = Title = `` starts a document)."""
    first_scored: int | None = None
    """First scored index; null is half the context, llama.cpp's protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationEntry:
    """How a benchmark's questions are answered in writing; every value can change an answer."""

    max_tokens: int = 256
    """Of one answer; an item's own ``max_tokens`` comes first."""
    temperature: float = 0.0
    """0 takes the most likely token every time."""
    top_k: int = 0
    """Most likely tokens that are kept; 0 keeps all."""
    top_p: float = 1.0
    """Smallest probability that the kept tokens reach together."""
    repeats: int = 1
    """Answers per item, each with a seed of its own."""
    timeout_seconds: float = 600.0
    """Wall-clock time of one answer."""
    score_truncated: bool = False
    """Whether what is there at ``max_tokens`` is taken for the answer, instead of for none."""
    answers_at_a_time: int = 8
    drafted: bool = False
    """Whether greedy answers of candidates are tried out on the reference's own first."""
    chat: bool = True
    """Whether messages go through the model's own template, instead of as plain text."""
    unsafe_code: bool = False
    """Whether code that a model wrote may run where no sandbox works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkEntry:
    """One benchmark: built in by name, or a JSONL file of the user's."""

    name: str
    items: int | None = None
    """How many items, taken evenly over the set by the study's seed; null takes all."""
    path: str | None = None
    """JSONL of the user's: item_id, prompt, choices, target, optional cluster."""
    score: str = "normalized"
    """Headline rule: ``raw`` (acc) or ``normalized`` per character (acc_norm)."""
    divergence: bool = True
    """Whether candidates are compared with the reference token by token along every choice."""
    at_chance: str = "stop"
    """What becomes of choices that the reference cannot tell from guessing: ``stop``, ``go on``."""
    generation: GenerationEntry | None = None
    """How answers are written; null where choices are compared."""
    harness: HarnessEntry | None = None
    """Task of lm-evaluation-harness; ``path`` is then the folder of task files, null its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionEntry:
    """What the user will accept, fixed before the data are seen."""

    margin: float = 0.01
    """Largest acceptable loss of the composite, as a proportion."""
    guard_margin: float = 0.03
    """Largest acceptable loss of any single benchmark, as a proportion."""
    alpha: float = 0.025
    """One-sided error of all non-inferiority claims together."""
    method: str = "fixed sequence"
    """``fixed sequence`` from the largest that fits downward, or ``Holm`` in any order."""
    size_budget_gb: float | None = None
    """What must hold the file, in units of 1e9 bytes."""
    bits_per_weight_budget: float | None = None
    memory_budget_gb: float | None = None
    """What must hold file and KV cache together, in units of 1e9 bytes."""
    context_length: int = 8192
    """Context at which the KV cache of the budget is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """How the zones of the audit are drawn and when a metric is called informative or silent."""

    band: float = 0.02
    """Half width of the band zone, as a proportion of the composite."""
    band_standard_errors: float | None = None
    """Half width of the band zone in standard errors of each difference, instead of ``band``."""
    fidelity_share: float = 0.5
    """Share of the candidates with the lowest loss that the fidelity zone takes."""
    fidelity_threshold: float | None = None
    """Largest loss of the fidelity zone, instead of ``fidelity_share``."""
    informative_from: float = 0.3
    """Aligned rho from which a metric can be informative, and below which it can be silent."""
    attainable_from: float = 0.6
    """Attainable rho from which a weak relation says something about the metric."""
    ruled_out_from: float = 0.7
    """Aligned rho that the interval of a silent metric must leave out: few candidates cannot."""
    alpha: float = 0.05
    """Error of the comparison with the expected relation, of perfect orders and of maxT."""
    perfect_order_from: int = 5
    """Fewest candidates whose perfect order counts: it has no interval, only an exact p."""
    unfinished: str = "leave out"
    """Answers cut off by a limit of length or time: ``leave out``, or count as ``wrong``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoading:
    """How transformers loads a model; of no use to other engines."""

    device: str = "auto"
    """``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:1``."""
    dtype: str = "auto"
    """``auto`` (the model's own; of GGUF float32), ``float32``, ``bfloat16`` or ``float16``."""
    attention: str = "auto"
    """``auto`` (what transformers takes), ``sdpa``, ``eager`` or ``flash_attention_2``."""
    device_map: str | None = None
    """How a model is spread over several devices, for example ``auto``; null takes one."""
    trust_remote_code: bool = False
    """Whether code that comes with a model may run."""
    download: bool = False
    """Whether a model named by its place on a hub is fetched; otherwise it must be here already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEntry:
    """How the engine is run; every value here can change a logit or a time."""

    backend: str = "llama_cpp"
    threads: int | None = None
    """Threads of one model; null shares all processors this process may use among the workers."""
    workers: int = 1
    """Candidates measured at the same time, each in a process with its own copy of the model."""
    batch_tokens: int = 2048
    micro_batch_tokens: int = 512
    gpu_layers: int = 0
    loading: ModelLoading = field(default_factory=ModelLoading)
    """Written among the others in study.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorEntry:
    """How much of each model is measured against itself."""

    windows: int = 4
    """Windows per corpus repeated with an uneven batch split."""
    corpora: str = "all"
    """``all`` corpora or the ``first`` alone, which then stands in for the others."""
    token_by_token_positions: int = 128
    """Positions per model decoded one token at a time, on the first corpus."""
    items: int = 32
    """Items per benchmark asked again under another batch split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """A whole study as asked for."""

    name: str
    seed: int
    reference: ModelEntry
    candidates: tuple[ModelEntry, ...]
    corpora: tuple[CorpusEntry, ...]
    benchmarks: tuple[BenchmarkEntry, ...] = ()
    decision: DecisionEntry = field(default_factory=DecisionEntry)
    engine: EngineEntry = field(default_factory=EngineEntry)
    floor: FloorEntry = field(default_factory=FloorEntry)
    audit: AuditEntry = field(default_factory=AuditEntry)
