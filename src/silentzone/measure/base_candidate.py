"""A candidate against a base file of llama-perplexity, in a worker process.

Windows and tokens are those of the file, BOS is the candidate's own habit, as in the tool.

Shape letters: T scored positions of a stretch of a window, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.errors import MeasurementError, VocabularyMismatchError
from silentzone.measure.jobs import model_of_json
from silentzone.measure.trace_rows import row_blocks
from silentzone.metrics.clipped import ClippedMetrics, compare_clipped
from silentzone.records.windows import WindowPlan
from silentzone.store.base_file import KEPT_ABOVE, BaseFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend

TASK = "silentzone.measure.base_candidate:measure_against_base"


def measure_against_base(
    payload: dict[str, Any], emit: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Measure one candidate against a base file.

    Parameters
    ----------
    payload : dict
        ``backend``, ``path`` and ``model`` (ModelRef as JSON) of the candidate, ``base``,
        ``windows`` (number of them, from the start), ``threads``, ``out`` (where arrays go).
    emit : callable
        Receives ``{"share"}`` while it works.

    Returns
    -------
    dict
        ``adds_bos`` of the candidate, ``engine`` (BackendInfo). The values per position lie in
        ``out``, an ``.npz``.

    Raises
    ------
    VocabularyMismatchError
        If the candidate has another number of vocabulary entries than the file.
    MeasurementError
        If the engine stops early.
    """
    base, model = BaseFile(Path(payload["base"])), model_of_json(payload["model"])
    require_vocabulary(base, model.name, model.vocabulary_size)
    settings = EngineSettings(threads=int(payload["threads"]))
    engine = engine_named(payload["backend"])
    windows = int(payload["windows"])
    with engine.open(Path(payload["path"]), model, settings) as backend:
        columns = against_base(backend, base, windows, lambda done: emit({"share": done / windows}))
        found = {"adds_bos": bool(backend.adds_bos), "engine": asdict(backend.info)}
    with Path(payload["out"]).open("xb") as file:
        arrays: dict[str, Any] = dict(columns)
        np.savez(file, **arrays)
    return found


def require_vocabulary(base: BaseFile, name: str, size: int) -> None:
    """Refuse a candidate of another vocabulary, which llama-perplexity only mentions.

    Raises
    ------
    VocabularyMismatchError
        If so.
    """
    if size != base.shape.vocabulary_size:
        raise VocabularyMismatchError(
            f"`{name}` has a vocabulary of {size} entries, the base file `{base.path.name}` one "
            f"of {base.shape.vocabulary_size}",
            hint="make the base file with a reference of the same model",
        )


def against_base(
    backend: LogitBackend, base: BaseFile, windows: int, on_window: Callable[[int], None]
) -> dict[str, NDArray[Any]]:
    """Values per position of a loaded candidate, by the names of :class:`ClippedMetrics`.

    Raises
    ------
    MeasurementError
        If the engine stops before the last window.
    """
    plan = WindowPlan(
        context_length=base.shape.context_length,
        first_scored=base.shape.first_scored,
        add_bos=backend.adds_bos,
    )
    parts: list[dict[str, NDArray[Any]]] = []
    done = 0
    tokens = (np.ascontiguousarray(base.tokens[k], dtype=np.int32) for k in range(windows))
    for window in backend.window_logits(tokens, plan):
        index, logits = window.index, np.ascontiguousarray(window.logits_TV)
        for block in row_blocks(*logits.shape):
            rows = slice(window.start + block.start, window.start + block.stop)
            observed = base.observed(index)[rows]
            metrics = compare_clipped(
                base.reference(index, rows), logits[block], observed, kept_above=KEPT_ABOVE
            )
            first = plan.first_scored + 1
            parts.append(
                {
                    "window": np.full(len(observed), index, np.int32),
                    "position": np.arange(first + rows.start, first + rows.stop, dtype=np.int32),
                    "token_id": observed,
                    **{one.name: getattr(metrics, one.name) for one in fields(ClippedMetrics)},
                }
            )
        if window.rows.stop == plan.positions_per_window:
            done += 1
            on_window(done)
    if done != windows:
        raise MeasurementError(f"the engine gave {done} of {windows} windows")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
