"""Markdown table in the columns of llama.cpp's ``tools/perplexity/README.md``.

Signs and decimals are those of that page: six decimals, three where the column is in per cent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.exporters.markdown_table import markdown_table
from silentzone.exporters.study import MISSING, Number
from silentzone.exporters.writing import Exported, ExportOptions, TextFormat
from silentzone.records.escaping import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.exporters.study import Model, Study

_ABSENT = "NA"
_BYTES_PER_GIB = 2**30
_HEADERS = (
    "Quantization", "imatrix", "Model size [GiB]", "PPL", "ΔPPL", "KLD", "Mean Δp", "RMS Δp",
    "Same top p",
)  # fmt: skip
_IMATRIX = ("quantize.imatrix.dataset", "quantize.imatrix.file")


def _render(study: Study, options: ExportOptions) -> Exported:
    corpus, notes = study.corpus_asked(options.corpus)
    lines = [
        *markdown_table(
            _HEADERS, (_cells(study, model, corpus) for model in study.models), n_texts=2
        ),
        "",
        markdown(_legend(study, corpus)),
    ]
    return Exported(chunks=["\n".join(lines) + "\n"], notes=notes)


def _cells(study: Study, model: Model, corpus: str) -> Iterator[str]:
    def metric(key: str) -> Number:
        return study.metric(model.name, corpus, key)

    yield markdown(model.name)
    yield _imatrix(model)
    size = model.file_bytes
    yield _ABSENT if size is None else f"{size / _BYTES_PER_GIB:.2f}"
    yield _plain(reference_ppl(study, corpus) if model.is_reference else metric("ppl_candidate"))
    yield _plain(metric("ppl_delta"))
    yield _plain(metric("kld_mean"))
    for key in ("delta_p_mean", "delta_p_rms", "top1_agreement"):
        yield _percent(metric(key))


def reference_ppl(study: Study, corpus: str) -> Number:
    """Perplexity of the reference: the same beside every candidate, taken from the first."""
    found = (study.metric(model.name, corpus, "ppl_reference") for model in study.models)
    return next((one for one in found if one.value is not None), MISSING)


def _imatrix(model: Model) -> str:
    """Name what the file's metadata say; a file that says nothing need not be without one."""
    provenance = model.raw.get("provenance")
    said = provenance if isinstance(provenance, dict) else {}
    found = next((said[key] for key in _IMATRIX if said.get(key)), None)
    return _ABSENT if found is None else markdown(str(found).replace("\\", "/").rsplit("/", 1)[-1])


def _plain(number: Number) -> str:
    return _ABSENT if number.value is None else f"{number.value:.6f}{_error(number, 1, 6)}"


def _percent(number: Number) -> str:
    if number.value is None:
        return _ABSENT
    return f"{100 * number.value:.3f}{_error(number, 100, 3)} %"


def _error(number: Number, factor: int, places: int) -> str:
    error = number.standard_error
    return "" if error is None else f" ± {factor * error:.{places}f}"


def _legend(study: Study, corpus: str) -> str:
    """Say what the numbers hold for: without it two tables cannot be laid side by side."""
    first = next((one.name for one in study.models if study.protocol(one.name, corpus)), "")
    reference = study.measured_against(first, corpus)
    direction = study.protocol(first, corpus).get("direction")
    own = {name: value for name, value in study.corpora[corpus].items() if value is not None}
    said = {**_protocol(study, corpus), **own}
    parts = [f"corpus {corpus}"]
    parts += [f"{words} {said[key]}" for key, words in _SAID.items() if said.get(key) is not None]
    against = "" if reference is None else f", against {reference}"
    clusters = _method(study, corpus)
    what = direction or "of a direction that nobody stated,"
    return f"KLD is {what} in nats{against}; {', '.join(parts)}; {clusters}."


_SAID = {
    "tool": "measured by",
    "context_length": "context length",
    "first_scored": "first scored position",
    "scored": "scored positions",
    "windows": "windows",
    "positions": "number of positions",
    "add_bos": "BOS",
    "clip_nats": "reference cut off below (nats)",
    "estimator": "estimator",
    "lane": "lane",
}


def _protocol(study: Study, corpus: str) -> dict[str, str]:
    """Give what the first candidate was measured as; others of this corpus were so too."""
    protocols = (study.protocol(model.name, corpus) for model in study.models)
    found = next((one for one in protocols if one), {})
    return {name: value for name, value in found.items() if value is not None}


def _method(study: Study, corpus: str) -> str:
    methods = {
        number.method
        for model in study.models
        for number in (study.metric(model.name, corpus, "kld_mean"),)
        if number.standard_error is not None and number.method
    }
    if not methods:
        return "no standard errors are known"
    return f"± is one standard error ({'; '.join(sorted(methods))})"


FORMAT = TextFormat(
    name="llama-cpp-table",
    title="Markdown table in the columns of llama.cpp's perplexity README",
    render=_render,
)
