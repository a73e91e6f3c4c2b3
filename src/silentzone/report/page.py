"""Analysis -> the whole page as one frozen view model."""

from __future__ import annotations

from silentzone.records.escaping import shorten, visible
from silentzone.report import figures, tables
from silentzone.report.cohort import index
from silentzone.report.explorer import explorer
from silentzone.report.findings import findings
from silentzone.report.head import answers, facts
from silentzone.report.methods import METHODS
from silentzone.report.reading import texts
from silentzone.report.views import Page, Table


def build_page(analysis: object, flips: object = None) -> Page:
    """Everything the page says.

    Parameters
    ----------
    analysis : object
        What ``analysis.json`` of schema 2 holds.
    flips : object
        What ``flips.json`` of schema 1 holds, where there is one.

    Returns
    -------
    Page
        Texts made visible and numbers rounded; nothing is escaped, the template does that.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    """
    items = explorer(flips)
    cohort = index(analysis, has_items=items is not None)
    study = cohort.raw["study"]
    version = visible(study.get("package_version", "unknown"))
    made = study.get("created_at")
    return Page(
        title=shorten(visible(study.get("name") or "unnamed study"), 120),
        subtitle=", ".join(
            (
                f"silentzone {version}",
                *((visible(made),) if made else ()),
                *((f"from {cohort.source}",) if cohort.source else ()),
            )
        ),
        answers=answers(cohort),
        findings=findings(cohort),
        facts=tuple(facts(cohort)),
        decision=(*tables.decision(cohort), *_filled(tables.predicted(cohort))),
        figures=figures.build(cohort),
        results=(
            tables.candidates(cohort),
            *_filled(
                tables.net(cohort),
                tables.verdicts(cohort),
                tables.relations(cohort),
                tables.variant_summaries(cohort),
                tables.decomposition(cohort),
                tables.pairs(cohort),
                tables.prompts(cohort),
                tables.copies(cohort),
                *tables.distinguishable(cohort),
                tables.fidelity(cohort),
            ),
        ),
        materials=_filled(
            tables.benchmarks(cohort.raw),
            tables.composites(cohort.raw),
            tables.corpora(cohort.raw),
        ),
        identities=(tables.models(cohort), tables.engine(cohort)),
        limits=tables.limits(cohort.raw),
        cautions=texts(cohort.raw.get("cautions")),
        methods=METHODS,
        command=visible(study.get("command") or "not recorded"),
        explorer=items,
        lanes=tables.lanes(cohort),
    )


def _filled(*made: Table) -> tuple[Table, ...]:
    """Tables that hold something: an analysis of a table leaves many without a row."""
    return tuple(table for table in made if table.rows)
