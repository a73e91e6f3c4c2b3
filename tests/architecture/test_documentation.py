"""No link of the documentation leads nowhere, and every page has its place in the site."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from tests.architecture.markdown import PAGES, ROOT, anchors, links

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_PICTURE = 256_000


def _lost(page: Path) -> list[str]:
    """Give the links of a page that lead nowhere."""
    lost = []
    for target in links(page):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (page.parent / name) if name else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            lost.append(target)
    return lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert not _lost(page)


def test_lost_links_and_anchors_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two`, three\n\n## Twice\n\n## Twice\n\n"
        "[a](#one-two-three) [b](page.md#twice-1) [c](https://example.org/x)\n\n"
        "| [d](none.md) |\n|---|\n| ![e](none.png) [f](#thrice) |\n",
        encoding="utf-8",
    )
    assert anchors(page) == {"one-two-three", "twice", "twice-1"}
    assert _lost(page) == ["none.md", "none.png", "#thrice"]


def test_every_page_stands_in_the_contents_of_the_site():
    contents = runpy.run_path(str(ROOT / "scripts" / "site" / "conf.py"))["CONTENTS"]
    named = [name for names in contents.values() for name in names]
    pages = {
        str(page.relative_to(ROOT).with_suffix(""))
        for page in PAGES
        if page.name not in {"README.md"}
    }
    assert len(named) == len(set(named))
    assert set(named) == pages


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size <= _LARGEST_PICTURE, picture.name
