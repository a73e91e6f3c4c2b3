"""Whether a reference can be told from guessing: where it cannot, no loss could be seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.proportions import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SHARE_ABOVE_CHANCE = 0.1
"""Of the way from guessing to all right; a reference that may be further up is not at chance."""


def at_chance(
    scores: NDArray[np.float64], chance: float, golds: Sequence[str | None] = ()
) -> str | None:
    """Say why a benchmark of choices cannot show a loss; null where it may.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        0 or 1 per item, of the reference; NaN where it has no score.
    chance : float
        Expected score of guessing, in (0, 1).
    golds : sequence of str, optional
        The right answer to each item, where all have the same choices (letters, yes and no): who
        always gives the commonest needs to know nothing either.

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
    blind, words = chance, f"guessing gives {100 * chance:.1f} %"
    counts = Counter(gold for gold in golds if gold is not None)
    if counts:
        commonest = max(counts.values())
        # The lower bound, for among few items some answer is always common.
        blind = max(chance, wilson_interval(commonest, counts.total())[0])
        words += f", always the same choice {100 * commonest / counts.total():.1f} %"
    if high >= blind + _SHARE_ABOVE_CHANCE * (1.0 - blind):
        return None
    return (
        f"the reference answers {right} of {n} items right (95 % interval "
        f"{100 * low:.1f} to {100 * high:.1f} %) and {words}: "
        "no loss of a candidate could be seen here"
    )
