"""What was measured against a base file, put into a folder of imported results."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.importers.reading import Bundle, Format, ImportOptions, source_of
from silentzone.records.imported import FidelityRow, Imported, ModelFacts, Stated
from silentzone.studies.import_outcome import ImportOutcome, ImportRequest
from silentzone.studies.intake import intake_into

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from silentzone.store.base_file import BaseFile
    from silentzone.studies.base_compare import BaseMeasured

_NAME = "compare-base"
_COLUMNS = (
    "window", "position", "token_id", "reference_nll", "candidate_nll", "kl_divergence", "delta_p",
    "candidate_entropy", "reference_top1_probability", "top1_match", "top5_match",
    "reference_top1_rank",
)  # fmt: skip
_WHOLE = ("window", "position", "token_id")


def keep_base_comparison(
    base: BaseFile,
    measured: Sequence[BaseMeasured],
    into: Path,
    *,
    corpus: str | None = None,
    reference: str | None = None,
) -> None:
    """Add candidates to a folder of imported results, values per position included.

    Parameters
    ----------
    base : BaseFile
    measured : sequence of BaseMeasured
    into : Path
    corpus, reference : str, optional
        Names of the text and of the model that wrote the file, which the file does not know; left
        out, both are called like the file, and no model of the folder is marked as the reference.

    Raises
    ------
    TableError
        If the same was measured in the same way before.
    StorageError
        If the folder holds something else or cannot be written.
    """
    source = source_of(base.path, _NAME)
    imported = Imported(
        fidelity=tuple(
            replace(
                _row(base, one, corpus or base.path.stem, reference or base.path.stem),
                sources=(source,),
            )
            for one in measured
        ),
        models=(
            *(
                ModelFacts(
                    name=one.model.name,
                    file_bytes=one.model.file_bytes,
                    bits_per_weight=one.model.bits_per_weight,
                    is_reference=one.model.name == reference,
                )
                for one in measured
            ),
            *_reference_alone(measured, reference),
        ),
        notes=tuple(f"{one.model.name}: {said}" for one in measured for said in one.cautions()),
    )
    taken = Format(
        name=_NAME,
        title="silentzone compare --base",
        find=lambda _files: [],
        read=lambda _bundle, _options: imported,
    )
    request = ImportRequest(paths=(base.path,), into=into, options=ImportOptions())
    with intake_into(request, ImportOutcome(folder=into)) as intake:
        intake.take(taken, Bundle(main=base.path))


def _reference_alone(
    measured: Sequence[BaseMeasured], reference: str | None
) -> tuple[ModelFacts, ...]:
    """Give the reference as a model, where it is named and is none of the candidates."""
    if reference is None or reference in {one.model.name for one in measured}:
        return ()
    return (ModelFacts(name=reference, is_reference=True),)


def _row(base: BaseFile, one: BaseMeasured, corpus: str, reference: str) -> FidelityRow:
    shape, clip = base.shape, base.clip_nats
    lower, upper = one.bracket()
    finite = one.is_finite
    positions = {
        name: one.columns[name]
        if name in _WHOLE
        else np.where(finite, one.columns[name].astype(np.float64), np.nan)
        for name in _COLUMNS
    }
    positions["reference_top1_rank"] = np.ma.MaskedArray(
        one.columns["reference_top1_rank"], mask=~finite
    )
    positions["status"] = np.where(finite, "ok", "non_finite")
    return FidelityRow(
        model=one.model.name,
        corpus=corpus,
        metrics={
            key: Stated(
                value=estimate.value,
                standard_error=estimate.standard_error,
                method=estimate.method,
            )
            for key, estimate in one.metrics().items()
            if estimate.value is not None
        },
        protocol={
            "tool": "silentzone",
            "reference": reference,
            "corpus_sha256": base.tokens_sha256,
            "context_length": str(shape.context_length),
            "windows": str(int(one.columns["window"].max()) + 1),
            "scored": "second half",
            "add_bos": "true" if one.adds_bos else "false",
            "vocabulary_size": str(shape.vocabulary_size),
            "clip_nats": None if clip is None else f"{clip:g}",
            "direction": "KL(reference||candidate)",
            "estimator": "16 bits, the tail as one token",
            "lane": one.model.lane,
        },
        positions=positions,
        about={
            "base_file": base.path.name,
            "kld_mean_bracket": f"{lower:.9g} to {upper:.9g}",
            "kld_mean_as_llama_perplexity": f"{one.counted('kl_kept').mean():.9g}",
            "model_sha256": one.model.sha256,
        },
    )
