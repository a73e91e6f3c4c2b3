from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from tests.unit.report import hostile

from silentzone.errors import StorageError, TableError
from silentzone.report import build_html, render, write_report

ALLOWED = {
    "html", "head", "meta", "title", "link", "style", "body", "a", "header", "p", "span", "h1",
    "h2", "h3", "nav", "ul", "ol", "li", "main", "section", "div", "article", "dl", "dt", "dd",
    "small", "aside", "figure", "figcaption", "details", "summary", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "sup", "bdi", "strong", "pre", "code", "footer", "svg", "g",
    "path", "line", "rect", "circle", "text", "tspan", "script", "noscript", "form", "label",
    "select", "option", "input", "button", "template",
}  # fmt: skip


class Outline(HTMLParser):
    """Tags, attributes and identities as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def hostile_report():
    return build_html(hostile.analysis(), hostile.flips())


@pytest.fixture(params=["whole_report", "hostile_report"])
def report(request):
    return request.getfixturevalue(request.param)


def test_every_tag_is_closed_and_known(report):
    outline = Outline(report)
    assert {tag for tag, _ in outline.tags} <= ALLOWED
    assert outline.open == []


def test_nothing_in_the_file_can_act(report):
    for tag, attributes in Outline(report).tags:
        assert not [key for key in attributes if key.startswith("on")], tag
        for key in ("href", "src", "xlink:href", "action", "srcdoc"):
            target = attributes.get(key)
            assert target is None or target.startswith("#") or target == "data:,"


def test_the_policy_allows_the_pages_own_script_and_style_alone(report):
    metas = [attributes for tag, attributes in Outline(report).tags if tag == "meta"]
    policy = str(next(m["content"] for m in metas if "http-equiv" in m))
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules == {
        "default-src": "'none'",
        "style-src": sha256_of(report, "style"),
        "script-src": sha256_of(report, "script"),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def sha256_of(report, tag):
    (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", report, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def test_no_invisible_character_reaches_the_page(report):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u202a-\u202e\u2066-\u2069]", report)
    report.encode("utf-8")


def test_long_tables_stay_folded_in_print_and_the_others_open(whole_report):
    details = [a for tag, a in Outline(whole_report).tags if tag == "details"]
    assert 0 < sum(a.get("class") == "long" for a in details) < len(details) / 2
    assert "details:not(.long)::details-content" in whole_report


def test_every_figure_is_drawn_whatever_the_names(hostile_report, whole_report):
    def figures(html):
        return [a["id"] for tag, a in Outline(html).tags if tag == "figure"]

    assert figures(hostile_report) == figures(whole_report)
    assert len(figures(whole_report)) == 13


def test_templates_in_names_are_not_evaluated(hostile_report):
    assert "{{7*7}}" in hostile_report


def test_identities_are_unique_and_every_link_has_its_target(report):
    tags = Outline(report).tags
    identities = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    links = {str(a["href"])[1:].split(":")[0] for tag, a in tags if tag == "a"}
    assert links <= set(identities)


def test_every_drawing_has_a_text_alternative_and_scales(report):
    drawings = [attributes for tag, attributes in Outline(report).tags if tag == "svg"]
    assert len(drawings) >= 10
    assert all(a["role"] == "img" and len(a["aria-label"] or "") > 20 for a in drawings)
    assert all("viewbox" in a and "height" not in a and "style" not in a for a in drawings)


def test_every_table_has_a_caption_and_headers_with_scope(whole_report):
    tags = Outline(whole_report).tags
    tables = sum(tag == "table" for tag, _ in tags)
    assert tables == sum(tag == "caption" for tag, _ in tags)
    assert all(a.get("scope") in {"col", "row"} for tag, a in tags if tag == "th")


def test_the_page_has_landmarks_and_a_way_past_the_navigation(whole_report):
    tags = [tag for tag, _ in Outline(whole_report).tags]
    assert [tags.count(tag) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert 'href="#main"' in whole_report


def test_the_same_analysis_gives_the_same_bytes(whole_analysis, whole_report):
    assert build_html(whole_analysis) == whole_report


def test_the_report_is_written_with_its_card_and_figures(tmp_path, whole_analysis, whole_report):
    path = write_report(whole_analysis, tmp_path / "report")
    assert path == tmp_path / "report" / "index.html"
    assert path.read_bytes() == whole_report.encode()
    names = {one.name for one in path.parent.iterdir()}
    assert names == {"index.html", "card.md", "release-note.txt", "figures"}


def test_a_failed_write_leaves_the_old_report_and_nothing_beside(monkeypatch, tmp_path):
    monkeypatch.setattr(render, "page_html", lambda page, drawn: "new")
    old = tmp_path / "index.html"
    old.write_text("old")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(StorageError, match="No space left") as caught:
        write_report(hostile.analysis(), tmp_path)
    assert caught.value.hint
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_an_unknown_schema_writes_nothing(tmp_path):
    with pytest.raises(TableError, match="schema_version"):
        write_report({"schema_version": 99}, tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_every_figure_that_rests_on_items_leads_to_them(hostile_report, whole_report):
    figures = re.findall(r'<figure id="figure-([a-z]+)"(.*?)</figure>', hostile_report, re.DOTALL)
    without = {name for name, text in figures if 'href="#items:' not in text}
    assert without <= {"floors", "spread"}
    assert len(figures) == 13
    assert 'href="#items:' not in whole_report
