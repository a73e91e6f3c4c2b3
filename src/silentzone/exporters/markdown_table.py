"""Markdown tables of cells that are escaped already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def markdown_table(
    headers: Sequence[str], rows: Iterable[Iterable[str]], *, n_texts: int = 1
) -> Iterator[str]:
    """Give the lines of a table: the first columns to the left, the others to the right.

    Parameters
    ----------
    headers : sequence of str
    rows : iterable of iterable of str
        Cells, as Markdown.
    n_texts : int, optional
        Columns that hold texts.
    """
    yield f"| {' | '.join(headers)} |"
    looks = [":--" if place < n_texts else "--:" for place in range(len(headers))]
    yield f"|{'|'.join(looks)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
