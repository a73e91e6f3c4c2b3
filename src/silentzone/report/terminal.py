"""The same verdict and one table as plain data for a terminal; printing is the caller's."""

from __future__ import annotations

from dataclasses import dataclass

from rich.markup import escape

from silentzone.report import numbers
from silentzone.report.cohort import index
from silentzone.report.escaping import visible
from silentzone.report.head import answers
from silentzone.report.reading import texts
from silentzone.report.words import score_title


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a terminal shows of a study. Every text went through `printable`."""

    title: str
    sentences: tuple[str, ...]
    """Question and answer, one line each."""
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """As many cells as headers; the first is the model, a missing number is a dash."""
    notes: tuple[str, ...]
    """Cautions and failures."""


def printable(text: object) -> str:
    r"""Text that a Rich console prints as it is read, and that no terminal acts on.

    Control sequences and direction characters are spelled out, square brackets that Rich would
    take for markup are escaped: print with markup on and emoji off. Rich's escape may drop or
    double a backslash beside a bracket or at the end; nothing becomes markup by that. For a plain
    stream, take `escaping.visible`.

    Examples
    --------
    >>> print(printable("[red]Q4\x1b[0m"))
    \[red]Q4\u001b[0m
    """
    return escape(visible(text))


def summarize(analysis: object) -> Summary:
    """Return the answers and the table of an analysis.

    Parameters
    ----------
    analysis : object
        What ``analysis.json`` of schema 1 holds.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    """
    cohort = index(analysis)
    scores = cohort.score_names[:1]
    rows = []
    percent = numbers.percent
    for model in cohort.models:
        size = model.gigabytes
        kld = cohort.metric(model.name, cohort.corpus)
        floor = cohort.floors.get((model.name, cohort.corpus or ""))
        used = floor.used if floor else None
        found = [cohort.score(model.name, score) for score in scores]
        rows.append((
            f"{model.label} (reference)" if model.is_reference
            else f"{model.label} (pick)" if model.is_pick else model.label,
            numbers.DASH if size is None else numbers.file_size(1e9 * size),
            _with_interval(kld.written(numbers.significant), kld.interval(numbers.significant)),
            numbers.DASH if used is None else numbers.significant(used),
            *(_with_interval(q.written(percent), q.interval(percent)) for q in found),
            model.status,
        ))  # fmt: skip
    failures = [
        f"{row.get('model')}: {row.get('part')}: {row.get('cause')}"
        for row in cohort.raw.get("failures") or ()
    ]
    corpus = cohort.corpus or "no corpus"
    headers = ("model", "size", f"mean KLD on {corpus}, nats", "own noise floor",
               *(score_title(score) for score in scores), "status")  # fmt: skip
    return Summary(
        title=printable(cohort.raw["study"].get("name") or "unnamed study"),
        sentences=tuple(
            printable(
                f"{answer.question} {answer.answer}"
                f"{f' ({answer.detail})' if answer.detail else ''}. {answer.sentence}"
            )
            for answer in answers(cohort)
        ),
        headers=tuple(printable(header) for header in headers),
        rows=tuple(tuple(printable(cell) for cell in row) for row in rows),
        notes=tuple(printable(note) for note in (*texts(cohort.raw.get("cautions")), *failures)),
    )


def _with_interval(value: str, interval: str | None) -> str:
    return value if interval is None else f"{value} {interval}"
