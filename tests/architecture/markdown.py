"""Read the project's Markdown as its readers see it: blocks of code, headings, links."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parent.parent.parent
PAGES = tuple(sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code and where it stands."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Name the block as a test's parameter."""
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Give the blocks of code of a page, fenced or indented."""
    for token in _tokens(page):
        if token.type in {"fence", "code_block"}:
            line = (token.map or [0])[0] + 1
            name = str(page.relative_to(ROOT))
            yield Block(name, line, token.info.strip(), token.content)


def all_blocks() -> list[Block]:
    """Give the blocks of code of every page."""
    return [block for page in PAGES for block in blocks(page)]


def anchors(page: Path) -> set[str]:
    """Give what GitHub and the site call the headings of a page."""
    names: dict[str, int] = {}
    found = set()
    tokens = _tokens(page)
    for token, inside in itertools.pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in inside.children or [])
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        number = names.get(slug, 0)
        names[slug] = number + 1
        found.add(f"{slug}-{number}" if number else slug)
    return found


def links(page: Path) -> Iterator[str]:
    """Give the targets of links and pictures."""
    for token in _tokens(page):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
