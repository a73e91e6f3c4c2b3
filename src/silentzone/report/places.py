"""Links to the items behind a number, on the same page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from silentzone.records.escaping import visible_lines

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort


def items_link(
    cohort: Cohort, *, model: str | None = None, benchmark: str | None = None
) -> str | None:
    """Address of the changed answers of a model, a benchmark, both or all; null without any.

    Names are written as the page's script finds them again.
    """
    if not cohort.has_items:
        return None
    asked = {"model": model, "benchmark": benchmark}
    named = {key: visible_lines(name) for key, name in asked.items() if name is not None}
    return "#items:" + urlencode(named)
