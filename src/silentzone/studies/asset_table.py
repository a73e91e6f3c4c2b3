"""The assets that may be fetched. Data only."""

from __future__ import annotations

from silentzone.studies.asset_benchmarks import BENCHMARK_ITEMS
from silentzone.studies.asset_models import GEMMA, SMOLLM2
from silentzone.studies.asset_texts import STATE_OF_THE_UNION, WIKITEXT
from silentzone.studies.bfcl_asset import BFCL_ITEMS
from silentzone.studies.human_eval_asset import HUMAN_EVAL_ITEMS

ASSETS = {
    asset.name: asset
    for asset in (
        SMOLLM2,
        BENCHMARK_ITEMS,
        BFCL_ITEMS,
        HUMAN_EVAL_ITEMS,
        WIKITEXT,
        STATE_OF_THE_UNION,
        GEMMA,
    )
}
"""Every asset by name."""
