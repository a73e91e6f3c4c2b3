from __future__ import annotations

from dataclasses import replace

import altair as alt
import pytest

from silentzone.report import charts, svg
from silentzone.report.charts import Axes, Bar, Dot, Point, Yardstick

AXES = Axes(x_title="x", y_title="y", x_log=True)


def points(n=8):
    return [
        Point(label=f"q{i}", kind="pick" if i == 3 else "candidate", x=1e-4 * 2**i, y=70 - i,
              y_lower=69 - i, y_upper=71 - i)
        for i in range(n)
    ]  # fmt: skip


def data_rows(spec):
    """Every data row of a specification, whichever layer holds it."""
    return [row for layer in spec["layer"] for row in layer.get("data", {}).get("values", [])]


def with_few_rows(spec):
    """Return the specification with its first rows: each costs a validation of its own."""
    if isinstance(spec, list):
        return [with_few_rows(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    return {
        key: value[:2] if key == "values" else with_few_rows(value) for key, value in spec.items()
    }


def test_every_specification_of_a_study_is_valid_and_names_no_address(whole_page):
    panels = [panel for figure in whole_page.figures for panel in figure.panels]
    assert panels
    for panel in panels:
        alt.Chart.from_dict(with_few_rows(panel.spec), validate=True)
        assert "url" not in str({k: v for k, v in panel.spec.items() if k != "$schema"})


def test_kld_is_on_a_log_axis():
    spec = charts.scatter(points(), AXES)
    scales = [layer["encoding"]["x"].get("scale", {}).get("type") for layer in spec["layer"]]
    assert "log" in scales


def test_margin_band_spans_both_sides_of_the_reference():
    yardstick = Yardstick(value=60.0, lower=58.0, upper=62.0, margin=1.5)
    assert {"y": 58.5, "high": 61.5} in data_rows(
        charts.scatter(points(), AXES, yardstick=yardstick)
    )


def test_without_a_margin_there_is_no_band():
    yardstick = Yardstick(value=60.0, lower=None, upper=None, margin=None)
    rows = data_rows(charts.scatter(points(), AXES, yardstick=yardstick))
    assert not [row for row in rows if "high" in row]


def test_the_pick_is_always_labelled_and_most_points_are_not():
    labelled = charts.labelled(points(40))
    assert "q3" in {point.label for point in labelled}
    assert len(labelled) <= 4


def test_labels_at_one_height_are_placed_once():
    flat = [replace(point, y=50.0, y_lower=40.0, y_upper=60.0) for point in points()]
    assert [point.label for point in charts.labelled(flat)] == ["q3"]


def test_harm_points_left_and_gain_right_with_half_the_floor_each_side():
    rows = data_rows(charts.harm_gain([Bar(label="q", harm=4.0, gain=3.0, floor=1.0)]))
    assert rows[0]["loss"] == -4.0
    assert rows[0]["gain"] == 3.0
    assert [row["at"] for row in rows if "at" in row] == [-0.5, 0.5]


def test_a_missing_floor_draws_no_tick():
    rows = data_rows(charts.harm_gain([Bar(label="q", harm=4.0, gain=3.0, floor=None)]))
    assert not [row for row in rows if "at" in row]


def test_each_corpus_has_a_shape_of_its_own_as_well_as_a_colour():
    assert len({colour for colour, _ in charts.CORPUS_MARKS}) == len(charts.CORPUS_MARKS)
    assert len({shape for _, shape in charts.CORPUS_MARKS}) == len(charts.CORPUS_MARKS)


def test_a_drawing_has_only_variables_for_colours():
    drawn = str(svg.inert(svg.draw(charts.scatter(points(), AXES)), label="a chart"))
    assert 'fill="var(--vermillion)"' in drawn
    assert "#" not in drawn.replace("&#34;", "")


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "</text></svg>", 'a"b', "a&b", "'x'"]
)
def test_names_in_a_drawing_are_text(name):
    spec = charts.dots([Dot(label=name, corpus="c", value=0.1, lower=None, upper=None, floor=None)])
    drawn = str(svg.inert(svg.draw(spec), label=name))
    assert "<script" not in drawn
    assert drawn.count("</svg>") == 1
    assert drawn.index("</svg>") == len(drawn) - len("</svg>")


def test_what_a_drawing_must_not_hold_is_left_out():
    drawn = svg.inert(
        '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>x()</script>'
        '<a href="javascript:x()"><text>link</text></a><g onclick="x()"><text style="y">ok</text>'
        '<rect fill="url(http://x)" width="1"/><foreignObject><text>no</text></foreignObject></g>'
        '<image href="http://x"/></svg>',
        label="l",
    )
    inside = str(drawn).partition(">")[2]
    assert inside == '<g><text>ok</text><rect width="1"/></g></svg>'


def test_no_point_of_the_frontier_has_a_smaller_one_that_is_as_high():
    made = [
        Point(label=label, kind="candidate", x=x, y=y)
        for label, x, y in (("a", 3, 9), ("b", 1, 5), ("c", 2, 5), ("d", 2.5, 7), ("e", 4, 8))
    ]
    assert [point.label for point in charts.undominated(made)] == ["b", "d", "a"]
    same = [Point(label=name, kind="candidate", x=1, y=y) for name, y in (("low", 2), ("high", 3))]
    assert [point.label for point in charts.undominated(same)] == ["high"]
    drawn = svg.draw(charts.scatter(made, AXES, has_frontier=True))
    assert drawn.count(charts.PURPLE) == 1
    assert charts.PURPLE not in svg.draw(charts.scatter(made, AXES))
