"""Engines by name, found through entry points; built-in ones are registered the same way."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from silentzone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from silentzone.backends.base import EngineSettings, LogitBackend
    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import BackendInfo, ModelRef

GROUP = "silentzone.backends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What one engine offers. Only ``open``, ``describe`` and ``run_as`` may load native code."""

    name: str
    open: Callable[[Path, ModelRef, EngineSettings], LogitBackend]
    """Load a model."""
    describe: Callable[[EngineSettings], BackendInfo]
    """What a loaded model would record of the engine, without loading one."""
    read_model: Callable[..., ModelRef]
    """``(path, name, on_bytes=None)``: identity of a model file."""
    output_head: Callable[..., OutputHead | None]
    """``(path, settings=None)``: last product of a model, to rebuild logits from hidden states.

    None where unknown. The settings matter to engines that load a model in another type than the
    file's."""
    memory_bytes: Callable[..., tuple[int | None, str | None]]
    """``(path, context length)``: bytes of weights and KV cache together, or why not known.

    Of an engine with ``cache_types`` also ``cache_k`` and ``cache_v``, as :class:`ModelRef` has."""
    encode: Callable[[Path, Sequence[str]], list[NDArray[np.int32]]] | None = None
    """``(path, texts)``: token ids of texts, with BOS where the model has the habit, without its
    weights; None where that is not offered."""
    cache_types: tuple[str, ...] = ()
    """Types in which a model can be opened with its keys and values cached; none: as it is."""
    run_as: Callable[[Path, EngineSettings], tuple[tuple[str, str], ...]] | None = None
    """``(path, settings)``: what it will do with a model, as :class:`ModelRef` has it; None for an
    engine whose description says everything."""
    cache_rounded_by: Callable[[str], str | None] | None = None
    """Package and version that rounds a cache of some type; None if the engine does it itself."""
    caches_alike: bool = False
    """Whether keys and values can be cached in one and the same of these types only."""


def engine_named(name: str) -> Engine:
    """Engine of that name.

    Raises
    ------
    ConfigError
        If no such engine is registered; the hint names the closest one.
    MissingExtraError
        If its optional dependency is not installed.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        close = difflib.get_close_matches(name, found, n=1)
        raise ConfigError(
            f"there is no backend `{name}`",
            hint=f"did you mean `{close[0]}`?"
            if close
            else f"there are: {', '.join(sorted(found))}",
        )
    return _load(found[name])


def _load(point: EntryPoint) -> Engine:
    try:
        engine = point.load()
    except ImportError as error:
        raise MissingExtraError(
            f"the backend `{point.name}` needs `{error.name}`, which is not installed",
            hint=f'pip install "silentzone[{point.name.replace("_", "-")}]"',
        ) from error
    if not isinstance(engine, Engine):
        raise ConfigError(f"the entry point `{point.name}` of `{GROUP}` does not give an engine")
    return engine
