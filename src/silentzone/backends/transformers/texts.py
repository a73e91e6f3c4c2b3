"""Texts side by side in one cache, and longer ones that begin with them.

Every text ends at the last column and has its padding in front, so that the tokens of a text are
as far from each other as they are in it: layers with a window count columns.

Shape letters: B texts, C columns, D width of the final hidden state.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.backends.transformers.layouts import Layout
    from silentzone.backends.transformers.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts that a model has read."""

    cache: Any
    """Of plain layers; columns from ``width`` on are not looked at."""
    lengths_B: NDArray[np.int64]
    width: int

    def cut_to(self, length: int) -> Texts:
        """Give the first tokens of a single text."""
        beyond = int(self.lengths_B[0]) - length
        return replace(self, lengths_B=self.lengths_B - beyond, width=self.width - beyond)


def side_by_side(parts: Sequence[tuple[Texts, Sequence[int]]]) -> Texts:
    """Take some texts of several caches into a new one, in order."""
    lengths_B = np.concatenate([texts.lengths_B[rows] for texts, rows in parts])
    width = int(lengths_B.max())
    pads_B = width - lengths_B
    caches, first = [], 0
    for texts, rows in parts:
        own_B = pads_B[first : first + len(rows)]
        caches.append(_first_columns(texts, np.asarray(rows), own_B, width))
        first += len(rows)
    cache, *others = caches
    for layers in zip(cache.layers, *(other.layers for other in others), strict=True):
        if others and layers[0].get_seq_length():
            layers[0].keys = torch.cat([layer.keys for layer in layers])
            layers[0].values = torch.cat([layer.values for layer in layers])
    return Texts(cache, lengths_B, width)


def read_on(
    network: Network,
    before: Texts | None,
    owners: Sequence[int],
    texts: Sequence[NDArray[np.integer]],
    step: int | None = None,
) -> tuple[Texts, torch.Tensor]:
    """Run texts that begin with those already read.

    Parameters
    ----------
    network : Network
        One that can pad.
    before : Texts or None
        It stays as it is.
    owners : sequence of int
        Which of them each text begins with.
    texts : sequence of ndarray
        Whole texts. Where one has less to be run than another, more of what it shares is run anew
        instead of padding.
    step : int, optional
        Columns of a call; left out, all of them.

    Returns
    -------
    Texts
    torch.Tensor of shape (B, C, D)
        States of the last call, whose last column is the last token of every text.
    """
    rows_B = np.asarray(owners)
    lengths_B = np.array([len(text) for text in texts])
    known_B = np.zeros_like(lengths_B) if before is None else before.lengths_B[rows_B]
    asked = int((lengths_B - known_B).max())
    held = max(int(lengths_B.max()) - asked, 0)
    pads_B = held + asked - lengths_B
    tokens_BC = np.zeros((len(texts), asked), np.int64)
    for row, text in enumerate(texts):
        own = text[-asked:]
        tokens_BC[row, asked - len(own) :] = own
    columns_C = np.arange(held + asked)
    counts_BC = (columns_C >= pads_B[:, None]).astype(np.int64)
    positions_BC = np.maximum(columns_C[held:] - pads_B[:, None], 0)
    if before is not None and held:
        cache = _first_columns(before, rows_B, pads_B, held)
    else:
        cache = network.new_cache()
    states = None
    for part in network.calls(asked, step):
        mask = None if counts_BC.all() else counts_BC[:, : held + part.stop]
        states = network.states(tokens_BC[:, part], cache, mask, positions_BC[:, part])
    assert states is not None, "there is something to run"
    return Texts(cache, lengths_B, held + asked), states


def _first_columns(
    texts: Texts, rows_B: NDArray[np.integer], pads_B: NDArray[np.integer], width: int
) -> Any:  # noqa: ANN401
    """Give a cache with the first columns of texts when each has so much padding in front."""
    starts_B = (texts.width - texts.lengths_B)[rows_B]
    columns_BC = np.maximum(np.arange(width) - pads_B[:, None], 0) + starts_B[:, None]
    where = torch.from_numpy(rows_B[:, None]), torch.from_numpy(columns_BC)
    made = copy.copy(texts.cache)
    made.layers = [copy.copy(layer) for layer in made.layers]
    for layer in made.layers:
        if layer.get_seq_length():  # a layer may use what another one keeps
            place = tuple(part.to(layer.keys.device) for part in where)
            layer.keys, layer.values = (
                side.transpose(1, 2)[place].transpose(1, 2) for side in (layer.keys, layer.values)
            )
    return made


class PromptReader:
    """Runs groups of prompts; what one begins with as the last group did is not run again.

    Parameters
    ----------
    network : Network
        One that can pad.
    step : int
        Columns of a call.
    """

    def __init__(self, network: Network, step: int) -> None:
        self._network = network
        self._step = step
        self._held: Texts | None = None

    def read(
        self, prompts: Sequence[NDArray[np.int32]], layout: Layout
    ) -> tuple[Texts, torch.Tensor]:
        """Run a group; prompts, and the states after each, (B, D)."""
        network, step = self._network, self._step
        base = None
        if layout.kept:
            assert self._held is not None, "the group before handed it on"
            base = self._held.cut_to(layout.kept)
        if layout.header > layout.kept:
            base, _ = read_on(network, base, [0], [prompts[0][: layout.header]], step)
        owners: Sequence[int] = [0] * len(prompts)
        if layout.beginnings:
            owners = layout.owners
            firsts = [owners.index(k) for k in range(len(layout.beginnings))]
            begun = [
                prompts[first][:own] for first, own in zip(firsts, layout.beginnings, strict=True)
            ]
            base, _ = read_on(network, base, [0] * len(begun), begun, step)
        self._held = None
        if base is not None:
            last = len(base.lengths_B) - 1
            self._held = base if not last else side_by_side([(base, [last])])
        texts, states = read_on(network, base, owners, prompts, step)
        return texts, states[:, -1]
