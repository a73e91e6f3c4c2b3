"""What identifies each stored part.

Fields that start with ``model_`` name the model measured; all others must agree between parts
that are laid side by side. So candidates of two lanes cannot be: ``lane`` must agree among
divergences, while answers of a candidate lie beside the reference's, whose lane is the usual one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from silentzone.measure.floors import FLOOR_LEAD, rows_kept
from silentzone.records.models import SERVING, AwayInfo, home_of
from silentzone.records.parts import PartKey

if TYPE_CHECKING:
    from silentzone.measure.jobs import BenchmarkJob, CorpusJob
    from silentzone.records.config import GenerationEntry
    from silentzone.records.models import BackendInfo, ModelRef

METRICS_VERSION = 2
"""Raised whenever the same logits would give another number."""
SCORING_VERSION = 1
"""Raised whenever the same log-likelihoods would give another score."""
ASKING_VERSION = 2
"""Raised whenever the same choices would be decoded in other calls, and so be rounded otherwise."""
CALLS_VERSIONS = {"transformers": 3}
"""The same of one engine alone, of choices and of texts; an engine that is not here has none."""
WRITING_VERSION = 2
"""Raised whenever the same items would give another prompt, text or verdict."""
TASK_VERSION = 1
"""The same, of tasks of lm-evaluation-harness."""


def trace_key(reference: ModelRef, corpus: CorpusJob, engine: BackendInfo) -> PartKey:
    """Key of the reference trace of a corpus."""
    return PartKey.of(
        "trace",
        **_reference(reference),
        **_corpus(corpus),
        **_engine(home_of(engine)),
    )


def tokens_key(
    model: ModelRef, reference: ModelRef, corpus: CorpusJob, engine: BackendInfo
) -> PartKey:
    """Key of a candidate's table of positions."""
    return PartKey.of(
        "tokens",
        **_model(model),
        **_reference(reference),
        metrics_version=METRICS_VERSION,
        lane=model.lane,
        **_corpus(corpus),
        **_engine(engine),
    )


def floors_key(
    model: ModelRef, corpus: CorpusJob, engine: BackendInfo, windows: int, positions: int
) -> PartKey:
    """Key of a model's table of itself against itself."""
    scored = corpus.context_length - 1 - corpus.first_scored
    kept = rows_kept(scored, model.vocabulary_size)
    sampled = {"floor_rows": kept} if kept < scored else {}
    if positions and corpus.first_scored > FLOOR_LEAD:
        sampled["floor_lead"] = FLOOR_LEAD
    return PartKey.of(
        "floors",
        **_model(model),
        metrics_version=METRICS_VERSION,
        floor_windows=windows,
        floor_positions=positions,
        **sampled,
        **_corpus(corpus),
        **_engine(engine),
    )


def items_key(
    model: ModelRef, benchmark: BenchmarkJob, engine: BackendInfo, *, keeps_trace: bool
) -> PartKey:
    """Key of a model's answers to a benchmark; ``keeps_trace`` as for :func:`churn_key`."""
    answers = _answers(model, benchmark, keeps_trace=keeps_trace)
    return PartKey.of("items", **answers, **_asked_engine(engine))


def churn_key(
    model: ModelRef, benchmark: BenchmarkJob, engine: BackendInfo, items: int, *, keeps_trace: bool
) -> PartKey:
    """Key of a model's answers to items asked again.

    Where ``keeps_trace``, the ordinary answers come from the pass that keeps the reference's
    distributions. An engine may compute more rows there, and round them otherwise.
    """
    answers = _answers(model, benchmark, keeps_trace=keeps_trace)
    return PartKey.of("churn", floor_items=items, **answers, **_asked_engine(engine))


def generations_key(model: ModelRef, benchmark: BenchmarkJob, engine: BackendInfo) -> PartKey:
    """Key of the texts a model wrote in answer to a benchmark."""
    answers = _answers(model, benchmark, keeps_trace=False)
    return PartKey.of("generations", **answers, **_asked_engine(engine))


def questions_key(reference: ModelRef, benchmark: BenchmarkJob) -> PartKey:
    """Key of the questions of a benchmark, as the reference read them."""
    is_written = benchmark.generation is not None
    return PartKey.of(
        "questions",
        chat_template_sha256=_template(reference, benchmark),
        writing_version=WRITING_VERSION if is_written else "not used",
        items_sha256=benchmark.items_sha256,
    )


def item_trace_key(reference: ModelRef, benchmark: BenchmarkJob, engine: BackendInfo) -> PartKey:
    """Key of the reference's trace along the choices of a benchmark."""
    return PartKey.of(
        "item_trace",
        **_reference(reference),
        metrics_version=METRICS_VERSION,
        **_choices(reference, benchmark),
        **_asked_engine(home_of(engine)),
    )


def prompts_key(
    model: ModelRef, reference: ModelRef, benchmark: BenchmarkJob, engine: BackendInfo
) -> PartKey:
    """Key of a candidate's table of divergences along the choices of a benchmark."""
    return PartKey.of(
        "prompts",
        **_model(model),
        **_reference(reference),
        metrics_version=METRICS_VERSION,
        lane=model.lane,
        **_choices(model, benchmark),
        **_asked_engine(engine),
    )


def _model(model: ModelRef) -> dict[str, Any]:
    """Say which model was measured, how it was run and how it keeps what it has read."""
    identity: dict[str, Any] = {"model_sha256": model.sha256}
    identity |= {f"model_{name}": value for name, value in model.run_as}
    if model.lane != SERVING:
        identity |= {
            "model_lane": model.lane,
            "model_cache_k": model.cache_k,
            "model_cache_v": model.cache_v,
        }
    return identity


def _reference(reference: ModelRef) -> dict[str, Any]:
    """Say what a model is held against, and how that was run."""
    run_as = {f"reference_{name}": value for name, value in reference.run_as}
    return {"reference_sha256": reference.sha256, **run_as}


def _corpus(corpus: CorpusJob) -> dict[str, Any]:
    return {
        "text_sha256": corpus.text_sha256,
        "tokenizer_sha256": corpus.tokenizer_sha256,
        "context_length": corpus.context_length,
        "windows": corpus.windows,
        "select": corpus.select,
        "documents": corpus.documents,
        "first_scored": corpus.first_scored,
    }


def _answers(model: ModelRef, benchmark: BenchmarkJob, *, keeps_trace: bool) -> dict[str, Any]:
    if benchmark.generation is not None:
        return _written_answers(model, benchmark, benchmark.generation)
    if benchmark.harness is not None:
        return {
            **_model(model),
            "chat_template_sha256": _template(model, benchmark),
            "task_version": TASK_VERSION,
            "seed": benchmark.seed if benchmark.is_written else "not used",
            **_choices(model, benchmark),
        }
    own_pass = {"model_pass": "keeps its distributions"} if keeps_trace else {}
    return {
        **_model(model),
        "headline": benchmark.headline,
        "scoring_version": SCORING_VERSION,
        **_choices(model, benchmark),
        **own_pass,
    }


def _written_answers(
    model: ModelRef, benchmark: BenchmarkJob, entry: GenerationEntry
) -> dict[str, Any]:
    return {
        **_model(model),
        "chat_template_sha256": _template(model, benchmark),
        "writing_version": WRITING_VERSION,
        "seed": benchmark.seed if entry.temperature else "not used",
        **asdict(entry),
        **_choices(model, benchmark),
    }


def _template(model: ModelRef, benchmark: BenchmarkJob) -> str | None:
    return model.chat_template_sha256 if benchmark.uses_chat else "not used"


def _choices(model: ModelRef, benchmark: BenchmarkJob) -> dict[str, Any]:
    return {
        "items_sha256": benchmark.items_sha256,
        "tokenizer_sha256": model.tokenizer_sha256,
        "asking_version": ASKING_VERSION if benchmark.generation is None else "not used",
    }


def _engine(engine: BackendInfo) -> dict[str, Any]:
    """Say which engine made the reference's part and, where it is another, the model's own.

    What is held against one reference must agree in the reference's engine; a model's own may be
    another one, which its key says.
    """
    home = _engine_fields("engine", home_of(engine))
    if not isinstance(engine, AwayInfo):
        return home
    return {**home, **_engine_fields("model_engine", engine)}


def _asked_engine(engine: BackendInfo) -> dict[str, Any]:
    """Say the same of what answers questions, and how each engine cuts these into calls."""
    engines = {"engine": home_of(engine)}
    if isinstance(engine, AwayInfo):
        engines["model_engine"] = engine
    calls = {
        f"{prefix}_calls_version": CALLS_VERSIONS[own.name]
        for prefix, own in engines.items()
        if own.name in CALLS_VERSIONS
    }
    return {**_engine(engine), **calls}


def _engine_fields(prefix: str, engine: BackendInfo) -> dict[str, Any]:
    settings = {f"{prefix}_{name}": value for name, value in engine.settings}
    return {
        prefix: engine.name,
        f"{prefix}_version": engine.version,
        f"{prefix}_build": engine.build,
        f"{prefix}_device": engine.device,
        **settings,
    }
