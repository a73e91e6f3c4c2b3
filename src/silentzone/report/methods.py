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
        " choosing a subset tends to make a correlation weaker. Beside each rho stand what the data"
        " could show at best (attainable), what the relation over the full cohort would lead to"
        " in the zone (expected: a range over shapes of the relation, the zone formed again in"
        " every simulated cohort), and the smallest value this many candidates can show.",
    ),
    (
        "Two kinds of uncertainty",
        "The interval of rho takes the candidates as a sample. The measurement error of rho holds"
        " them and draws windows and items again: it says how much other texts and other"
        " questions could change the order of these very candidates.",
    ),
    (
        "Verdict",
        "A metric is informative when its correlation is clearly positive after alignment, or the"
        " order of five or more candidates is perfect and unlikely by chance. It is"
        " silent only when the data could have shown a relation and show less than every shape"
        " of the full cohort's relation predicts. Everything else is “cannot tell”, which is an"
        " answer about the study, not about the metric.",
    ),
    (
        "Variants",
        "Every metric on every corpus is held against the composite. Their p-values are adjusted"
        " together by permutations that all of them share (Westfall and Young's maxT), so that"
        " trying many is paid for, and trying many that rank alike costs little.",
    ),
    (
        "Prompt by prompt",
        "Among the items the reference passed, the AUROC is the share of pairs, one failed and one"
        " passed by the same candidate, that a predictor puts in the right order: 0.5 is a coin."
        " Candidates are never compared with each other there.",
    ),
    (
        "Two models, one prompt",
        "For every two candidates, on items exactly one of them passed, a rule trusts one of the"
        " two. Decisions that share an item or a model are not independent, and intervals"
        " account for both.",
    ),
    (
        "A metric with a direction",
        "Per item, how far the margin of the right answer over the best other moved from the"
        " reference to the candidate. It uses the labels, so it is held against the net change of"
        " the same items, and everything is judged on the other half of the items.",
    ),
    (
        "Decision",
        "Margins are fixed before the data are seen. Each candidate tested must be shown to lose no"
        " more than the margin on the composite and no more than the guard margin on every"
        " benchmark, against the reference and item by item where items are known; trying several"
        " candidates is paid for by the order or the correction of the tests.",
    ),
    (
        "Candidates against each other",
        "The set that may hold the best comes from multiple comparisons with the best, in which the"
        " best is not chosen beforehand; pairs are told apart after Holm's correction over all"
        " pairs. Not told apart means that these items do not settle it, not that two are equal.",
    ),
)
