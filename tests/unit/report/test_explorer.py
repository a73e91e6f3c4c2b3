"""Changed answers as the page carries them."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import re

import pytest
from tests.unit.report import hostile

from silentzone.errors import TableError
from silentzone.report.explorer import explorer
from silentzone.report.numbers import DASH
from silentzone.report.page import build_page


def unpacked(view):
    return json.loads(gzip.decompress(base64.b64decode(view.packed)))


def test_a_page_has_what_a_reader_needs_of_every_change():
    view = explorer(hostile.flips())
    assert view is not None
    assert view.counts == {"harm": 1, "gain": 0, "other": 1}
    assert (view.left_out, view.shared) == (7, (2,))
    content = unpacked(view)
    question, model, kind, answer, divergence, shared = content["changes"][0]
    assert (question, model, kind, divergence, shared) == (0, 0, 0, 0.25, None)
    assert answer == [0.0, "1", [-1.5, -2.0], None]
    assert content["questions"][1][7][3] == content["questions"][1][3]


def test_the_packed_text_has_a_harmless_alphabet_and_is_reproducible():
    first, second = explorer(hostile.flips()), explorer(hostile.flips())
    assert first is not None
    assert second is not None
    assert first.packed == second.packed
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*", first.packed)


def test_invisible_characters_are_spelled_out_and_lines_kept():
    text = json.dumps(unpacked(explorer(hostile.flips())), ensure_ascii=False)
    assert not re.search("[\x00-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069]", text)
    assert "\\n" in text


def test_without_a_change_there_is_nothing_to_explore():
    assert explorer(None) is None
    assert explorer({**hostile.flips(), "changes": []}) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda flips: flips.update(schema_version=2),
        lambda flips: flips.pop("questions"),
        lambda flips: flips["changes"][0].update(question=99),
        lambda flips: flips["changes"][0].update(model=-1),
        lambda flips: flips["changes"][0].update(kind="script"),
        lambda flips: flips["questions"][0].update(benchmark=True),
        lambda flips: flips["questions"][0].update(harmed="many"),
        lambda flips: flips.update(models=3),
    ],
)
def test_a_damaged_file_is_refused_with_the_way_out(damage):
    flips = copy.deepcopy(hostile.flips())
    damage(flips)
    with pytest.raises(TableError, match=r"flips\.json") as caught:
        explorer(flips)
    assert "silentzone analyze" in (caught.value.hint or "")


def test_figures_and_rows_lead_to_the_items_behind_them_where_there_are_any(whole_analysis):
    with_items = build_page(whole_analysis, hostile.flips())
    without = build_page(whole_analysis)
    for page, is_there in ((with_items, True), (without, False)):
        figures = {figure.identity: figure for figure in page.figures}
        links = [
            panel.link for name in ("size", "harm", "volume") for panel in figures[name].panels
        ]
        grid = figures["heat"].grid
        assert grid is not None
        links += [cell.link for row in grid.rows for cell in row if cell.text != DASH]
        assert {link is not None for link in links} <= {is_there} | {False}
        assert any(link is not None for link in links) is is_there
    harm = next(figure for figure in with_items.figures if figure.identity == "harm")
    assert harm.panels[0].link == "#items:benchmark=piqa"
