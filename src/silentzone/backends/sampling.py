"""The next token from a row of logits.

Shape letters: V vocabulary entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.backends.base import Sampling


def choose_token(
    logits_V: NDArray[np.float32], sampling: Sampling, rng: np.random.Generator
) -> int:
    """Token that comes next.

    Parameters
    ----------
    logits_V : ndarray of shape (V,)
        Finite logits.
    sampling : Sampling
        Greedy where ``temperature`` is 0.
    rng : numpy.random.Generator
        Gives one number per vocabulary entry; not used where greedy.

    Returns
    -------
    int
        Its id.

    Notes
    -----
    In this order: logits are divided by ``temperature``; the ``top_k`` largest are kept; of these
    the fewest whose probabilities, of those kept, reach ``top_p`` together; one is drawn. Computed
    in float64; equal logits stand by id.

    Drawn by the Gumbel-max rule with noise that belongs to the token's id: with one seed, logits
    that differ little draw the same token nearly always. Inversion would not: its steps are in an
    order, and all of them shift. So answers of one seed are paired between models.

    Examples
    --------
    >>> from silentzone.backends.base import Sampling
    >>> row = np.array([0.5, 2.0, 2.0], np.float32)
    >>> choose_token(row, Sampling(), np.random.default_rng(1))
    1
    >>> choose_token(row, Sampling(temperature=1.0, top_k=1), np.random.default_rng(1))
    1
    """
    if sampling.temperature == 0.0:
        return int(logits_V.argmax())
    scaled = logits_V.astype(np.float64) / sampling.temperature
    order = np.argsort(-scaled, kind="stable")
    if sampling.top_k:
        order = order[: sampling.top_k]
    if sampling.top_p < 1.0:
        weights = np.exp(scaled[order] - scaled[order[0]])
        reached = np.cumsum(weights / weights.sum())
        order = order[: int(np.searchsorted(reached, sampling.top_p)) + 1]
    return int(order[(scaled + rng.gumbel(size=len(scaled)))[order].argmax()])
