"""Candidates against a base file of llama-perplexity in place of a reference model."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.analysis.as_json import estimate_as_json
from silentzone.analysis.fidelity import fidelity_of_columns
from silentzone.backends.registry import engine_named
from silentzone.errors import ConfigError, InputError, MeasurementError, SilentzoneError
from silentzone.execution.processes import run_in_worker
from silentzone.measure.base_candidate import TASK, require_vocabulary
from silentzone.records.config import EngineEntry
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import with_cautions
from silentzone.studies.preparation import engine_settings
from silentzone.studies.progress import measured_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.registry import Engine
    from silentzone.records.models import ModelRef
    from silentzone.stats.results import Estimate
    from silentzone.store.base_file import BaseFile
    from silentzone.studies.progress import Progress

_PRODUCT_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_OF_REFERENCE_NLL = ("ppl_reference", "ppl_ratio", "ppl_delta", "ln_ppl_ratio", "abs_ln_ppl_ratio")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaseMeasured:
    """One candidate against a base file."""

    model: ModelRef
    adds_bos: bool
    engine: Mapping[str, Any]
    """What can change a logit besides the model."""
    columns: Mapping[str, NDArray[Any]]
    """By the names of ``metrics.clipped.ClippedMetrics``, with window, position and token_id."""

    @property
    def is_finite(self) -> NDArray[np.bool_]:
        """Positions that count."""
        return np.asarray(self.columns["is_finite"], dtype=np.bool_)

    def counted(self, name: str) -> NDArray[Any]:
        """Values of one column at the positions that count."""
        return self.columns[name][self.is_finite]

    def metrics(self) -> dict[str, Estimate]:
        """Every fidelity metric that the file allows; the others are null and say why."""
        names = (
            "kl_divergence", "reference_nll", "candidate_nll", "delta_p", "candidate_entropy",
            "reference_top1_probability", "top1_match", "top5_match",
        )  # fmt: skip
        columns = {name: self.counted(name).astype(np.float64) for name in names}
        windows = ClusterPartition.of(self.counted("window"), unit="window")
        found = fidelity_of_columns(columns, windows)
        if said := self._cut_tokens():
            found |= {key: with_cautions(found[key], said) for key in _OF_REFERENCE_NLL}
        return found

    def bracket(self) -> tuple[float, float]:
        """Bounds of the mean KLD: what was cut off and rounded can be anything between."""
        return float(self.counted("kl_lower").mean()), float(self.counted("kl_upper").mean())

    def cautions(self) -> tuple[str, ...]:
        """Say what to know of the numbers."""
        lost, total = int((~self.is_finite).sum()), len(self.is_finite)
        said = f"{lost} of {total} positions have logits that are not finite; left out"
        return (*((said,) if lost else ()), *filter(None, (self._cut_tokens(),)))

    def _cut_tokens(self) -> str | None:
        """Say how often the reference's NLL is not known."""
        cut = int(self.counted("observed_is_cut").sum())
        if not cut:
            return None
        return (
            f"at {cut} of {len(self.is_finite)} positions the text's own token lies below the "
            "base file's clip; the reference's NLL is too small there"
        )


def measure_with_base(
    base: BaseFile,
    candidates: Sequence[Path],
    *,
    windows: int | None,
    threads: int | None,
    progress: Progress,
    backend: str = "llama_cpp",
) -> tuple[list[BaseMeasured], list[dict[str, str]]]:
    """Run every candidate over the windows of a base file.

    Returns
    -------
    tuple of list
        What was measured, and failures (model, part, cause).

    Raises
    ------
    ConfigError
        If two files have the same stem, or more windows are asked for than there are.
    InputError
        If no candidate can be used.
    MeasurementError
        If none could be measured.
    """
    names = [path.stem for path in candidates]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(
            f"two candidates are called `{repeated[0]}`; a candidate's name is its file's stem",
            hint="compare them one after the other",
        )
    count = base.shape.windows if windows is None else windows
    if count > base.shape.windows:
        raise ConfigError(f"the base file has {base.shape.windows} windows, {count} are asked for")
    engine = engine_named(backend)
    measured: list[BaseMeasured] = []
    failures: list[dict[str, str]] = []
    errors: list[SilentzoneError] = []
    for path in candidates:
        try:
            measured.append(_measure(engine, base, path, (count, threads), progress))
        except SilentzoneError as error:
            errors.append(error)
            failures.append({"model": path.stem, "part": "base file", "cause": error.message})
            progress.note(f"{path.stem}: {error.message}")
    if not measured:
        kind = InputError if all(isinstance(one, InputError) for one in errors) else None
        said = "; ".join(f"{one['model']}: {one['cause']}" for one in failures)
        if len(errors) == 1:
            raise errors[0]
        raise (kind or MeasurementError)(f"no candidate could be measured: {said}")
    return measured, failures


def _measure(
    engine: Engine,
    base: BaseFile,
    path: Path,
    how: tuple[int, int | None],
    progress: Progress,
) -> BaseMeasured:
    model = engine.read_model(path, path.stem)
    require_vocabulary(base, model.name, model.vocabulary_size)
    threads = engine_settings(EngineEntry(backend=engine.name, threads=how[1])).threads
    with (
        tempfile.TemporaryDirectory(prefix="silentzone-") as scratch,
        measured_step(progress, f"base {model.name}", model.name) as on_share,
    ):
        out = Path(scratch) / "positions.npz"
        found = run_in_worker(
            TASK,
            {
                "backend": engine.name,
                "path": str(path.absolute()),
                "model": asdict(model),
                "base": str(base.path.absolute()),
                "windows": how[0],
                "threads": threads,
                "out": str(out),
            },
            on_event=lambda event: on_share(float(event["share"])),
            environment=dict.fromkeys(_PRODUCT_THREADS, str(threads)),
            what=f"measuring `{model.name}`",
        )
        with np.load(out, allow_pickle=False) as stored:
            columns = {name: stored[name] for name in stored.files}
    measured = BaseMeasured(
        model=model, adds_bos=bool(found["adds_bos"]), engine=found["engine"], columns=columns
    )
    if not measured.is_finite.any():
        raise MeasurementError(f"`{model.name}` gives no finite logits at all")
    return measured


def comparison_as_json(
    base: BaseFile,
    measured: Sequence[BaseMeasured],
    failures: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Give what ``silentzone compare --base --json`` prints.

    Returns
    -------
    dict
        ``base`` (what the file is), ``engine``, ``candidates``: a list of ``name``, sizes,
        ``metrics`` (key to estimate), ``kld_mean_bracket``, ``tail``, ``as_llama_perplexity``,
        ``cautions``; ``failures``.
    """
    shape = base.shape
    return {
        "base": {
            "file": base.path.name,
            "file_bytes": shape.total_bytes,
            "context_length": shape.context_length,
            "windows": shape.windows,
            "positions": shape.positions,
            "vocabulary_size": shape.vocabulary_size,
            "clip_nats": base.clip_nats,
            "deepest_nats": base.deepest_nats,
            "tokens_sha256": base.tokens_sha256,
        },
        "engine": dict(measured[0].engine) if measured else None,
        "candidates": [_candidate(one) for one in measured],
        "failures": [dict(one) for one in failures],
    }


def _candidate(one: BaseMeasured) -> dict[str, Any]:
    kept, delta = one.counted("kl_kept"), one.counted("delta_p")
    lower, upper = one.bracket()
    metrics = one.metrics()
    return {
        "name": one.model.name,
        "sha256": one.model.sha256,
        "file_bytes": one.model.file_bytes,
        "bits_per_weight": one.model.bits_per_weight,
        "adds_bos": one.adds_bos,
        "windows": int(one.columns["window"].max()) + 1,
        "metrics": {key: estimate_as_json(value) for key, value in metrics.items()},
        "kld_mean_bracket": [lower, upper],
        "tail": {
            "reference_mass_mean": float(one.counted("reference_tail").mean()),
            "candidate_mass_mean": float(one.counted("candidate_tail").mean()),
            "reference_mass_largest": float(one.counted("reference_tail").max()),
        },
        "as_llama_perplexity": {
            "kld_mean": float(kept.mean()),
            "kld_median": float(np.median(kept)),
            "kld_max": float(kept.max()),
            "delta_p_mean": float(delta.mean()),
            "delta_p_rms": float(np.sqrt(np.square(delta).mean())),
        },
        "cautions": list(one.cautions()),
    }
