"""Error rates of the audit on cohorts whose truth is known, as Markdown tables.

    OMP_NUM_THREADS=1 nice python benchmarks/audit_errors.py
    OMP_NUM_THREADS=1 nice python benchmarks/audit_errors.py verdicts --kinds null --cohorts 100

What no verdict depends on is cut short (`only_verdicts`); ``--whole`` runs everything.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import audit_coverage
import audit_sizes
import numpy as np
import simulated_cohorts as cohorts
from audit_coverage import HEAD

import silentzone.analysis.audit as audit_module
from silentzone.analysis import score_axes, variants
from silentzone.analysis.audit import JUDGED_SCORES, AuditRule, audit
from silentzone.analysis.replicates import N_DRAWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

RULE = AuditRule(margin=0.02, alpha=0.025)
ZONES = ("full", "equivalence", "band", "fidelity")
SIZES, ITEMS = (8, 16, 28, 40), (600, 3000, 12000)
PLAN: dict[str, tuple[tuple[int, ...], tuple[int, ...], int]] = {
    "null": (SIZES, ITEMS, 40),
    "directed": (SIZES, ITEMS, 30),
    "loose": ((8, 16, 40), (3000,), 40),
    "fading": ((16, 40), ITEMS, 30),
    "coin": ((16, 40), (3000,), 40),
    "unbiased": ((16, 40), (600, 12000), 30),
}
"""By kind: numbers of candidates, numbers of items, cohorts of each."""
NOT_WHICH_WAY = "not which way"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the audit said of one cohort: by score and zone the verdict, the aligned rho, ..."""

    words: dict[tuple[str, str], str]
    rho: dict[str, float | None]
    attainable: dict[str, float | None]
    volume_not_direction: dict[str, bool]


SHORTCUTS: tuple[tuple[object, str, object], ...] = (
    (score_axes, "N_RESAMPLES", N_DRAWS),
    (variants, "N_PERMUTATIONS", 99),
    (audit_module, "N_RESAMPLES", 20),
    (audit_module, "_sensitivity", lambda *_: []),
)
"""What no verdict depends on: item resamples after the first 1,000, which stay the same ones, the
permutations of maxT, the resamples of the disattenuated interval, the table of zone widths."""


def only_verdicts() -> None:
    """Cut short what no verdict depends on, for the rest of the process."""
    for module, name, value in SHORTCUTS:
        setattr(module, name, value)


def seen(cohort: cohorts.Cohort, number: int, seed: int) -> Seen:
    """Simulate and audit one cohort, of the composite and its parts alone."""
    code = zlib.crc32(repr(sorted(asdict(cohort).items())).encode())
    evidence = cohorts.evidence(cohort, np.random.default_rng([seed, code, number]))
    judged = {name: evidence.scores[name] for name in JUDGED_SCORES}
    found = audit(replace(evidence, benchmarks=(), scores=judged), RULE)
    composite = [one for one in found.judged if one.score == JUDGED_SCORES[0]]
    return Seen(
        words={(one["score"], one["zone"]): one["verdict"] for one in found.sections["verdicts"]},
        rho={one.zone.name: one.aligned for one in composite},
        attainable={one.zone.name: one.attainable for one in composite},
        volume_not_direction={
            one["zone"]: NOT_WHICH_WAY in one["sentence"]
            for one in found.sections["volume_direction"]
        },
    )


def _chunk(job: tuple[cohorts.Cohort, Sequence[int], int, bool]) -> list[Seen]:
    cohort, numbers, seed, whole = job
    if not whole:
        only_verdicts()
    return [seen(cohort, number, seed) for number in numbers]


def audited(
    plan: Sequence[tuple[cohorts.Cohort, int]], options: argparse.Namespace
) -> list[list[Seen]]:
    """Audit every planned kind of cohort as often as planned."""
    jobs = [
        (place, (cohort, range(start, min(start + 10, n)), options.seed, options.whole))
        for place, (cohort, n) in enumerate(plan)
        for start in range(0, n, 10)
    ]
    found: list[list[Seen]] = [[] for _ in plan]
    with ProcessPoolExecutor(options.processes) as pool:
        for (place, _), chunk in zip(jobs, pool.map(_chunk, [job for _, job in jobs]), strict=True):
            found[place] += chunk
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


def shares(found: Sequence[Seen], score: str, zone: str) -> str:
    """Informative / silent / cannot tell, in percent."""
    words = Counter(one.words.get((score, zone), "cannot tell") for one in found)
    return " / ".join(
        f"{100 * words[word] / len(found):.0f}" for word in ("informative", "silent", "cannot tell")
    )


def verdicts(options: argparse.Namespace) -> None:
    """Tabulate verdicts by kind of cohort, number of candidates and of items."""
    plan = []
    for kind, (sizes, items, times) in PLAN.items():
        if kind in options.kinds:
            plan += [
                (cohorts.Cohort(kind=kind, candidates=n, items=k), options.cohorts or times)
                for n in sizes
                for k in items
            ]
    print_verdicts(list(zip([one for one, _ in plan], audited(plan, options), strict=True)))


def print_verdicts(found: Sequence[tuple[cohorts.Cohort, Sequence[Seen]]]) -> None:
    """Print a table for each kind of cohort: informative / silent / cannot tell, in percent."""
    for kind in dict.fromkeys(one.kind for one, _ in found):
        print(f"### {kind}: informative / silent / cannot tell, % of cohorts\n")
        rows = []
        for one, own in found:
            if one.kind == kind:
                not_which_way = [
                    str(sum(s.volume_not_direction.get(zone, False) for s in own)) for zone in ZONES
                ]
                rows.append(
                    [
                        one.candidates,
                        one.items,
                        len(own),
                        *(shares(own, "composite", zone) for zone in ZONES),
                        shares(own, "direction:composite", "full"),
                        " / ".join(not_which_way),
                        _mean([s.attainable["full"] for s in own]),
                        _mean([s.attainable["fidelity"] for s in own]),
                    ]
                )
        heads = ("n", "items", "cohorts", *ZONES, "direction, full",
                 "volume yes, direction no: cohorts by zone", "attainable, full",
                 "attainable, fidelity")  # fmt: skip
        table(heads, rows)


def _mean(values: Sequence[float | None]) -> str:
    known = [one for one in values if one is not None]
    null = f" ({len(values) - len(known)} null)" if len(known) < len(values) else ""
    return f"{np.mean(known):.2f}{null}" if known else "null"


def coverage(options: argparse.Namespace) -> None:
    """Tabulate the coverage of 95 % intervals."""
    seed, many = options.seed, options.simulations
    table(("n", "rank correlation", *HEAD), audit_coverage.spearman_rows(seed, 4 * many))
    table(
        ("part", "volume, points", "net, points", "clusters x items", *HEAD),
        audit_coverage.item_rows(seed, many),
    )
    table(
        ("part of the composite", "benchmarks x clusters x items", *HEAD),
        audit_coverage.composite_rows(seed, many // 2),
    )
    table(
        ("volume, points", "churn, points", "items asked again", *HEAD),
        audit_coverage.excess_rows(seed, many),
    )
    table(("of KLD", "windows", *HEAD), audit_coverage.position_rows(seed, many // 2))
    table(
        ("cohort", "n", "items", "error of KLD", *HEAD, "mean standard error",
         "true standard deviation"),
        audit_coverage.measurement_rows(seed, many // 5),
    )  # fmt: skip


def reliability(options: argparse.Namespace) -> None:
    """Tabulate disattenuated and attainable rho, and reliabilities from stated errors."""
    table(
        ("reliability", "true rho", "n", *HEAD, "mean error of the point",
         "median error", "attainable", "truly attainable"),
        audit_coverage.disattenuated_rows(options.seed, options.simulations // 10),
    )  # fmt: skip
    table(
        ("error variance shared", "n", "true reliability", "median", "central 80 %", "null, %"),
        audit_coverage.stated_rows(options.seed, options.simulations),
    )


def sizes(options: argparse.Namespace) -> None:
    """Tabulate how often tests reject at 5 % what is true."""
    seed, many = options.seed, options.simulations
    table(
        ("n", "ties", "Spearman, %", "Spearman by permutation, %", "Kendall, %"),
        audit_sizes.single_rows(seed, 4 * many),
    )
    table(
        ("n", "variance in common", "maxT: any of 23, %", "unadjusted: any, %", "simulations"),
        audit_sizes.family_rows(seed, many),
    )
    table(
        ("n", "benchmarks", "variance in common", "Holm: any, %", "simulations"),
        audit_sizes.holm_rows(seed, 2 * many),
    )
    table(
        ("true shape", "n", "standard error, points", *(f"{zone}, %" for zone in ZONES)),
        audit_sizes.expected_rows(seed, many // 5),
    )


STUDIES: dict[str, Callable[[argparse.Namespace], None]] = {
    "verdicts": verdicts,
    "coverage": coverage,
    "reliability": reliability,
    "sizes": sizes,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("studies", nargs="*", help=", ".join(STUDIES))
    parser.add_argument("--cohorts", type=int, help="of each kind and size, instead of the plan's")
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--kinds", nargs="+", default=list(cohorts.KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    for study in options.studies or STUDIES:
        started = time.perf_counter()
        print(f"## {study}, seed {options.seed}\n")
        STUDIES[study](options)
        print(f"_{time.perf_counter() - started:.0f} s_\n", flush=True)


if __name__ == "__main__":
    main()
