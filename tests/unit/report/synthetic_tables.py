"""Analyses that lack something: no benchmarks, no items, no engine, no reference."""

from __future__ import annotations

import copy
from typing import Any

from tests.unit.report import synthetic

Analysis = dict[str, Any]

_AUDIT = (
    "variants", "variant_summaries", "sensitivity", "volume_direction", "copies", "prompts",
    "router", "signed_shift", "composites",
)  # fmt: skip
_OF_ITEMS = ("decomposition", "prompts", "router", "signed_shift", "volume_direction")


def without_benchmarks(analysis: Analysis) -> Analysis:
    """Leave the fidelity of a study and nothing else, in place."""
    for name in ("benchmarks", "scores", "relations", "decomposition", "verdicts", *_AUDIT):
        analysis[name] = []
    analysis["signed_shift_summary"] = None
    analysis["decision"].update(
        pick=None, steps=[], undecided=[], sentence=None, best=None, pairs=[], yardstick=None,
        predicted=[],
    )  # fmt: skip
    return analysis


def of_table(*, has_reference: bool = True) -> Analysis:
    """What a cohort table gives: scores and metrics per model, one corpus without a name."""
    found = copy.deepcopy(synthetic.analysis())
    for name in ("corpora", "distinguishable", "copies", *_OF_ITEMS):
        found[name] = []
    found["engine"], found["signed_shift_summary"] = {}, {}
    found["source"] = {"kind": "table", "files": ["cohort.csv"]}
    found["decision"].update(steps=[], pairs=[], best=None, yardstick=None, pick=None)
    found["decision"]["sentence"] = None
    own = synthetic.CORPORA[0]
    found["headline"] = {"metric": "kld_mean", "corpus": None}
    for name in ("fidelity", "relations", "verdicts", "variants", "sensitivity"):
        found[name] = [row for row in found[name] if row["corpus"] == own]
        for row in found[name]:
            row["corpus"] = None
    for row in found["fidelity"]:
        row["floor"] = None
    for row in (*found["scores"], *found["benchmarks"]):
        row.update(items=None, excluded={})
    for model in (found["reference"], *found["candidates"]):
        model.update(file_bytes=None, memory_bytes=None, provenance={})
    if not has_reference:
        _without_reference(found)
    return found


def _without_reference(found: Analysis) -> None:
    """Zones around the reference cannot be formed; the whole cohort and the fidelity zone can."""
    name = found["reference"]["name"]
    found["reference"] = None
    found["scores"] = [row for row in found["scores"] if row["model"] != name]
    for section in ("relations", "verdicts", "variants", "sensitivity"):
        key = "definition" if section == "sensitivity" else "zone"
        found[section] = [row for row in found[section] if row[key] in {"full", "fidelity"}]
    found["variant_summaries"] = [
        row for row in found["variant_summaries"] if row["zone"] in {"full", "fidelity"}
    ]


def of_items() -> Analysis:
    """What an items table gives: scores item by item, no fidelity at all."""
    found = copy.deepcopy(synthetic.analysis())
    for name in (
        "corpora", "distinguishable", "copies", "fidelity", "relations", "verdicts", "variants",
        "variant_summaries", "sensitivity", "volume_direction", "prompts",
    ):  # fmt: skip
        found[name] = []
    found["engine"], found["headline"] = [], None
    found["source"] = {"kind": "items", "files": ["items.parquet"]}
    for model in (found["reference"], *found["candidates"]):
        model.update(file_bytes=None, bits_per_weight=None, memory_bytes=None, provenance=None)
    return found
