"""The answers as Markdown and as plain text: what a stranger's text can do there."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt
from tests.unit.report import hostile

from silentzone.records.escaping import markdown, visible
from silentzone.report.card import card, release_note
from silentzone.report.page import build_page

ACTIVE = {
    "link_open",
    "image",
    "html_inline",
    "html_block",
    "code_block",
    "fence",
    "list_item_open",
}


@pytest.fixture(scope="module")
def hostile_card():
    return card(build_page(hostile.analysis()))


def tokens(text):
    parser = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    for token in parser.parse(text):
        yield token
        yield from token.children or ()


def shown(text):
    return "".join(token.content for token in tokens(text) if token.type in {"text", "code_inline"})


@pytest.mark.parametrize(
    "text",
    [
        "Q4_K_M_x_y", "a*b*c", "[x](javascript:1)", "![x](http://a)", "<b>bold</b>", "a | b",
        "`code`", "~~gone~~", "# head", "1. one", "- item", "+ item", "=====", "---", "$x$",
        "&lt;b&gt;", "back\\slash", "> quote", "72.9 %", "+25.0 pp", "-0.5", *hostile.ATTACKS,
    ],
)  # fmt: skip
def test_markdown_shows_a_text_as_it_is_read(text):
    found = list(tokens(markdown(text)))
    assert not ACTIVE & {token.type for token in found}
    assert shown(markdown(text)).strip() == visible(text).strip()


@pytest.mark.parametrize("text", ["http://x.org", "www.x.org", "mail@x.org", "@somebody"])
def test_nothing_becomes_a_link_or_a_mention_by_itself(text):
    assert not re.search(r"://|www\.|@", markdown(text))
    assert shown(markdown(text)) == text


def test_a_card_of_hostile_names_has_only_the_markup_of_the_card(hostile_card):
    found = list(tokens(hostile_card))
    types = {token.type for token in found}
    assert not {"link_open", "image", "html_block", "fence", "code_block"} & types
    assert {t.content for t in found if t.type == "html_inline"} <= {"<br>"}
    tables = [token for token in found if token.type == "table_open"]
    assert len(tables) == 2


def test_every_row_of_a_table_has_as_many_cells_as_its_head(hostile_card, whole_page):
    for text in (hostile_card, card(whole_page)):
        for block in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
            lines = block.strip().splitlines()
            widths = {len(re.split(r"(?<!\\)\|", line)) for line in lines}
            assert len(widths) == 1
        assert "|" in text


def test_the_card_says_what_the_page_says(whole_page):
    text = shown(card(whole_page))
    for answer in whole_page.answers:
        assert answer.sentence in text
    for row in whole_page.results[0].rows:
        assert row[0].text in text
    assert whole_page.command.replace("`", "'") in text


def test_the_release_note_is_short_and_plain(whole_page):
    text = release_note(whole_page)
    assert len(text) < 2500
    assert whole_page.answers[0].sentence in text
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", release_note(build_page(hostile.analysis()))
    )
