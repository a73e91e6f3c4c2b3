"""What a run of llama-perplexity says, as metrics with their errors and as means of windows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.perplexity_log import COLUMNS
from silentzone.importers.perplexity_print import ROUNDED
from silentzone.importers.perplexity_running import running_of_kld, running_of_ppl, weighted_sum
from silentzone.importers.running_means import are_resolved, rounding, spread, window_means
from silentzone.records.imported import Stated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from silentzone.importers.perplexity_log import PerplexityLog
    from silentzone.importers.perplexity_print import BlockRow, Printed
    from silentzone.importers.running_means import RunningMeans

BLOCK_KEYS: Final = {
    "kld_mean": "Mean KLD",
    "kld_median": "Median KLD",
    "kld_max": "Maximum KLD",
    "kld_p90": "90.0% KLD",
    "kld_p95": "95.0% KLD",
    "kld_p99": "99.0% KLD",
    "kld_p999": "99.9% KLD",
    "ppl_reference": "Mean PPL(base)",
    "ppl_candidate": "Mean PPL(Q)",
    "ppl_ratio": "Mean PPL(Q)/PPL(base)",
    "ppl_delta": "Mean PPL(Q)-PPL(base)",
    "ln_ppl_ratio": "Mean ln(PPL(Q)/PPL(base))",
    "delta_p_mean": "Mean delta p",
    "delta_p_rms": "RMS delta p",
    "top1_agreement": "Same top p",
}
"""Row of the final block by our key."""

_RUNNING: Final = {
    "kld_mean": "kld",
    "ppl_candidate": "ppl",
    "ln_ppl_ratio": "ln_ratio",
    "delta_p_rms": "delta_p_rms",
    "top1_agreement": "top1",
}
_PERCENT: Final = {"delta_p_mean", "delta_p_rms", "top1_agreement"}
_AS_PRINTED: Final = "as the tool prints it, positions taken as independent"


@dataclass(frozen=True, slots=True, eq=False)
class RunResults:
    """Metrics, windows, and what to know of them."""

    metrics: Mapping[str, Stated]
    windows: Mapping[str, NDArray[np.float64]] | None
    notes: tuple[str, ...]


def results_of(log: PerplexityLog, source: str) -> RunResults:
    """Metrics and window means of a run.

    Raises
    ------
    TableError
        If the parts of the log do not belong together.
    """
    return _of_kld(log, source) if log.is_kld else _of_ppl(log, source)


def _of_kld(log: PerplexityLog, source: str) -> RunResults:
    _check_windows(log, source, has_end=bool(log.block))
    _check_block(log, source)
    running = running_of_kld(log, source)
    why = _why_no_row(log)
    mean = log.block.get("Mean KLD")
    is_nan = mean is not None and math.isnan(mean.value.value)
    metrics = {}
    for key, row_key in BLOCK_KEYS.items():
        row = log.block.get(row_key)
        if row is None:
            metrics[key] = _from_last_window(log, key, running, why)
        elif is_nan and key != "ppl_reference":
            # An argmax among NaN is still a token, and its share of agreement looks like a result.
            metrics[key] = _null("the tool printed nan for the mean KLD: logits are not finite")
        else:
            metrics[key] = _from_row(key, row, _influence(key, log, running))
    windows, notes = _windows(running)
    negative = any(one.value is not None and one.value < 0.0 for one in _klds(metrics))
    if negative:
        notes = (
            *notes,
            f"`{source}` has KLD values below zero: the base file's rounding, and the tail that "
            "the tool leaves out, are larger than what it measured there",
        )
    return RunResults(metrics, windows, notes)


def _of_ppl(log: PerplexityLog, source: str) -> RunResults:
    _check_windows(log, source, has_end=log.final_ppl is not None)
    running = running_of_ppl(log)
    found = None if running is None else spread(running["candidate_nll"])
    last = log.ppl_windows[-1] if log.ppl_windows else None
    value, error = log.final_ppl or (last, None)
    assert value is not None, "a log without both is refused"
    if log.final_ppl is not None and last is not None:
        _check_same(source, "perplexity", value.value, last.value, 2e-4)
    if not value.is_finite:
        stated = _null(value.status)
    elif found is not None:
        stated = Stated(
            value=value.value,
            standard_error=value.value * found.standard_error,
            method=found.method,
        )
    else:
        printed = error.value if error is not None and error.is_finite else None
        method = _AS_PRINTED if printed is not None else "running mean after the last window"
        stated = Stated(value=value.value, standard_error=printed, method=method)
    windows, notes = _windows(running or {})
    return RunResults({"ppl_candidate": stated}, windows, notes)


def _check_windows(log: PerplexityLog, source: str, *, has_end: bool) -> None:
    count, planned = log.window_count, log.planned_windows
    if planned is not None and count and (count > planned or (has_end and count < planned)):
        raise TableError(
            f"`{source}` has lines of {count} windows, and says that there are {planned}",
            hint="lines are missing, or stem from another run; give the log as it was written",
        )


def _check_block(log: PerplexityLog, source: str) -> None:
    """Hold the final block against the last window, and the quantiles against each other."""
    if log.kld_windows:
        for key, column in _RUNNING.items():
            row = log.block.get(BLOCK_KEYS[key])
            if row is not None:
                last = log.kld_windows[-1][COLUMNS.index(column)]
                within = ROUNDED * (row.value.half_unit + last.half_unit)
                _check_same(source, BLOCK_KEYS[key], row.value.value, last.value, within)
    names = ("Minimum", "Median", "90.0%", "95.0%", "99.0%", "99.9%", "Maximum")
    rows = [log.block[f"{name} KLD"] for name in names if f"{name} KLD" in log.block]
    values = [row.value.value for row in rows if row.value.is_finite]
    if values != sorted(values):
        raise TableError(f"`{source}` has quantiles of KLD that do not grow; a line is damaged")


def _check_same(source: str, what: str, final: float, last: float, within: float) -> None:
    if math.isfinite(final) and math.isfinite(last) and abs(final - last) > within:
        raise TableError(
            f"`{source}`: its final `{what}` is {final:g}, "
            f"after the last window line it is {last:g}",
            hint="they are of different runs, or lines are missing; give the log as it was written",
        )


def _influence(
    key: str, log: PerplexityLog, running: Mapping[str, RunningMeans]
) -> tuple[RunningMeans, float] | None:
    """Give the running mean whose error, times a factor, is the error of a metric."""
    rows = {name: log.block.get(row) for name, row in BLOCK_KEYS.items()}
    at = {name: row.value.value for name, row in rows.items() if row is not None}
    plain = {"kld_mean": "kld", "ln_ppl_ratio": "ln_ratio", "top1_agreement": "top1"}
    scaled = {
        "ppl_candidate": ("candidate_nll", at.get("ppl_candidate")),
        "ppl_reference": ("reference_nll", at.get("ppl_reference")),
        "ppl_ratio": ("ln_ratio", at.get("ppl_ratio")),
    }
    if key in plain and plain[key] in running:
        return running[plain[key]], 1.0
    if key in scaled and scaled[key][0] in running:
        name, factor = scaled[key]
        return (running[name], factor) if factor is not None else None
    if key == "delta_p_rms" and "squares" in running and at.get(key, 0.0) > 0.0:
        return running["squares"], 0.5 / (0.01 * at[key])
    if key == "ppl_delta" and {"candidate_nll", "reference_nll"} <= running.keys():
        candidate, reference = at.get("ppl_candidate"), at.get("ppl_reference")
        if candidate is not None and reference is not None:
            parts = running["candidate_nll"], running["reference_nll"]
            return weighted_sum(*parts, candidate, -reference), 1.0
    return None


def _from_row(key: str, row: BlockRow, influence: tuple[RunningMeans, float] | None) -> Stated:
    if not row.value.is_finite:
        return _null(row.value.status)
    value = _in_our_unit(key, row.value)
    found = None if influence is None else spread(influence[0])
    if found is not None and influence is not None and math.isfinite(influence[1]):
        error = influence[1] * found.standard_error
        return Stated(value=value, standard_error=error, method=found.method)
    if row.error is None:
        return Stated(value=value)
    # An error of 0.000000 is one below the last digit, not none.
    error_known = row.error.is_finite and row.error.value > 0.0
    return Stated(
        value=value,
        standard_error=_in_our_unit(key, row.error) if error_known else None,
        method=_AS_PRINTED if error_known else f"{_AS_PRINTED}; its error is {row.error.text}",
    )


def _from_last_window(
    log: PerplexityLog, key: str, running: Mapping[str, RunningMeans], why: str
) -> Stated:
    """State a running mean where there is no final block."""
    if log.block or key not in _RUNNING or not log.kld_windows:
        return _null(why)
    last = log.kld_windows[-1][COLUMNS.index(_RUNNING[key])]
    if not last.is_finite:
        return _null(last.status)
    if math.isnan(log.kld_windows[-1][COLUMNS.index("kld")].value):
        return _null("the tool printed nan for the mean KLD: logits are not finite")
    method, error = f"running mean after window {len(log.kld_windows)}", None
    influence = _influence(key, log, running)
    if influence is not None and (found := spread(influence[0])) is not None:
        error, method = influence[1] * found.standard_error, found.method
    return Stated(value=_in_our_unit(key, last), standard_error=error, method=method)


def _why_no_row(log: PerplexityLog) -> str:
    """Say why a row of the final block may be missing."""
    count, planned = log.window_count, log.planned_windows
    if log.block:
        return "the log has no such row; older versions print fewer, and a log can be cut"
    if planned is not None and count < planned:
        stopped = f" ({log.stopped})" if log.stopped else ""
        return f"the log ends after window {count} of {planned}, before the final block{stopped}"
    return (
        "there is no final block: fewer than 100 positions were scored, or the log was cut "
        f"after window {count}"
    )


def _windows(
    running: Mapping[str, RunningMeans],
) -> tuple[dict[str, NDArray[np.float64]] | None, tuple[str, ...]]:
    """Window means by column, and how well they are known."""
    columns, notes = {}, []
    names = {
        "kl_divergence": "kld",
        "candidate_nll": "candidate_nll",
        "reference_nll": "reference_nll",
        "top1_match": "top1",
    }
    for column, name in names.items():
        if name not in running:
            continue
        means, worst = running[name], float(rounding(running[name]).max())
        if worst == 0.0 or are_resolved(means):
            columns[column] = window_means(means)
            notes.append(f"{column} of each window to {worst:.1g}")
        else:
            columns[column] = np.full(len(means), np.nan)
            notes.append(f"{column} of no window (rounding of the running mean is {worst:.1g})")
    if not columns:
        return None, ()
    said = "means of windows from the running means: " + ", ".join(notes)
    return columns, (said,)


def _klds(metrics: Mapping[str, Stated]) -> list[Stated]:
    return [one for key, one in metrics.items() if key.startswith("kld_")]


def _in_our_unit(key: str, printed: Printed) -> float:
    return printed.per_cent if key in _PERCENT else printed.value


def _null(status: str) -> Stated:
    return Stated(value=None, method="none", status=status)
