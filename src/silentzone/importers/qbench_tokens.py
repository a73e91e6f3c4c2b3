"""Per-token KLD that qbench keeps beside its results, and what follows from it.

Array shapes: p scored positions, row after row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.json_records import read_record
from silentzone.importers.reading import source_of
from silentzone.importers.safetensors_file import read_floats
from silentzone.records.imported import Stated
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import mean_estimate, root_mean_square_estimate
from silentzone.stats.quantiles import interpolated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from silentzone.records.imported import SourceFile
    from silentzone.stats.results import Estimate

_FORMAT: Final = "qbench"
_AGREE_WITHIN: Final = {"F16": 5e-3, "F32": 1e-3, "F64": 1e-3}
"""Relative distance of the stored values' mean from the stated one, which was summed in fp32."""
_QUANTILES: Final = {"kld_p90": 0.9, "kld_p95": 0.95, "kld_p99": 0.99, "kld_p999": 0.999}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenValues:
    """One model's KLD per token."""

    kld: NDArray[np.float64]
    """Of shape (p,); what is not finite is NaN."""
    window: NDArray[np.int32] | None
    """Row of each position; null where the number of rows is not known."""
    protocol: Mapping[str, str | None]
    sources: tuple[SourceFile, ...]
    notes: tuple[str, ...]

    @property
    def positions(self) -> dict[str, NDArray[np.generic]] | None:
        """Columns of a table of positions; null where the rows are not known."""
        if self.window is None:
            return None
        per_row = len(self.kld) // (int(self.window[-1]) + 1)
        status = np.where(np.isfinite(self.kld), "ok", "non_finite").astype(object)
        return {
            "window": self.window,
            "position": np.arange(len(self.kld), dtype=np.int32) % np.int32(per_row),
            "status": status,
            "kl_divergence": self.kld,
        }

    def completed(self, metrics: Mapping[str, Stated]) -> dict[str, Stated]:
        """Add standard errors and what the results file leaves out; what it states stays."""
        finite = np.isfinite(self.kld)
        values = self.kld[finite]
        found = dict(metrics)
        if not len(values):
            return found
        how = "from the per-token values"
        ordered = np.sort(values)
        ours = {key: interpolated(ordered, share) for key, share in _QUANTILES.items()}
        ours["kld_max"] = float(ordered[-1])
        for key, value in ours.items():
            if key not in found or found[key].value is None:
                found[key] = Stated(value=value, method=how)
        if self.window is None:
            found.setdefault("kld_rms", Stated(value=_rms(values), method=how))
            return found
        clusters = ClusterPartition.of(self.window[finite], unit="row")
        mean = mean_estimate(values, clusters)
        found["kld_mean"] = replace(
            found["kld_mean"],
            standard_error=mean.standard_error,
            method=f"as the file states it; {mean.method}",
        )
        found["kld_rms"] = _stated(root_mean_square_estimate(values, clusters))
        return found


def read_token_values(
    key: str, stated_mean: float | None, files: Sequence[Path]
) -> tuple[TokenValues | None, str | None]:
    """Read the sidecar of a cached result.

    Parameters
    ----------
    key : str
        Of the result: data, reference, model and version, joined by underscores.
    stated_mean : float or None
        Mean KLD of the results file, which the values must have.
    files : sequence of Path
        Files of the bundle.

    Returns
    -------
    tuple of (TokenValues or None, str or None)
        The values, or why there are none.

    Raises
    ------
    TableError
        If the sidecar is damaged, or is of other results.
    """
    path = next((one for one in files if one.name == f"kl_{key}.safetensors"), None)
    if path is None:
        return None, f"without kl_{key}.safetensors there is no standard error"
    values, kind = read_floats(path, "kl")
    values = np.where(np.isfinite(values), values, np.nan)
    _require_mean(values, stated_mean, path, _AGREE_WITHIN[kind])
    meta = next((one for one in files if _is_meta(one, key)), None)
    rows, prefix = _shape(meta)
    notes: tuple[str, ...] = ()
    if kind == "F16":
        notes = ("its per-token values are 16-bit numbers, in which those below 6e-8 are 0",)
    if rows is None or not rows or len(values) % rows:
        why = "no standard error: nothing says how its tokens lie in rows (meta.json of the logits)"
        return _values(key, values, None, {}, (path,), (*notes, why)), None
    window = np.repeat(np.arange(rows, dtype=np.int32), len(values) // rows)
    protocol = {
        "context_length": str(len(values) // rows),
        "windows": str(rows),
        "template": None if prefix is None else "none" if prefix == 0 else "chat template",
    }
    sources = (path,) if meta is None else (path, meta)
    return _values(key, values, window, protocol, sources, notes), None


def _values(
    key: str,
    kld: NDArray[np.float64],
    window: NDArray[np.int32] | None,
    protocol: dict[str, str | None],
    paths: Sequence[Path],
    notes: tuple[str, ...],
) -> TokenValues:
    # The first part of a key is a hash of test data and tokenizer.
    return TokenValues(
        kld=kld,
        window=window,
        protocol={"corpus_sha256": key.split("_")[0], **protocol},
        sources=tuple(source_of(one, _FORMAT) for one in paths),
        notes=notes,
    )


def _require_mean(
    values: NDArray[np.float64], stated: float | None, path: Path, within: float
) -> None:
    finite = values[np.isfinite(values)]
    own = float(finite.mean()) if len(finite) else None
    is_same = (
        own is None and stated is None
        if own is None or stated is None
        else abs(own - stated) <= within * abs(stated) + 1e-9
    )
    if not is_same:
        raise TableError(
            f"`{path.name}` holds values with the mean {own}, the results say {stated}: they are "
            "not of one run",
            hint="give the cache of the very run that wrote the results",
        )


def _is_meta(path: Path, key: str) -> bool:
    folder = path.parent.name.removeprefix("logits_")
    return path.name == "meta.json" and key.startswith(f"{folder}_")


def _shape(meta: Path | None) -> tuple[int | None, int | None]:
    if meta is None:
        return None, None
    record = read_record(meta)
    return record.whole("rows"), record.whole("prefix_len")


def _stated(estimate: Estimate) -> Stated:
    return Stated(
        value=estimate.value,
        standard_error=estimate.standard_error,
        method=f"from the per-token values; {estimate.method}",
        status="ok" if estimate.value is not None else "; ".join(estimate.cautions),
    )


def _rms(values: NDArray[np.float64]) -> float:
    return math.sqrt(float(np.mean(np.square(values))))
