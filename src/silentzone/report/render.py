"""View models -> one HTML file that needs nothing and does nothing."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from silentzone.errors import StorageError
from silentzone.report.page import build_page
from silentzone.report.svg import render

if TYPE_CHECKING:
    from silentzone.report.views import Page

FILE_NAME = "index.html"


def build_html(analysis: dict[str, Any]) -> str:
    """Return the report as one HTML document.

    Parameters
    ----------
    analysis : dict
        What ``analysis.json`` of schema 2 holds.

    Returns
    -------
    str
        Complete, offline, without script; safe whatever names the analysis holds.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    """
    return page_html(build_page(analysis))


def page_html(page: Page) -> str:
    """Return a page as one HTML document."""
    drawings = {
        figure.identity: [render(panel.spec, label=panel.label) for panel in figure.panels]
        for figure in page.figures
    }
    template = _environment().get_template("page.html.j2")
    return template.render(page=page, drawings=drawings)


def write_report(analysis: dict[str, Any], folder: Path) -> Path:
    """Write ``index.html`` into a folder, whole or not at all.

    Parameters
    ----------
    analysis : dict
        What ``analysis.json`` of schema 2 holds.
    folder : Path
        Made when missing. A report already there is replaced in one step.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    StorageError
        If the folder cannot be written.
    """
    html = build_html(analysis)
    final = folder / FILE_NAME
    beside: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=folder, prefix=".report-", delete=False
        ) as stream:
            beside = Path(stream.name)
            stream.write(html)
            stream.flush()
            os.fsync(stream.fileno())
        # Temporary files are private by default; a report is made to be shared.
        beside.chmod(0o644)
        beside.replace(final)
    except OSError as error:
        if beside is not None:
            beside.unlink(missing_ok=True)
        raise StorageError(
            f"the report cannot be written to `{final}`: {error.strerror or error}.",
            hint="free space or choose a folder that can be written",
        ) from error
    return final


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("silentzone.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
