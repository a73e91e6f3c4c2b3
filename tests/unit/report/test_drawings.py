"""The figures as files of their own."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from tests.unit.report import hostile

from silentzone.report.drawings import write_drawings
from silentzone.report.page import build_page
from silentzone.report.render import drawings_of


@pytest.fixture(scope="module")
def page():
    return build_page(hostile.analysis())


@pytest.fixture(scope="module")
def folder(page, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    (folder / "figure-old-1.svg").write_text("stale")
    (folder / "mine.svg").write_text("kept")
    write_drawings(page, drawings_of(page), folder)
    return folder


def test_every_panel_is_there_in_both_forms(page, folder):
    panels = sum(len(figure.panels) for figure in page.figures)
    assert (
        len(list(folder.glob("figure-*.svg"))) == len(list(folder.glob("figure-*.png"))) == panels
    )
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in folder.glob("*.png"))


def test_a_drawing_of_hostile_names_is_inert(folder):
    for path in folder.glob("figure-*.svg"):
        root = ET.fromstring(path.read_text("utf-8"))  # noqa: S314 (ours)
        for element in root.iter():
            assert element.tag.rpartition("}")[2] not in {"script", "a", "image", "style", "use"}
            assert not [key for key in element.attrib if key.startswith("on") or "href" in key]
        assert "var(--" not in path.read_text("utf-8")


def test_drawings_of_an_older_report_are_removed_and_nothing_else(folder):
    assert not (folder / "figure-old-1.svg").exists()
    assert (folder / "mine.svg").read_text() == "kept"
