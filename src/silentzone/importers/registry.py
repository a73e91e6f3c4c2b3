"""Every format that can be imported, by the name a user types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from silentzone.errors import ConfigError
from silentzone.importers.tools import (
    bfcl,
    cohort_table,
    evalplus,
    flipeval,
    inspect_log,
    items,
    kld_sweep,
    lighteval,
    livecodebench,
    llama_eval,
    llama_perplexity,
    llama_perplexity_tasks,
    lm_eval,
    mlx_kld,
    mlx_quant_fidelity,
    qbench,
    study,
)
from silentzone.records.near_names import near_names

if TYPE_CHECKING:
    from silentzone.importers.reading import Format

_ALL: Final = (
    # Where two recognise one file, the first in this order reads it.
    study.FORMAT,
    inspect_log.FORMAT,
    evalplus.FORMAT,
    livecodebench.FORMAT,
    bfcl.FORMAT,
    llama_eval.FORMAT,
    flipeval.FORMAT,
    items.FORMAT,
    cohort_table.FORMAT,
    llama_perplexity.FORMAT,
    llama_perplexity_tasks.FORMAT,
    lm_eval.FORMAT,
    lighteval.FORMAT,
    mlx_kld.FORMAT,
    mlx_quant_fidelity.FORMAT,
    qbench.FORMAT,
    kld_sweep.FORMAT,
)
FORMATS: Final = {one.name: one for one in _ALL}


def format_named(name: str) -> Format:
    """Give the format of that name.

    Raises
    ------
    ConfigError
        If there is none; the hint names the closest one.
    """
    if name not in FORMATS:
        raise ConfigError(f"there is no format `{name}`", hint=near_names(name, FORMATS))
    return FORMATS[name]
