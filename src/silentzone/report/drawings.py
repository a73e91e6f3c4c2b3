"""The figures as files of their own, for a paper or a model's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import vl_convert

from silentzone.errors import StorageError
from silentzone.report.svg import standalone
from silentzone.store.atomic import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from silentzone.report.views import Page

_SCALE = 2.0
_OURS = ("figure-*.svg", "figure-*.png")


def write_drawings(page: Page, drawn: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Write every drawing as SVG and PNG; those of an older report are removed.

    Parameters
    ----------
    page : Page
    drawn : mapping of str to sequence of str
        What the chart library drew, by figure.
    folder : Path

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    written = set()
    for name, label, drawing in _named(page, drawn):
        svg = standalone(drawing, label=label)
        png = vl_convert.svg_to_png(svg, scale=_SCALE)
        for suffix, content in (("svg", svg.encode()), ("png", png)):
            replace_file(folder / f"{name}.{suffix}", content)
            written.add(f"{name}.{suffix}")
    try:
        for pattern in _OURS:
            for old in folder.glob(pattern):
                if old.name not in written:
                    old.unlink()
    except OSError as error:
        raise StorageError(f"`{folder}` cannot be tidied: {error.strerror or error}.") from error


def _named(page: Page, drawn: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    """Name without suffix, label and drawing."""
    for figure in page.figures:
        panels = zip(figure.panels, drawn[figure.identity], strict=True)
        for number, (panel, drawing) in enumerate(panels, 1):
            yield f"figure-{figure.identity}-{number}", panel.label, drawing
