"""Write stats.json: the same quantities by SciPy and statsmodels.

Run by hand in an environment with the test dependencies: python tests/golden/scipy/make_stats.py
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

rng = np.random.default_rng(20260601)
sizes = [3, 5, 2, 7, 4, 6, 3, 5, 4, 6, 2, 3]
labels = np.repeat(np.arange(len(sizes)), sizes)
values = np.round(rng.normal(1, 1, len(labels)) + np.repeat(rng.normal(0, 1, len(sizes)), sizes), 6)
fit = sm.OLS(values, np.ones(len(values))).fit(
    cov_type="cluster",
    cov_kwds={"groups": labels, "use_correction": True, "df_correction": True},
    use_t=True,
)
x16, y16 = np.round(rng.normal(size=(2, 16)), 6)
x7, y7 = np.round(rng.normal(size=(2, 7)), 6)
tied_x, tied_y = rng.integers(0, 5, size=(2, 20)).astype(float)


def permuted(a, b):
    result = stats.permutation_test(
        (a,),
        lambda s: stats.spearmanr(s, b).statistic,
        permutation_type="pairings",
        n_resamples=np.inf,
        alternative="two-sided",
    )
    return float(result.pvalue)


golden = {
    "peer": {
        "scipy": scipy.__version__,
        "statsmodels": statsmodels.__version__,
        "numpy": np.__version__,
        "platform": platform.system() + " " + platform.machine(),
    },
    "tolerance": "1e-9 relative: the same formulas, summed in another order",
    "clustered_mean": {
        "values": values.tolist(),
        "labels": labels.tolist(),
        "mean": float(fit.params[0]),
        "standard_error": float(fit.bse[0]),
        "interval": fit.conf_int()[0].tolist(),
    },
    "wilson": [
        [k, n, *map(float, proportion_confint(k, n, method="wilson"))]
        for k, n in ((0, 10), (3, 17), (250, 500), (10, 10))
    ],
    "clopper_pearson": [
        [k, n, *map(float, proportion_confint(k, n, method="beta"))]
        for k, n in ((0, 10), (3, 17), (250, 500), (10, 10))
    ],
    "mcnemar": [
        [b, c, float(mcnemar([[50, b], [c, 50]], exact=True).pvalue)]
        for b, c in ((3, 9), (10, 2), (1, 0), (7, 7))
    ],
    "spearman": [
        {
            "x": a.tolist(),
            "y": b.tolist(),
            "rho": float(stats.spearmanr(a, b).statistic),
            "pvalue": float(stats.spearmanr(a, b).pvalue),
        }
        for a, b in ((x16, y16), (tied_x, tied_y))
    ],
    "spearman_exact": {"x": x7.tolist(), "y": y7.tolist(), "pvalue": permuted(x7, y7)},
    "kendall": [
        {
            "x": a.tolist(),
            "y": b.tolist(),
            "tau": float(stats.kendalltau(a, b).statistic),
            "pvalue": float(stats.kendalltau(a, b, method=m).pvalue),
        }
        for a, b, m in ((x16, y16, "exact"), (tied_x, tied_y, "asymptotic"))
    ],
    "quantiles": [[f, float(np.quantile(values, f))] for f in (0.5, 0.9, 0.25)],
}
Path(__file__).with_name("stats.json").write_text(json.dumps(golden, indent=1) + "\n")
