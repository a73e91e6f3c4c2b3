"""The same answers as Markdown for a model's page, and as a few lines for a release note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.exporters.markdown_table import markdown_table
from silentzone.records.escaping import markdown, markdown_code, visible
from silentzone.report.numbers import DASH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.report.views import Answer, Cell, Page, Table

_MOST_NOTED = 4


def card(page: Page) -> str:
    """Markdown of a page: the answers, one row per model, nets, what was found and how.

    Parameters
    ----------
    page : Page

    Returns
    -------
    str
        Ends with a newline. Every text of the study is escaped.
    """
    return "\n".join(_card(page)).rstrip() + "\n"


def release_note(page: Page) -> str:
    """Short plain text of a page's answers."""
    lines = [f"{visible(page.title)} ({visible(page.subtitle)})"]
    lines += [_said(answer) for answer in page.answers]
    if page.cautions:
        shown = "; ".join(page.cautions[:_MOST_NOTED])
        lines.append(f"Read with care: {shown}.")
    return "\n\n".join(lines) + "\n"


def _card(page: Page) -> Iterator[str]:
    yield f"## {markdown(page.title)}"
    yield ""
    for answer in page.answers:
        yield f"**{markdown(answer.question)}** {markdown(_rest(answer))}"
        yield ""
    for table in page.results[:2]:
        yield from _table(table)
    for lane in page.lanes:
        yield f"### {markdown(lane.title)}"
        yield ""
        yield markdown(lane.why)
        yield ""
        for table in lane.tables[:2]:
            yield from _table(table)
    if page.findings:
        yield "### What was found"
        yield ""
        for finding in page.findings:
            yield f"- **{markdown(finding.title)}:** {markdown(finding.sentence)}"
        yield ""
    if page.cautions:
        yield "### Read with care"
        yield ""
        yield from (f"- {markdown(caution)}" for caution in page.cautions)
        yield ""
    yield f"Measured with {markdown(page.subtitle)}. The command: `{markdown_code(page.command)}`"


def _said(answer: Answer) -> str:
    return f"{answer.question} {_rest(answer)}"


def _rest(answer: Answer) -> str:
    detail = f" ({answer.detail})" if answer.detail else ""
    return " ".join((f"{answer.answer}{detail}.", answer.sentence, *answer.reasons))


def _table(table: Table) -> Iterator[str]:
    yield f"### {markdown(table.caption)}"
    yield ""
    headers = [markdown(header) for header in table.headers]
    yield from markdown_table(headers, (map(_cell, row) for row in table.rows))
    yield ""


def _cell(cell: Cell) -> str:
    text = markdown(cell.text) or DASH
    if cell.is_strong:
        text = f"**{text}**"
    return text if cell.detail is None else f"{text}<br>{markdown(cell.detail)}"
