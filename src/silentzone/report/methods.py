"""How the numbers are made, in plain words. A claim here must hold for every study."""

from __future__ import annotations

METHODS: tuple[tuple[str, str], ...] = (
    (
        "Fidelity",
        "At every scored position the candidate's distribution over the next token is compared"
        " with the reference's. KLD is the Kullback-Leibler divergence"
        " D_KL(reference || candidate) in nats; zero means the same distribution.",
    ),
    (
        "Noise floor",
        "The same model run with its work split another way gives slightly different numbers."
        " How far a model is from itself is its noise floor. Two candidates closer than the"
        " larger of their floors cannot be told apart, however tight the intervals are.",
    ),
    (
        "Harm, gain, volume, direction, net",
        "Reference and candidate answer the same items. Harm counts items only the reference got"
        " right, gain items only the candidate got right. Volume is their sum over all items,"
        " direction their difference over their sum, net their difference over all items, which is"
        " the difference of the scores.",
    ),
    (
        "Churn floor",
        "Some items change when the same model is simply asked again under another split of the"
        " work. That share is the churn floor; a volume near it cannot be told from the churn.",
    ),
    (
        "Intervals",
        "Positions of one window, and items of one group, are not independent, so intervals take"
        " the window as the unit, or the document where a corpus knows ten or more, and the group"
        " of items where a benchmark names groups. A number without an interval has a"
        " note that says why.",
    ),
    (
        "Correlation and zones",
        "Spearman's rho compares two orders. A zone is a subset of candidates near the reference;"
        " choosing a subset tends to make a correlation weaker. Beside each rho stand the value"
        " the data could show at best (attainable), the value the full-cohort relation would lead"
        " to in the zone (expected; not simulated yet), and the smallest value this many candidates"
        " can show.",
    ),
    (
        "Verdict",
        "A metric is informative when its correlation is clearly positive after alignment, or the"
        " order of five or more candidates is perfect and unlikely by chance. It is"
        " silent only when the data could have shown a relation and did not. Everything else is"
        " “cannot tell”, which is an answer about the study, not about the metric.",
    ),
    (
        "Decision",
        "Margins are fixed before the data are seen. Each candidate tested must be shown to lose no"
        " more than the margin on the composite and no more than the guard margin on every"
        " benchmark, item by item against the reference; trying several candidates is paid for by"
        " the order or the correction of the tests.",
    ),
)
