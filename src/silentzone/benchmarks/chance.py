"""Whether a reference can be told from guessing: where it cannot, no loss could be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.proportions import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARE_ABOVE_CHANCE = 0.1
"""Of the way from guessing to all right; a reference that may be further up is not at chance."""


def at_chance(scores: NDArray[np.float64], chance: float) -> str | None:
    """Say why a benchmark of choices cannot show a loss; null where it may.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        0 or 1 per item, of the reference; NaN where it has no score.
    chance : float
        Expected score of guessing, in (0, 1).

    Returns
    -------
    str or None
        A sentence, where the 95 % interval of the proportion (Wilson's) ends less than a tenth of
        the way from guessing to all right. With few items it does not, and the benchmark goes on.
        The usual cause is the prompt, the tokens or the log-likelihoods, not the model.
    """
    known = scores[~np.isnan(scores)]
    n, right = len(known), round(float(known.sum()))
    if n == 0:
        return None
    low, high = wilson_interval(right, n)
    if high >= chance + _SHARE_ABOVE_CHANCE * (1.0 - chance):
        return None
    return (
        f"the reference answers {right} of {n} items right (95 % interval "
        f"{100 * low:.1f} to {100 * high:.1f} %) and guessing gives {100 * chance:.1f} %: "
        "no loss of a candidate could be seen here"
    )
