"""Write decision.json: Holm, paired TOST, a prediction interval and the score test's null, by others.

Run by hand in an environment with the test dependencies:
python tests/golden/statsmodels/make_decision.py
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

rng = np.random.default_rng(20260702)

pvalues = [0.001, 0.04, 0.03, 0.03, 0.5, 0.0005, 1.0, 0.012]

first = np.round(rng.normal(0.5, 0.2, 60), 6)
second = np.round(first + rng.normal(-0.01, 0.05, 60), 6)
margin = 0.03
_, (t_low, p_low, _), (t_high, p_high, _) = ttost_paired(second, first, -margin, margin)

x = np.round(np.exp(rng.normal(-4, 1.2, 12)), 8)
y = np.round(0.8 * x**0.6 * np.exp(rng.normal(0, 0.2, 12)), 8)
fit = sm.OLS(np.log(y), sm.add_constant(np.log(x))).fit()
at = 0.015
row = fit.get_prediction(np.array([[1.0, np.log(at)]])).summary_frame(alpha=0.05)


def restricted_variance(harm, gain, n, net):
    """Variance under the null by maximising the trinomial likelihood numerically."""

    def minus_log_likelihood(free):
        g = free
        h = g - net
        rest = 1 - g - h
        terms = [(harm, h), (gain, g), (n - harm - gain, rest)]
        return -sum(k * np.log(p) for k, p in terms if k > 0)

    low, high = max(0.0, net), (1 + net) / 2
    best = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-13}
    )
    g = best.x
    volume = 2 * g - net
    return (volume - net**2) / n


cases = [(14, 9, 300, -0.02), (2, 1, 600, -0.01), (40, 70, 500, -0.03), (9, 30, 200, 0.05)]

golden = {
    "peer": {
        "statsmodels": statsmodels.__version__,
        "scipy": scipy.__version__,
        "platform": platform.system() + " " + platform.machine(),
    },
    "tolerance": "1e-9 relative; the restricted variance 1e-5: found by a numerical search",
    "holm": {"pvalues": pvalues, "adjusted": multipletests(pvalues, method="holm")[1].tolist()},
    "tost": {
        "reference": first.tolist(),
        "candidate": second.tolist(),
        "margin": margin,
        "pvalue_lower": float(p_low),
        "pvalue_upper": float(p_high),
    },
    "prediction": {
        "x": x.tolist(),
        "y": y.tolist(),
        "at": at,
        "value": float(np.exp(row["mean"].iloc[0])),
        "interval": np.exp([row["obs_ci_lower"].iloc[0], row["obs_ci_upper"].iloc[0]]).tolist(),
        "slope": float(fit.params[1]),
    },
    "restricted_variance": [[*case, float(restricted_variance(*case))] for case in cases],
    "score_test": [
        [
            harm,
            gain,
            n,
            -net,
            float(
                stats.t.sf(
                    ((gain - harm) / n - net) / np.sqrt(restricted_variance(harm, gain, n, net)),
                    n - 1,
                )
            ),
        ]
        for harm, gain, n, net in cases[1:2]
    ],
    "required_n": {
        "what": "FlipEval 1.2.0, certification table, 2 points, alpha 0.05 one-sided, power 0.8",
        "rows": [["mmlu", 0.14, 2164], ["pooled", 0.12, 1855], ["arc_challenge", 0.078767, 1218]],
    },
}
Path(__file__).with_name("decision.json").write_text(json.dumps(golden, indent=1) + "\n")
