"""Specification -> inline SVG in which nothing can act.

The drawing is rebuilt element by element from a closed list, so that whatever a name from a model
file could smuggle through the chart library (links, scripts, handlers, styles) has no way into the
page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import vl_convert
from markupsafe import Markup, escape

from silentzone.report import charts

if TYPE_CHECKING:
    from silentzone.report.charts import Spec

COLOUR_VARIABLES = {
    charts.INK: "--ink",
    charts.MUTED: "--muted",
    charts.GRID: "--grid",
    charts.PAGE: "--page",
    charts.BLUE: "--blue",
    charts.VERMILLION: "--vermillion",
    charts.GREEN: "--green",
    charts.ORANGE: "--orange",
    charts.PURPLE: "--purple",
}
_ELEMENTS = {"g", "path", "line", "rect", "circle", "text", "tspan"}
_ATTRIBUTES = {
    "cx", "cy", "d", "dx", "dy", "fill", "fill-opacity", "font-size", "font-style", "font-weight",
    "height", "opacity", "r", "stroke", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-opacity", "stroke-width", "text-anchor", "transform", "width", "x",
    "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
_SAFE_VALUE = re.compile(r"[-\w#.,() +%]*", re.ASCII)


def render(spec: Spec, *, label: str) -> Markup:
    """Draw a specification.

    Parameters
    ----------
    spec : dict
        Vega-Lite; data inside, no addresses.
    label : str
        What a screen reader says instead of the drawing.

    Returns
    -------
    Markup
        One ``<svg>`` that scales with its container. Colours are CSS variables.
    """
    drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return inert(drawn, label=label)


def inert(drawn: str, *, label: str) -> Markup:
    """Rebuild a drawing from the closed list of elements and attributes."""
    root = ET.fromstring(drawn)  # noqa: S314 (made in this process a moment ago)
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    inside = "".join(_element(child) for child in root)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{}" viewBox="0 0 {:g} {:g}"'
        ' width="{:g}" fill="none">{}</svg>'
    ).format(label, width, height, 1.3 * width, Markup(inside))  # noqa: S704 (escaped below)


def _element(element: ET.Element) -> str:
    name = element.tag.rpartition("}")[2]
    if name not in _ELEMENTS:
        return ""
    attributes = "".join(
        f' {key}="{escape(_VARIABLES.get(value, value))}"'
        for key, value in element.attrib.items()
        if key in _ATTRIBUTES and _SAFE_VALUE.fullmatch(value)
    )
    inside = str(escape(element.text or "")) + "".join(_element(child) for child in element)
    if name == "g" and not inside:
        return ""
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"


_VARIABLES = {colour: f"var({name})" for colour, name in COLOUR_VARIABLES.items()}
