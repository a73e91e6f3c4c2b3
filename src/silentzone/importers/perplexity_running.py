"""Running means of a llama-perplexity log in our units, each as exact as its printing.

Array shapes: w windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.perplexity_log import COLUMNS
from silentzone.importers.perplexity_print import ROUNDED
from silentzone.importers.running_means import RunningMeans

if TYPE_CHECKING:
    from silentzone.importers.perplexity_log import PerplexityLog


def running_of_kld(log: PerplexityLog, source: str) -> dict[str, RunningMeans]:
    """Give running means by name; a column with a value that is no number is left out.

    Returns
    -------
    dict of str to RunningMeans
        ``COLUMNS`` as proportions and nats, ``candidate_nll`` and ``reference_nll``, and
        ``squares`` of delta p.

    Raises
    ------
    TableError
        If a share of equal tokens is none that the number of positions allows.
    """
    columns: dict[str, RunningMeans] = {}
    for place, name in enumerate(COLUMNS):
        printed = [window[place] for window in log.kld_windows]
        if printed and all(one.is_finite for one in printed):
            scale = 0.01 if name in {"delta_p_rms", "top1"} else 1.0
            columns[name] = RunningMeans(
                np.array([one.per_cent if scale != 1.0 else one.value for one in printed]),
                np.array([scale * one.half_unit for one in printed]),
            )
    if "top1" in columns and log.context_length is not None:
        columns["top1"] = _exact_shares(columns["top1"], log.context_length, source)
    if "ppl" in columns and (columns["ppl"].values > 0.0).all():
        columns["candidate_nll"] = _logarithm(columns["ppl"])
        if "ln_ratio" in columns:
            columns["reference_nll"] = weighted_sum(
                columns["candidate_nll"], columns["ln_ratio"], 1.0, -1.0
            )
    if "delta_p_rms" in columns:
        rms = columns["delta_p_rms"]
        columns["squares"] = RunningMeans(
            np.square(rms.values), 2 * rms.values * rms.half_units + np.square(rms.half_units)
        )
    return columns


def _exact_shares(top1: RunningMeans, context_length: int, source: str) -> RunningMeans:
    """Shares of a known number of positions, exact where the printing tells the count."""
    positions = (np.arange(len(top1)) + 1.0) * (context_length - 1 - context_length // 2)
    counts = np.rint(top1.values * positions)
    off = np.abs(top1.values * positions - counts)
    allowed = ROUNDED * top1.half_units * positions + 1e-9
    if (allowed >= 0.5).any():
        return top1
    if (off > allowed).any():
        window = int(np.argmax(off > allowed)) + 1
        raise TableError(
            f"`{source}`: the share of equal top tokens after window {window} is no share of "
            f"{positions[window - 1]:.0f} positions; a line is damaged"
        )
    return RunningMeans(counts / positions, np.zeros(len(top1)))


def running_of_ppl(log: PerplexityLog) -> dict[str, RunningMeans] | None:
    """Give the running mean NLL of the perplexity mode; null where a value is no number."""
    printed = log.nll_windows or log.ppl_windows
    if not printed or not all(one.is_finite for one in printed):
        return None
    means = RunningMeans(
        np.array([one.value for one in printed]), np.array([one.half_unit for one in printed])
    )
    if log.nll_windows:
        return {"candidate_nll": means}
    return {"candidate_nll": _logarithm(means)} if (means.values > 0.0).all() else None


def _logarithm(means: RunningMeans) -> RunningMeans:
    return RunningMeans(np.log(means.values), means.half_units / means.values)


def weighted_sum(one: RunningMeans, other: RunningMeans, a: float, b: float) -> RunningMeans:
    """Give a one + b other."""
    return RunningMeans(
        a * one.values + b * other.values, abs(a) * one.half_units + abs(b) * other.half_units
    )
