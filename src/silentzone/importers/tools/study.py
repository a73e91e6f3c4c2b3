"""A study measured here: its items and fidelity, to stand beside what other tools measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, Format, ImportOptions, source_of
from silentzone.records.imported import FidelityRow, Imported, ItemAnswers, ModelFacts, Stated
from silentzone.records.models import SERVING, lane_of
from silentzone.records.tables import ITEMS
from silentzone.store.folder import MANIFEST, StudyFolder
from silentzone.store.json_files import read_json
from silentzone.store.names import ANALYSIS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NAME: Final = "study"
_OWN_MODEL: Final = ("model_", "engine", "reference_")
"""Beginnings of the fields of a part's key that say which model or engine, not what was asked."""


def _find(files: Sequence[Path]) -> list[Bundle]:
    found = []
    for path in files:
        if path.name == MANIFEST:
            others = [other for other in files if path.parent in other.parents and other != path]
            found.append(Bundle(main=path, companions=tuple(others)))
    return found


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    del options
    folder = StudyFolder(bundle.main.parent)
    manifest = folder.manifest()
    try:
        # a table of imported results knows no lanes, and would rank one with the other
        served = [one for one in manifest["candidates"] if lane_of(one) == SERVING]
        models = [manifest["reference"], *served]
        return Imported(
            items=tuple(_items(folder, manifest, models)),
            fidelity=tuple(_fidelity(folder, manifest)),
            models=tuple(
                ModelFacts(
                    name=str(one["name"]),
                    file_bytes=one["file_bytes"],
                    bits_per_weight=one["bits_per_weight"],
                    is_reference=place == 0,
                )
                for place, one in enumerate(models)
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"`{bundle.main}` is damaged: {type(error).__name__}: {error}.",
            hint="run the study again; what was measured is kept",
        ) from error


def _items(
    folder: StudyFolder, manifest: dict[str, Any], models: Sequence[dict[str, Any]]
) -> list[ItemAnswers]:
    source = source_of(folder.root / MANIFEST, _NAME)
    found = []
    for benchmark in (str(one["name"]) for one in manifest["benchmarks"]):
        for model in models:
            name = str(model["name"])
            if not folder.has_table(ITEMS, benchmark, name):
                continue
            table = folder.read_table(ITEMS, benchmark, name)
            protocol = dict(table.key.protocol)
            if protocol.get("model_sha256") != model["sha256"]:
                continue  # measured on another file of this name, which is no longer the model
            found.append(
                ItemAnswers(
                    model=name,
                    benchmark=benchmark,
                    item_ids=tuple(item or "" for item in table.strings("item_id")),
                    scores=table.floats("score")[0],
                    statuses=tuple(status or "" for status in table.strings("status")),
                    repeats=table.integers("repeat")[0].astype(np.int32),
                    clusters=tuple(table.strings("cluster_id")),
                    predictions=tuple(table.strings("prediction")),
                    targets=tuple(table.strings("target")),
                    choice_log_likelihoods=tuple(
                        None if one is None else tuple(one)
                        for one in table.float_lists("choice_log_likelihoods")
                    ),
                    margin=table.floats("margin")[0],
                    confidence=table.floats("confidence")[0],
                    prompt_sha256=tuple(table.strings("prompt_sha256")),
                    settings={
                        field: value
                        for field, value in protocol.items()
                        if not field.startswith(_OWN_MODEL)
                    },
                    sources=(source,),
                )
            )
    return found


def _fidelity(folder: StudyFolder, manifest: dict[str, Any]) -> list[FidelityRow]:
    path = folder.root / ANALYSIS
    if not path.is_file():
        raise TableError(
            f"`{folder.root}` has no {ANALYSIS}, where its fidelity stands.",
            hint=f"make it from the stored tables with: silentzone analyze {folder.root}",
        )
    corpora = {str(one["name"]): one for one in manifest["corpora"]}
    source = source_of(path, _NAME)
    return [
        FidelityRow(
            model=str(row["model"]),
            corpus=str(row["corpus"]),
            metrics={name: _stated(cell) for name, cell in row["metrics"].items()},
            protocol=_protocol(corpora[str(row["corpus"])], manifest),
            sources=(source,),
        )
        for row in read_json(path)["fidelity"]
        if row["metrics"]
    ]


def _stated(cell: dict[str, Any]) -> Stated:
    return Stated(
        value=cell["value"],
        standard_error=cell["standard_error"],
        method=str(cell["method"]),
        status="ok" if cell["value"] is not None else "; ".join(cell["cautions"]) or "not measured",
    )


def _protocol(corpus: dict[str, Any], manifest: dict[str, Any]) -> dict[str, str | None]:
    plan = corpus["plan"]
    return {
        "tool": "silentzone",
        "reference": str(manifest["reference"]["name"]),
        "corpus_sha256": str(corpus["text_sha256"]),
        "context_length": str(plan["context_length"]),
        "windows": str(corpus["window_count"]),
        "scored": f"from index {plan['first_scored']}",
        "add_bos": str(plan["add_bos"]).lower(),
        "direction": "KL(reference||candidate)",
        "estimator": "full vocabulary",
        "lane": SERVING,
    }


FORMAT = Format(
    name=_NAME,
    title="a folder written by `silentzone run`: its items and fidelity",
    find=_find,
    read=_read,
    options=(),
)
