"""View models -> one HTML file that needs nothing, loads nothing and runs its own script only."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from silentzone.errors import StorageError
from silentzone.report.page import build_page
from silentzone.report.svg import render

if TYPE_CHECKING:
    from silentzone.report.views import Page

FILE_NAME = "index.html"


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
    return page_html(build_page(analysis, flips))


def page_html(page: Page) -> str:
    """Return a page as one HTML document."""
    drawings = {
        figure.identity: [render(panel.spec, label=panel.label) for panel in figure.panels]
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
    """Write ``index.html`` into a folder, whole or not at all.

    Parameters
    ----------
    analysis : dict
        What ``analysis.json`` of schema 2 holds.
    folder : Path
        Made when missing. A report already there is replaced in one step.
    flips : dict, optional
        What ``flips.json`` of schema 1 holds.

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
    html = build_html(analysis, flips)
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
