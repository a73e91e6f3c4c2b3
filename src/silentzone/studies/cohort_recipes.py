"""How each model of the demonstration's cohort is stored. Data only.

Made for a model with 30 layers whose rows are 576 wide, ``ffn_down`` 1,536: K-quants (blocks of
256) fit ``ffn_down`` alone, elsewhere llama.cpp falls back to types with blocks of 32. Most
candidates crowd near the reference, because there the question is open; the last ones are broken
on purpose, so that the whole cohort has something to tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE_TYPE = "Q4_1"
"""What the embedded model's matrices are stored as."""
REFERENCE_NOTE = "dequantized from Q4_1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortRecipe:
    """A model of the cohort, in the quantizer's terms."""

    name: str
    file_type: str
    tensor_types: tuple[tuple[str, str], ...] = ()
    """(regex searched in a tensor's name, type): the first that matches decides."""
    embedding_type: str | None = None
    """Storage of the embedding, which is the output head too."""
    allow_requantize: bool = False
    in_quick: bool = False
    """Whether a first look takes it."""
    megabytes: int
    """Size of the file, in units of 1e6 bytes."""


def _layers(first: int, last: int, tensors: str) -> str:
    """Regex of some tensors of a range of layers, both ends included."""
    numbers = "|".join(str(layer) for layer in range(first, last + 1))
    return rf"blk\.({numbers})\.{tensors}"


_ATTENTION = r"attn_(q|k|v|output)\."
_FFN = r"ffn_(up|gate|down)\."
_DOWN = r"ffn_down\."

REFERENCE = CohortRecipe(name="F16", file_type="F16", allow_requantize=True, megabytes=271)

CANDIDATES = (
    CohortRecipe(
        name="F16+10L-Q8_0",
        file_type="F16",
        tensor_types=((_layers(0, 9, "(attn|ffn)_(q|k|v|output|up|gate|down)"), "Q8_0"),),
        megabytes=238,
    ),
    CohortRecipe(
        name="F16+ffn-Q8_0",
        file_type="F16",
        tensor_types=((_FFN, "Q8_0"),),
        in_quick=True,
        megabytes=196,
    ),
    CohortRecipe(
        name="Q8_0+attn-F16",
        file_type="Q8_0",
        tensor_types=((_ATTENTION, "F16"),),
        megabytes=170,
    ),
    CohortRecipe(
        name="Q8_0",
        file_type="Q8_0",
        in_quick=True,
        megabytes=145,
    ),
    CohortRecipe(
        name="Q8_0+down-Q6_K",
        file_type="Q8_0",
        tensor_types=((_DOWN, "Q6_K"),),
        in_quick=True,
        megabytes=139,
    ),
    CohortRecipe(
        name="Q8_0+down-Q4_K",
        file_type="Q8_0",
        tensor_types=((_DOWN, "Q4_K"),),
        megabytes=132,
    ),
    CohortRecipe(
        name="Q8_0+qk-Q5_1",
        file_type="Q8_0",
        tensor_types=((r"attn_(q|k)\.", "Q5_1"),),
        megabytes=141,
    ),
    CohortRecipe(
        name="Q8_0+v-Q5_0",
        file_type="Q8_0",
        tensor_types=((r"attn_v\.", "Q5_0"),),
        in_quick=True,
        megabytes=144,
    ),
    CohortRecipe(
        name="Q8_0+10ffn-Q4_0",
        file_type="Q8_0",
        tensor_types=((_layers(10, 19, _FFN), "Q4_0"),),
        in_quick=True,
        megabytes=131,
    ),
    CohortRecipe(
        name="Q4_K_M",
        file_type="Q4_K_M",
        megabytes=106,
    ),
    CohortRecipe(
        name="Q5_0",
        file_type="Q5_0",
        embedding_type="Q8_0",
        megabytes=105,
    ),
    CohortRecipe(
        name="Q4_0",
        file_type="Q4_0",
        embedding_type="Q8_0",
        in_quick=True,
        megabytes=92,
    ),
    CohortRecipe(
        name="Q4_0+down-Q3_K",
        file_type="Q4_0",
        tensor_types=((_DOWN, "Q3_K"),),
        embedding_type="Q8_0",
        megabytes=89,
    ),
    CohortRecipe(
        name="Q8_0+10down-Q2_K",
        file_type="Q8_0",
        tensor_types=((_layers(10, 19, _DOWN), "Q2_K"),),
        megabytes=139,
    ),
    CohortRecipe(
        name="Q4_0+10down-Q2_K",
        file_type="Q4_0",
        tensor_types=((_layers(10, 19, _DOWN), "Q2_K"),),
        embedding_type="Q8_0",
        in_quick=True,
        megabytes=90,
    ),
    CohortRecipe(
        name="Q4_0+down-Q2_K+embd-Q4_0",
        file_type="Q4_0",
        tensor_types=((_DOWN, "Q2_K"),),
        embedding_type="Q4_0",
        in_quick=True,
        megabytes=72,
    ),
)
"""By size of the change, from hardly any to too much."""
