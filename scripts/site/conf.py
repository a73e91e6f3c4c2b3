"""How Sphinx makes a site of README.md and docs/; run by ``make site``.

The Markdown stays plain, so that it reads the same where the repository is shown: the contents
stand here, and are put behind the start page while it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CONTENTS = {
    "Begin": [
        "docs/first-ten-minutes",
        "docs/reading-the-report",
        "docs/demo",
    ],
    "Ideas": [
        "docs/fidelity",
        "docs/silent-zone",
        "docs/volume-and-direction",
        "docs/noise-floor",
        "docs/equivalence",
        "docs/footguns",
    ],
    "How to": [
        "docs/howto-own-folder",
        "docs/howto-transformers-cohort",
        "docs/howto-kv-cache",
        "docs/transformers",
        "docs/howto-tables",
        "docs/howto-existing-lm-eval-logs",
        "docs/howto-lm-eval",
        "docs/howto-base-file",
        "docs/howto-benchmark",
        "docs/howto-offline",
        "docs/howto-cluster",
        "docs/howto-repeat",
    ],
    "Reference": [
        "docs/cli",
        "docs/benchmarks",
        "docs/lm-eval",
        "docs/sandbox",
        "docs/importing",
        "docs/exporting",
        "docs/tables",
        "docs/metrics",
        "docs/reference-metrics",
        "docs/statistics",
        "docs/reference-statistics",
        "docs/analysis-json",
        "docs/storage-schema",
    ],
    "Inside": [
        "docs/architecture",
        "docs/performance",
        "CONTRIBUTING",
        "CHANGELOG",
    ],
}
"""Pages by heading, in the order of the site's contents."""

project = "silentzone"
copyright = "its authors, Apache-2.0"  # noqa: A001 - Sphinx wants this name
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", *(f"{page}.md" for pages in CONTENTS.values() for page in pages)]
exclude_patterns = [".*", "build", "src", "tests"]
source_suffix = {".md": "markdown"}
highlight_language = "none"
myst_heading_anchors = 4

html_theme = "alabaster"
html_title = "silentzone"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "description": "Which quantized LLM can you deploy?",
    "fixed_sidebar": True,
    "page_width": "72rem",
    "body_max_width": "56rem",
    "sidebar_width": "17rem",
}
html_css_files = ["wide-tables.css"]
html_static_path = ["static"]


def _with_contents(_: Sphinx, name: str, source: list[str]) -> None:
    """Put the contents behind the start page."""
    if name != root_doc:
        return
    for heading, pages in CONTENTS.items():
        lines = ["", "```{toctree}", ":hidden:", f":caption: {heading}", "", *pages, "```", ""]
        source[0] += "\n".join(lines)


def setup(app: Sphinx) -> None:
    """Connect what is done while pages are read."""
    app.connect("source-read", _with_contents)
