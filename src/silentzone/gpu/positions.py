r"""Every stored metric of a position from hidden states and heads, within a bound on memory.

Some positions at a time, with the whole vocabulary of the reference and of one candidate, so that
each product is made once: the first sweep gives both normalisers, the second the sums of terms that
are never negative. The reference's product is shared by all candidates. Temporary arrays hold a
stretch of the vocabulary only.

Shape letters: T positions, V vocabulary entries, R rows of a block.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from silentzone.errors import ConfigError
from silentzone.gpu import cuda_rows, row_sums
from silentzone.gpu.projection import check_observed, common_vocabulary, require_torch
from silentzone.gpu.row_sums import BlockSums, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import torch

    from silentzone.gpu.projection import Projection

_Values = TypeVar("_Values", Row, BlockSums)

MEMORY_BYTES = 500 * 2**20
"""Default bound of all that is allocated beside the arguments and the result."""
_MOST_ROWS = 1024
_WHOLE_ROWS = 64
"""Rows that matrix units take together: a few more cost as much as as many again."""
_FEWEST_COLUMNS = 512
_CACHED = 2**17
"""Entries of a stretch that stay in a CPU's cache and in memory it has touched before."""
_TEMPORARIES = 12
"""Arrays of a block's stretch that are alive at once, at most; measured, and room for two."""

_FIXED = 16_384
"""Bytes per position of a block for its sums and most likely tokens."""
_KEPT = 128
"""Bytes per position and model of what is known of the blocks before, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class PositionMetrics:
    """One value per position, shape (T,), on the device of the hidden states; float64 if real."""

    reference_nll: torch.Tensor
    """-ln P(observed token) under the reference, nats; infinite for an excluded token."""
    candidate_nll: torch.Tensor
    kl_divergence: torch.Tensor
    """Nats; infinite where the candidate excludes a token that the reference can produce."""
    reverse_kl_divergence: torch.Tensor
    js_divergence: torch.Tensor
    total_variation: torch.Tensor
    delta_p: torch.Tensor
    """Candidate's minus reference's probability of the observed token."""
    reference_entropy: torch.Tensor
    candidate_entropy: torch.Tensor
    reference_top1_probability: torch.Tensor
    top1_match: torch.Tensor
    """Boolean; among equals the lowest index is the most likely token."""
    top5_match: torch.Tensor
    """Boolean."""
    top5_overlap: torch.Tensor
    """int32."""
    reference_top1_rank: torch.Tensor
    """int32: 1 + candidate logits above that of the reference's most likely token."""
    is_finite: torch.Tensor
    """False where a row of logits holds NaN or +inf; all else is then meaningless."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How many positions are held at a time, and how many entries one step works on."""

    rows: int
    columns: int


def compare_positions(
    reference: Projection,
    candidates: Sequence[Projection],
    observed: torch.Tensor,
    *,
    vocabulary: int | None = None,
    dtype: torch.dtype | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> list[PositionMetrics]:
    """All per-position metrics of each candidate against the reference, from hidden states.

    Parameters
    ----------
    reference : Projection
    candidates : sequence of Projection
        Of the same positions, on the same device; widths may differ from the reference's.
    observed : torch.Tensor of shape (T,), integer
        The token that came next.
    vocabulary : int, optional
        True number of tokens where heads have rows beyond it.
    dtype : torch.dtype, optional
        Of the logits and of what is computed from them; float32 by default, float64 is the oracle.
        Sums over stretches of the vocabulary are float64 in either case.
    memory_bytes : int
        Bound of what is allocated beside the arguments and the result.

    Returns
    -------
    list of PositionMetrics
        One per candidate: the columns of the tokens table.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    ShapeError
        If positions or vocabularies differ, the vocabulary has fewer than five entries, or an
        observed token lies outside it.
    ConfigError
        If one position does not fit ``memory_bytes``.

    Notes
    -----
    Where the divergence and entropies are all that is asked for, ``compare_hidden`` is faster on a
    Hopper GPU: it keeps logits in registers, which ranks and a second sweep do not allow.
    """
    torch = require_torch()
    size = common_vocabulary([reference, *candidates], vocabulary, least=5)
    positions = len(reference.hidden_TD)
    check_observed(observed, positions, size)
    kind = torch.float32 if dtype is None else dtype
    device = reference.hidden_TD.device
    ways = cuda_rows if cuda_rows.supports(device, kind) else row_sums
    cut = choose_cut([reference, *candidates], size, kind, memory_bytes, positions)
    mine, other = (torch.empty((cut.rows, size), dtype=kind, device=device) for _ in range(2))
    described: list[Row] = []
    compared: list[list[tuple[Row, BlockSums]]] = [[] for _ in candidates]
    observed = observed.long().contiguous()
    for part in _slices(positions, cut.rows):
        a = fill_block(mine, reference, part, cut.columns)
        described.append(ways.describe_block(a, observed[part], cut.columns))
        for candidate, blocks in zip(candidates, compared, strict=True):
            b = fill_block(other, candidate, part, cut.columns)
            own = ways.describe_block(b, observed[part], cut.columns)
            blocks.append((own, ways.sum_block(a, b, described[-1], own, cut.columns)))
    whole = _joined(Row, described)
    return [
        _metrics(
            whole,
            _joined(Row, (own for own, _ in blocks)),
            _joined(BlockSums, (sums for _, sums in blocks)),
        )
        for blocks in compared
    ]


def choose_cut(
    models: Sequence[Projection], vocabulary: int, dtype: torch.dtype, limit: int, positions: int
) -> Cut:
    """Choose the largest block that fits: most of the memory for whole rows, for wide products.

    Raises
    ------
    ConfigError
        If ``limit`` is too small for one position.
    """
    device = models[0].hidden_TD.device
    itemsize: int = dtype.itemsize
    fused = cuda_rows.supports(device, dtype)
    widened = any(_is_widened(model, dtype) for model in models)
    held = limit if fused and not widened else limit * 5 // 8
    width = max(int(model.hidden_TD.shape[1]) for model in models)
    columns = min(_FEWEST_COLUMNS, vocabulary)
    kept = _KEPT * positions * (len(models) + 2)  # two are copied while a result is put together

    def needed(rows: int, columns: int) -> int:
        whole = 2 * rows * vocabulary
        # a stretch of a head in another type is widened, packed for the product, and multiplied
        extra = (2 * columns + rows) * width + rows * columns if widened else 0
        if not fused:
            extra = max(extra, _TEMPORARIES * rows * columns)
        return itemsize * (whole + extra) + _FIXED * rows + kept

    if needed(1, columns) > limit:
        raise ConfigError(
            f"`memory_bytes` is {limit}; one position of a vocabulary of {vocabulary} and width "
            f"{width} needs {needed(1, columns)}."
        )
    rows = 1
    most = min(_MOST_ROWS, positions)
    while rows < most and 2 * itemsize * (rows + 1) * vocabulary <= held:
        rows += 1
    while rows > 1 and needed(rows, columns) > limit:
        rows -= 1
    if device.type == "cuda" and rows % _WHOLE_ROWS <= rows // 16:
        rows -= rows % _WHOLE_ROWS
    while columns < vocabulary and needed(rows, min(2 * columns, vocabulary)) <= limit:
        if device.type == "cpu" and 2 * columns * rows > _CACHED:
            break
        columns = min(2 * columns, vocabulary)
    return Cut(rows, columns)


def _slices(total: int, step: int) -> Iterator[slice]:
    """Cut so many into steps; nothing is one empty step."""
    return (slice(start, min(start + step, total)) for start in range(0, max(total, 1), step))


def fill_block(block: torch.Tensor, model: Projection, rows: slice, columns: int) -> torch.Tensor:
    """Logits of some positions in the buffer's first rows, minus infinity for excluded tokens."""
    import torch

    filled = block[: rows.stop - rows.start]
    vocabulary, kind = block.shape[1], block.dtype
    hidden, weight = model.hidden_TD[rows], model.weight_VD[:vocabulary]
    if _is_widened(model, kind):
        wide = hidden.to(kind)
        for part in _slices(vocabulary, columns):
            filled[:, part] = wide @ weight[part].to(kind).T
    elif hidden.dtype == kind:
        torch.mm(hidden, weight.T, out=filled)
    else:
        torch.mm(hidden, weight.T, kind, out=filled)
    if model.bias_V is not None:
        filled += model.bias_V[:vocabulary].to(kind)
    if model.scale != 1.0:
        filled *= model.scale
    if model.softcap is not None:
        filled.div_(model.softcap).tanh_().mul_(model.softcap)
    return filled


def _is_widened(model: Projection, dtype: torch.dtype) -> bool:
    """Whether the product needs the head in another type than it has."""
    import torch

    hidden, weight = model.hidden_TD, model.weight_VD
    if hidden.dtype == weight.dtype == dtype:
        return False
    # on the GPU a 16-bit product with float32 sums keeps the matrix units busy
    return not (hidden.is_cuda and dtype == torch.float32 and hidden.dtype == weight.dtype)


def _joined(kind: type[_Values], blocks: Iterable[_Values]) -> _Values:
    """Put the rows of blocks behind each other."""
    import torch

    columns = zip(
        *([getattr(one, name.name) for name in fields(kind)] for one in blocks), strict=True
    )
    return kind(*map(torch.cat, columns))


def _metrics(reference: Row, candidate: Row, sums: BlockSums) -> PositionMetrics:
    reference_nll = reference.top.double() + reference.log_mass - reference.seen
    candidate_nll = candidate.top.double() + candidate.log_mass - candidate.seen
    return PositionMetrics(
        reference_nll=reference_nll,
        candidate_nll=candidate_nll,
        kl_divergence=sums.kl_divergence,
        reverse_kl_divergence=sums.reverse_kl_divergence,
        js_divergence=sums.js_divergence,
        total_variation=sums.total_variation,
        delta_p=(-candidate_nll).exp() - (-reference_nll).exp(),
        reference_entropy=reference.entropy,
        candidate_entropy=candidate.entropy,
        reference_top1_probability=(-reference.log_mass).exp(),
        top1_match=reference.top5[:, 0] == candidate.top5[:, 0],
        top5_match=sums.in_five[:, 0],
        top5_overlap=sums.in_five.sum(1).int(),
        reference_top1_rank=sums.rank.int(),
        is_finite=reference.top.isfinite() & candidate.top.isfinite(),
    )
