"""Write classification.json: AUROC, ratios and logistic regressions by SciPy and statsmodels.

Run by hand in an environment with the test dependencies:
python tests/golden/scipy/make_classification.py
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import stats

rng = np.random.default_rng(20260602)
n, n_clusters = 120, 30
failed = rng.random(n) < 0.3
values = np.round(rng.normal(size=n) + 0.8 * failed, 1)
positive = np.round(np.exp(rng.normal(size=n) + 0.5 * failed), 4)


def placements(own, others):
    """Mann-Whitney of one observation against a group, in [0, 1]."""
    return [float(stats.mannwhitneyu([x], others).statistic) / len(others) for x in own]


x, y = values[failed], values[~failed]
v10, v01 = placements(x, y), placements(y, x)
# DeLong, DeLong and Clarke-Pearson (1988), eq. 3-5: sample variances of the placements.
delong = float(np.sqrt(np.var(v10, ddof=1) / len(x) + np.var(v01, ddof=1) / len(y)))
welch = stats.ttest_ind(np.log(positive[failed]), np.log(positive[~failed]), equal_var=False)
difference = float(np.log(positive[failed]).mean() - np.log(positive[~failed]).mean())

clusters = np.repeat(np.arange(n_clusters), n // n_clusters)
strata = np.tile(np.arange(3), n // 3)
features = np.round(rng.normal(size=(n, 2)) + np.repeat(rng.normal(size=(n_clusters, 1)), 4, 0), 4)
odds = -0.8 + 0.4 * strata + features @ [0.9, -0.5]
outcome = rng.random(n) < 1 / (1 + np.exp(-odds))
design = np.column_stack([features, strata[:, None] == np.arange(3)]).astype(float)
fit = sm.Logit(outcome.astype(float), design).fit(
    disp=0,
    method="newton",
    tol=1e-12,
    cov_type="cluster",
    cov_kwds={"groups": clusters, "use_correction": False},
)
# The package corrects by G / (G - 1) alone, as for its means; statsmodels adds (n - 1) / (n - k).
scale = np.sqrt(n_clusters / (n_clusters - 1))

golden = {
    "peer": {
        "scipy": scipy.__version__,
        "statsmodels": statsmodels.__version__,
        "numpy": np.__version__,
        "platform": platform.system() + " " + platform.machine(),
    },
    "tolerance": "1e-9 relative: the same formulas summed in another order; 1e-7 for the "
    "logistic fits, whose steps stop at another point",
    "auroc": {
        "values": values.tolist(),
        "failed": failed.tolist(),
        "auroc": float(stats.mannwhitneyu(x, y).statistic) / (len(x) * len(y)),
        "delong": delong,
    },
    "ratio": {
        "values": positive.tolist(),
        "failed": failed.tolist(),
        "ratio": float(np.exp(difference)),
        "interval": np.exp(
            [welch.confidence_interval().low, welch.confidence_interval().high]
        ).tolist(),
    },
    "logistic": {
        "features": features.tolist(),
        "strata": strata.tolist(),
        "clusters": clusters.tolist(),
        "failed": outcome.tolist(),
        "slopes": fit.params[:2].tolist(),
        "intercepts": fit.params[2:].tolist(),
        "standard_errors": (fit.bse[:2] * scale).tolist(),
    },
}
Path(__file__).with_name("classification.json").write_text(json.dumps(golden, indent=1) + "\n")
