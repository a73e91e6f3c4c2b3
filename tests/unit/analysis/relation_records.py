"""Relations with the numbers a test wants to see judged."""

from __future__ import annotations

from silentzone.analysis.expected import NOTHING_EXPECTED, Expectation, ShapeExpectation
from silentzone.analysis.relations import Relation
from silentzone.analysis.zones import Zone, ZoneRule
from silentzone.stats.correlation import null_correlation, rho_interval
from silentzone.stats.results import Correlation


def expecting(*pvalues: float | None, cautions: tuple[str, ...] = ()) -> Expectation:
    """Expectation whose shapes have these p-values."""
    shapes = tuple(
        ShapeExpectation(shape=f"shape {k}", median=0.8, interval=(0.5, 0.9), pvalue=pvalue)
        for k, pvalue in enumerate(pvalues)
        if pvalue is not None
    )
    return Expectation(shapes=shapes, n_simulations=1000, cautions=cautions)


def relation(
    rho,
    n=30,
    attainable=0.9,
    sign=1,
    *,
    pvalue=0.5,
    kind="band",
    expected=NOTHING_EXPECTED,
    metric="kld_mean",
    score="composite",
):
    nothing = null_correlation(n, "all values of one side are equal")
    if rho is None:
        correlation = nothing
    else:
        correlation = Correlation(
            value=rho,
            pvalue=pvalue,
            pvalue_method="exact permutation",
            interval=rho_interval(rho, n)[0],
            interval_method="",
            n_observations=n,
        )
    return Relation(
        metric=metric,
        corpus="text",
        score=score,
        zone=Zone(rule=ZoneRule(kind=kind, width=0.02), definition="near", members=()),
        members=tuple(map(str, range(n))),
        correlation=correlation,
        kendall=nothing,
        sign=sign,
        attainable=attainable,
        cautions=(),
        expected=expected,
    )
