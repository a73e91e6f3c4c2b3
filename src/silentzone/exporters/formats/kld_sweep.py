"""CSV in the columns of kld-sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from silentzone.exporters.csv_text import csv_text
from silentzone.exporters.study import MISSING
from silentzone.exporters.writing import Exported, ExportOptions, TextFormat
from silentzone.records.escaping import spreadsheet_text

if TYPE_CHECKING:
    from silentzone.exporters.study import Model, Study

COLUMNS: Final = (
    "Quantization", "Size_GiB", "PPL_Score", "KLD_Score", "MDL_norm", "Num_Tokens", "KLD_99", "BPW",
)  # fmt: skip
_BYTES_PER_GIB: Final = 2**30


def _render(study: Study, options: ExportOptions) -> Exported:
    corpus, notes = study.corpus_asked(options.corpus)
    rows = [_row(study, model, corpus) for model in _by_size(study) if not model.is_reference]
    return Exported(
        chunks=[csv_text([COLUMNS, *rows])],
        notes=(*notes, "MDL_norm is left empty: it adds a size to the logarithm of a perplexity"),
    )


def _by_size(study: Study) -> list[Model]:
    """Smallest file first, as that program sorts; a model without a size comes last."""
    return sorted(
        study.models, key=lambda one: (one.file_bytes is None, one.file_bytes or 0, one.name)
    )


def _row(study: Study, model: Model, corpus: str) -> list[str]:
    kld = study.metric(model.name, corpus, "kld_mean")
    size = model.file_bytes
    counted = kld if kld.value is not None else MISSING
    tokens = "" if counted.n_observations is None else str(counted.n_observations)
    return [
        spreadsheet_text(model.name),
        "" if size is None else repr(size / _BYTES_PER_GIB),
        _cell(study.metric(model.name, corpus, "ppl_candidate").value),
        _cell(kld.value),
        "",
        tokens,
        _cell(study.metric(model.name, corpus, "kld_p99").value),
        _cell(model.bits_per_weight),
    ]


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


FORMAT = TextFormat(
    name="kld-sweep",
    title="CSV in the columns of kld-sweep: size, PPL, mean and p99 KLD, bits per weight",
    render=_render,
)
