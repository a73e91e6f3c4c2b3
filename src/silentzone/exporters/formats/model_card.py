"""Block for a Hugging Face model card: a ``model-index`` of one candidate, and a table to read.

The head is YAML that their libraries parse; the numbers in it are unrounded. A fidelity result
names its corpus as the data set and the lane it was measured in as the split, because fidelity of
another lane may never be laid beside it. The hub takes plain words for the type of a data set, so a
name with other characters has its slug there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import InputError
from silentzone.exporters.card_yaml import yaml_lines
from silentzone.exporters.markdown_table import markdown_table
from silentzone.exporters.writing import Exported, ExportOptions, TextFormat
from silentzone.records.escaping import markdown
from silentzone.store.answers import finite
from silentzone.store.names import slug

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.exporters.study import Model, Number, Study

_NATS, _PROPORTION, _NONE = "nats", "proportion", "none"
_METRICS: Final = {
    "kld_mean": ("kl_divergence", "Mean KLD", _NATS, False),
    "kld_median": ("kl_divergence_median", "Median KLD", _NATS, False),
    "kld_p99": ("kl_divergence_p99", "99 % quantile of KLD", _NATS, False),
    "top1_agreement": ("top_1_agreement", "Same most likely token", _PROPORTION, True),
    "delta_p_rms": ("delta_p_rms", "RMS change of the observed token's probability", _PROPORTION,
                    False),
    "ppl_candidate": ("perplexity", "Perplexity", _NONE, False),
    "ppl_ratio": ("perplexity_ratio", "Perplexity / reference's", _NONE, False),
}  # fmt: skip
"""Type, name, unit, and whether more is better."""


def _render(study: Study, options: ExportOptions) -> Exported:
    model = study.candidate_asked(options.model)
    corpora = list(study.corpora)
    if options.corpus is not None:
        corpora = [study.corpus_asked(options.corpus)[0]]
    results = [
        *(_fidelity(study, model, corpus) for corpus in corpora),
        *(_score(study, model, name) for name in study.benchmarks),
    ]
    found = [result for result in results if result["metrics"]]
    if not found:
        raise InputError(
            f"`{model.name}` has neither fidelity nor scores to put on a card.",
            hint="name another candidate with --model",
        )
    index = {"model-index": [{"name": model.name, "results": found}]}
    lines = ["---", *yaml_lines(index), "---", "", *_body(study, model, found)]
    return Exported(chunks=["\n".join(lines).rstrip() + "\n"])


def _fidelity(study: Study, model: Model, corpus: str) -> dict[str, Any]:
    protocol = study.protocol(model.name, corpus)
    metrics: list[dict[str, Any]] = []
    for key, (kind, name, units, higher_is_better) in _METRICS.items():
        number = study.metric(model.name, corpus, key)
        args: dict[str, object] = {
            "units": units,
            "direction": protocol.get("direction") if units == _NATS else None,
            "estimator": protocol.get("estimator") if units == _NATS else None,
            "higher_is_better": higher_is_better,
            "reference": study.measured_against(model.name, corpus),
        }
        metrics += _metric(kind, name, number, args)
    said = study.corpora[corpus]
    length = finite(said.get("context_length"))
    return {
        "task": {"type": "text-generation", "name": "Fidelity to the unquantized model"},
        "dataset": {
            "type": slug(corpus),
            "name": corpus,
            "config": None if length is None else f"context length {int(length)}",
            "split": protocol.get("lane"),
        },
        "metrics": metrics,
    }


def _score(study: Study, model: Model, benchmark: str) -> dict[str, Any]:
    said = study.benchmarks[benchmark]
    args: dict[str, object] = {
        "units": _PROPORTION,
        "higher_is_better": True,
        "chance": finite(said.get("chance")),
    }
    number = study.score(model.name, benchmark)
    return {
        "task": {"type": "text-generation", "name": "Benchmark"},
        "dataset": {"type": slug(benchmark), "name": benchmark, "split": _lane(study, model)},
        "metrics": list(_metric("accuracy", "Score", number, args)),
    }


def _lane(study: Study, model: Model) -> str | None:
    lanes = {study.protocol(model.name, corpus).get("lane") for corpus in study.corpora}
    return lanes.pop() if len(lanes) == 1 else None


def _metric(
    kind: str, name: str, number: Number, args: dict[str, object]
) -> Iterator[dict[str, Any]]:
    """Give the metric where it has a value; one without is left out, never a 0."""
    if number.value is None:
        return
    stated = {
        **args,
        "standard_error": number.standard_error,
        "standard_error_method": number.method or None if number.standard_error else None,
        "n_observations": number.n_observations,
    }
    yield {
        "type": kind,
        "value": number.value,
        "name": name,
        "args": {key: value for key, value in stated.items() if value is not None},
    }


def _body(study: Study, model: Model, results: list[dict[str, Any]]) -> Iterator[str]:
    reference = study.reference
    against = "" if reference is None else f" against {markdown(reference.name)}"
    yield f"## {markdown(model.name)}{against}"
    yield ""
    rows = [
        (
            markdown(result["dataset"]["name"]),
            markdown(metric["name"]),
            _written(metric),
            str(metric["args"].get("n_observations", "")),
        )
        for result in results
        for metric in result["metrics"]
    ]
    headers = ("Corpus or benchmark", "Measure", "Value ± standard error", "Observations")
    yield from markdown_table(headers, rows, n_texts=2)
    yield ""
    yield (
        "Fidelity of another corpus, context length, lane or reference may not be compared with "
        f"these numbers. Measured and audited with silentzone {_version(study)}."
    )


def _written(metric: dict[str, Any]) -> str:
    args = metric["args"]
    factor, sign = (100, " %") if args["units"] == _PROPORTION else (1, "")
    unit = " nats" if args["units"] == _NATS else sign
    error = args.get("standard_error")
    spread = "" if error is None else f" ± {factor * error:.2g}"
    return f"{factor * metric['value']:.4g}{spread}{unit}"


def _version(study: Study) -> str:
    return markdown(str(study.answers["study"].get("package_version", "")))


FORMAT = TextFormat(
    name="model-card",
    title="block for a Hugging Face model card: model-index of one candidate, and a table",
    render=_render,
    options=("model", "corpus"),
)
