"""Adjusted p-values for several tests of one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(pvalues: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjustment, in the order of the input.

    Parameters
    ----------
    pvalues : sequence of float
        Each in [0, 1]; any dependence between the tests is allowed.

    Returns
    -------
    tuple of float
        Adjusted p-values: rejecting those at or below alpha keeps the probability of any false
        rejection at alpha.

    Raises
    ------
    InputError
        If a p-value is not in [0, 1].

    References
    ----------
    .. [1] Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian
       Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    for pvalue in pvalues:
        if not 0.0 <= pvalue <= 1.0:
            raise InputError(f"a p-value must lie in [0, 1], one is {pvalue}.")
    n = len(pvalues)
    adjusted = [1.0] * n
    running = 0.0
    for step, index in enumerate(sorted(range(n), key=lambda i: pvalues[i])):
        running = max(running, min(1.0, (n - step) * pvalues[index]))
        adjusted[index] = running
    return tuple(adjusted)
