"""Results of exllamav3's qbench, with the KLD of every token where its cache is given too.

Labels stand in the results file that a project names; per-token values in the cache, which knows
keys only. The two are matched by their numbers, which are the same to the last digit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.json_documents import read_document
from silentzone.importers.json_records import Record, perplexity_ratio, records_of
from silentzone.importers.qbench_tokens import TokenValues, read_token_values
from silentzone.importers.reading import Bundle, Format, ImportOptions, head_of, source_of
from silentzone.records.imported import FidelityRow, Imported, ModelFacts, Stated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_NAME: Final = "qbench"
_CACHED = re.compile(r"results_(.+)\.json")
_KLD: Final = {"kld_mean": "kld", "kld_median": "kld_median", "kld_p90": "kld_p90"}
_ABOUT: Final = (
    "group", "bpw_layer", "bpw_head", "vram_gb", "nonfinite_share", "kld_p10", "kld_p25",
    "kld_p75", "kld_buckets",
)  # fmt: skip
_RESULTS: Final = frozenset({"ppl", "kld", "nonfinite_share", "bpw_layer"})
"""A result has at least one of them, whatever went wrong."""
_REFERENCE, _FLOOR = "reference", "noise_floor"
_SELF: Final = "_self_m"
"""In the key of the reference's own result."""


def _find(files: Sequence[Path]) -> list[Bundle]:
    """Results files with labels take the cache along; without any, cached results stand alone."""
    cached = [path for path in files if _is_cached(path)]
    sidecars = [
        path
        for path in files
        if (path.name.startswith("kl_") and path.suffix == ".safetensors")
        or (path.name == "meta.json" and path.parent.name.startswith("logits_"))
    ]
    mains = [path for path in files if _is_labelled(path)]
    if not mains:
        mains = [path for path in cached if _SELF not in path.name]
    return [
        Bundle(main=path, companions=(*(one for one in cached if one != path), *sidecars))
        for path in mains
    ]


def _is_labelled(path: Path) -> bool:
    head = head_of(path) if path.suffix == ".json" else b""
    return head.lstrip().startswith(b"[") and all(
        mark in head for mark in (b'"label"', b'"group"', b'"ppl"')
    )


def _is_cached(path: Path) -> bool:
    if _CACHED.fullmatch(path.name) is None:
        return False
    head = head_of(path)
    return head.lstrip().startswith(b"{") and b'"ppl"' in head


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    """One model's results in the cache."""

    key: str
    fields: dict[str, Any]


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    entries = _entries(bundle, options)
    cache = [_cached(one) for one in (path, *bundle.companions) if _CACHED.fullmatch(one.name)]
    source = source_of(path, _NAME)
    reference = next((one for one in entries if one.said("group") == _REFERENCE), None)
    floor = next((one for one in entries if one.said("group") == _FLOOR), None)
    candidates = [one for one in entries if one.said("group") not in {_REFERENCE, _FLOOR}]
    if not candidates:
        raise TableError(f"`{path.name}` holds no model besides the reference")
    empty = next((one for one in candidates if not _RESULTS & one.fields.keys()), None)
    if empty is not None:
        raise TableError(f"`{path.name}`: {empty.place or 'the file '}holds no result of qbench")
    names = _names(candidates, options, path.name)
    reference_name = options.reference or (None if reference is None else reference.text("label"))
    rows, notes = [], [_NOTE, *((_UNLABELLED,) if _CACHED.fullmatch(path.name) else ())]
    for name, entry in zip(names, candidates, strict=True):
        tokens, why = _tokens(entry, cache, bundle)
        row = _row(name, entry, reference, tokens, options)
        about = dict(row.about)
        if floor is not None and floor.said("kld") is not None:
            about["kld_floor"] = str(floor.said("kld"))
        protocol = {**row.protocol, "reference": reference_name}
        sources = (source, *(tokens.sources if tokens is not None else ()))
        rows.append(replace(row, about=about, protocol=protocol, sources=sources))
        notes += [f"{name}: {one}" for one in (why, *(tokens.notes if tokens else ())) if one]
    models = [ModelFacts(name=name) for name in names]
    if reference_name is not None:
        models.insert(0, ModelFacts(name=reference_name, is_reference=True))
    return Imported(fidelity=tuple(rows), models=tuple(models), notes=tuple(dict.fromkeys(notes)))


_NOTE: Final = (
    "bits per weight of qbench count layers without embeddings and head, so they are kept beside "
    "the numbers and are not the model's"
)


_UNLABELLED: Final = (
    "the cache alone names no model and does not tell the noise floor from one; the results file "
    "that a project writes does both"
)


def _entries(bundle: Bundle, options: ImportOptions) -> list[Record]:
    """Give a file's results; one of the cache has no label, so the user or its key names it."""
    path = bundle.main
    value = read_document(path)
    cached = _CACHED.fullmatch(path.name)
    if not isinstance(value, dict) or cached is None:
        return list(records_of(value, path.name, "the file"))
    own = Record({"label": options.model or cached[1], "group": "", **value}, path.name)
    data, _, rest = cached[1].partition("_")
    beginning = f"results_{data}_{rest.partition('_')[0]}{_SELF}"
    for one in bundle.companions:
        if one.name.startswith(beginning):
            label = {"label": f"reference {rest[:8]}", "group": _REFERENCE}
            return [own, Record({**_cached(one).fields, **label}, one.name)]
    return [own]


def _cached(path: Path) -> _Cached:
    value = read_document(path)
    if not isinstance(value, dict):
        raise TableError(f"`{path.name}` must hold one object")
    return _Cached(key=_CACHED.fullmatch(path.name)[1], fields=value)  # type: ignore[index]


def _names(entries: list[Record], options: ImportOptions, source: str) -> list[str]:
    if options.model is not None:
        if len(entries) > 1:
            raise TableError(
                f"`{source}` has results of {len(entries)} models, so one name for all of them "
                f"(`{options.model}`) cannot be right",
                hint="leave --model out and use --rename OLD=NEW",
            )
        return [options.model]
    labels = [one.text("label") for one in entries]
    if len(set(labels)) < len(labels):
        # The tool's own plots tell such models apart by their group.
        labels = [f"{one.text('group')} {one.text('label')}" for one in entries]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise TableError(f"`{source}` has two results named `{twice}`")
    return labels


def _tokens(
    entry: Record, cache: list[_Cached], bundle: Bundle
) -> tuple[TokenValues | None, str | None]:
    """Per-token values of an entry, and why there are none."""
    own = {name: value for name, value in entry.fields.items() if name not in {"label", "group"}}
    keys = [one.key for one in cache if one.fields == own]
    if len(keys) > 1:
        return None, "two results of the cache have the same numbers, so its tokens are not used"
    if not keys:
        return None, (
            "without its file of the cache (results_KEY.json and kl_KEY.safetensors) there is no "
            "standard error"
        )
    mean = entry.finite("kld")
    return read_token_values(keys[0], mean, (bundle.main, *bundle.companions))


def _row(
    name: str,
    entry: Record,
    reference: Record | None,
    tokens: TokenValues | None,
    options: ImportOptions,
) -> FidelityRow:
    metrics = {key: entry.stated(field, key) for key, field in _KLD.items()}
    if metrics["kld_median"].value is not None:
        metrics["kld_median"] = replace(
            metrics["kld_median"], method="as the file states it, the lower of two middle values"
        )
    metrics |= _perplexities(entry, reference)
    if tokens is not None:
        metrics = tokens.completed(metrics)
    return FidelityRow(
        model=name,
        corpus=options.corpus or "not named",
        metrics=metrics,
        protocol={
            "tool": _NAME,
            "direction": "KL(reference||candidate)",
            "estimator": "full vocabulary, reference in fp16, logits from -200 on",
            "lane": "serving",
            "scored": "all positions",
            **({} if tokens is None else tokens.protocol),
        },
        positions=None if tokens is None else tokens.positions,
        about={field: text for field in _ABOUT if (text := entry.said(field)) is not None},
    )


def _perplexities(entry: Record, reference: Record | None) -> dict[str, Stated]:
    metrics = {"ppl_candidate": entry.stated("ppl", "ppl_candidate")}
    if reference is None:
        return metrics
    metrics["ppl_reference"] = reference.stated("ppl", "ppl_reference")
    first, second = metrics["ppl_reference"].value, metrics["ppl_candidate"].value
    if entry.finite("nonfinite_share") or reference.finite("nonfinite_share"):
        why = "the two perplexities leave out other positions"
        metrics["ppl_ratio"] = Stated(value=None, status=why)
    elif first is not None and second is not None:
        how = "from the two perplexities"
        metrics["ppl_ratio"] = perplexity_ratio(second, first, how)
        metrics["ppl_delta"] = Stated(value=second - first, method=how)
    return metrics


FORMAT = Format(
    name=_NAME,
    title="exllamav3 qbench: a project's results file, with its cache for per-token KLD (JSON)",
    find=_find,
    read=_read,
    options=("model", "corpus", "reference"),
)
