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
    from collections.abc import Mapping

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


def draw(spec: Spec) -> str:
    """Draw a specification of Vega-Lite, data inside and no addresses, by the chart library."""
    drawn: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return drawn


def inert(drawn: str, *, label: str) -> Markup:
    """Rebuild a drawing from the closed list of elements and attributes.

    Parameters
    ----------
    drawn : str
        What `draw` gave.
    label : str
        What a screen reader says instead of the drawing.

    Returns
    -------
    Markup
        One ``<svg>`` that scales with its container. Colours are CSS variables.
    """
    root, width, height = _parsed(drawn)
    inside = "".join(_element(child, _VARIABLES) for child in root)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{}" viewBox="0 0 {:g} {:g}"'
        ' width="{:g}" fill="none">{}</svg>'
    ).format(label, width, height, 1.3 * width, Markup(inside))  # noqa: S704 (escaped below)


def standalone(drawn: str, *, label: str) -> str:
    """Rebuild a drawing as a file of its own, in the light colours on white."""
    root, width, height = _parsed(drawn)
    inside = "".join(_element(child, {}) for child in root)
    size = f'width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} fill="none"'
        f' viewBox="0 0 {width:g} {height:g}" font-family="DejaVu Sans, Arial, sans-serif">'
        f"<title>{escape(label)}</title>"
        f'<rect {size} fill="{charts.PAGE}"/>{inside}</svg>\n'
    )


def _parsed(drawn: str) -> tuple[ET.Element, float, float]:
    root = ET.fromstring(drawn)  # noqa: S314 (made in this process a moment ago)
    width, height = (float(root.get(side, "0")) for side in ("width", "height"))
    return root, width, height


def _element(element: ET.Element, colours: Mapping[str, str]) -> str:
    name = element.tag.rpartition("}")[2]
    if name not in _ELEMENTS:
        return ""
    attributes = "".join(
        f' {key}="{escape(colours.get(value, value))}"'
        for key, value in element.attrib.items()
        if key in _ATTRIBUTES and _SAFE_VALUE.fullmatch(value)
    )
    children = "".join(_element(child, colours) for child in element)
    inside = str(escape(element.text or "")) + children
    if name == "g" and not inside:
        return ""
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"


_VARIABLES = {colour: f"var({name})" for colour, name in COLOUR_VARIABLES.items()}
