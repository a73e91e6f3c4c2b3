"""View models -> one HTML file that loads nothing and runs its own script only, and its files."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from silentzone.report.card import card, release_note
from silentzone.report.drawings import write_drawings
from silentzone.report.page import build_page
from silentzone.report.svg import draw, inert
from silentzone.store.atomic import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from silentzone.report.views import Page

PAGE_NAME = "index.html"
CARD_NAME = "card.md"
NOTE_NAME = "release-note.txt"
FIGURES = "figures"


def build_html(analysis: dict[str, Any], flips: dict[str, Any] | None = None) -> str:
    """Return the report as one HTML document.

    Parameters
    ----------
    analysis : dict
        What ``analysis.json`` of schema 2 holds.
    flips : dict, optional
        What ``flips.json`` of schema 1 holds: the items whose answer changed.

    Returns
    -------
    str
        Complete, offline; safe whatever names, prompts and answers it is made of. Its policy
        allows its own style sheet and its own script, by their hashes, and nothing else.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    """
    page = build_page(analysis, flips)
    return page_html(page, drawings_of(page))


def page_html(page: Page, drawn: Mapping[str, Sequence[str]]) -> str:
    """Return a page as one HTML document, with what the chart library drew for each figure."""
    drawings = {
        figure.identity: [
            inert(drawing, label=panel.label)
            for panel, drawing in zip(figure.panels, drawn[figure.identity], strict=True)
        ]
        for figure in page.figures
    }
    template = _environment().get_template("page.html.j2")
    style, script = _packaged("style.css"), _packaged("report.js")
    return template.render(
        page=page,
        drawings=drawings,
        style=Markup(style),  # noqa: S704 (ours)
        script=Markup(script),  # noqa: S704 (ours)
        policy=_policy(style, script),
    )


def write_report(
    analysis: dict[str, Any], folder: Path, flips: dict[str, Any] | None = None
) -> Path:
    """Write ``index.html``, the figures as files, and the card and release note.

    Parameters
    ----------
    analysis : dict
        What ``analysis.json`` of schema 2 holds.
    folder : Path
        Made when missing. Each file of a report already there is replaced in one step.
    flips : dict, optional
        What ``flips.json`` of schema 1 holds.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    StorageError
        If the folder cannot be written.
    """
    page = build_page(analysis, flips)
    drawn = drawings_of(page)
    final = folder / PAGE_NAME
    replace_file(final, page_html(page, drawn).encode())
    replace_file(folder / CARD_NAME, card(page).encode())
    replace_file(folder / NOTE_NAME, release_note(page).encode())
    write_drawings(page, drawn, folder / FIGURES)
    return final


def drawings_of(page: Page) -> dict[str, list[str]]:
    """Give what the chart library draws, by figure."""
    return {
        figure.identity: [draw(panel.spec) for panel in figure.panels] for figure in page.figures
    }


def _policy(style: str, script: str) -> str:
    """Content security policy under which only these very texts may act."""

    def own(text: str) -> str:
        digest = hashlib.sha256(text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; style-src {own(style)}; script-src {own(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _packaged(name: str) -> str:
    """Text of a file beside the templates, with the line ends that a browser hashes."""
    file = resources.files("silentzone.report") / "templates" / name
    return file.read_text(encoding="utf-8").replace("\r\n", "\n")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("silentzone.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
