"""The report in a real browser: what it does, what it must not do, and who can use it."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from tests.end_to_end.browser import CHROMIUM, browse, use
from tests.unit.report import hostile, synthetic

from silentzone.report import write_report
from silentzone.studies.cache import cache_root

AXE = cache_root() / "axe-core-4.14.1" / "axe.min.js"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM == "", reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "report"
    return write_report(hostile.analysis(), folder, hostile.flips())


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ordinary") / "report"
    return write_report(synthetic.analysis(), folder, flips())


def flips(changes=45):
    """Changes of two candidates on two benchmarks; every third item is answered in writing."""
    questions, found = [], []
    for k in range(changes):
        is_written = k % 3 == 0
        answer = {
            "score": 1.0,
            "prediction": "seven" if is_written else "0",
            "log_likelihoods": None if is_written else [-1.0, -2.0],
            "text": f"So it is seven, {k}." if is_written else None,
        }
        questions.append(
            {
                "benchmark": k % 2, "item": f"q{k}", "cluster": None, "prompt": f"Question {k}?",
                "choices": None if is_written else ["yes", "no"],
                "gold": "seven" if is_written else "0",
                "rule": "contains" if is_written else "choice",
                "reference": answer, "harmed": 1, "gained": 0, "candidates": 2,
            }
        )  # fmt: skip
        own = {
            **answer,
            "score": 0.0,
            "prediction": "eight" if is_written else "1",
            "log_likelihoods": None if is_written else [-2.5, -1.5],
            "text": f"So it is eight, {k}." if is_written else None,
        }
        found.append(
            {
                "question": k, "model": k % 2, "kind": "harm" if k % 5 else "gain", **own,
                "divergence": 0.125, "shared_tokens": 3 if is_written else None,
            }
        )  # fmt: skip
    names = [model["name"] for model in synthetic.analysis()["candidates"][:2]]
    return {
        "schema_version": 1,
        "reference": "F16",
        "models": names,
        "benchmarks": [{"name": "piqa", "items": 90}, {"name": "sums", "items": 90}],
        "questions": questions,
        "changes": found,
        "left_out": [],
    }


# -- what it must not do ----------------------------------------------------------------------

OPEN_ALL = """
page.querySelectorAll("details").forEach((one) => { one.open = true; });
await wait(100);
"""


def test_hostile_content_runs_nothing_and_is_shown_as_text(report, tmp_path):
    found = use(
        report,
        tmp_path,
        OPEN_ALL + "return {images: page.images.length, scripts: page.scripts.length,"
        " links: [...page.links].map((a) => a.protocol),"
        " text: page.getElementById('changes').textContent};",
    )
    assert (found["images"], found["scripts"]) == (0, 1)
    assert set(found["links"]) <= {"file:", "data:"}
    for attack in hostile.ATTACKS[:8]:
        assert attack.split("\x1b")[0][:12] in found["text"]


def test_the_page_alone_raises_no_console_error(report, tmp_path):
    dom, console = browse(report, tmp_path)
    assert console == []
    assert "onerror=" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", dom)


def test_a_script_of_somebody_else_is_stopped_by_the_policy(report, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        report.read_text("utf-8").replace("</body>", "<script>document.title='owned'</script>")
    )
    dom, console = browse(page, tmp_path / "profile")
    assert "<title>owned</title>" not in dom
    assert any("Content Security Policy" in line for line in console)


def test_the_check_itself_sees_what_acts(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<title>a</title><script>document.title='owned';console.error('x')</script>")
    dom, console = browse(page, tmp_path / "profile")
    assert "<title>owned</title>" in dom
    assert console


def test_nothing_is_asked_of_the_network(report, tmp_path):
    names = use(
        report,
        tmp_path,
        OPEN_ALL + "return frame.performance.getEntriesByType('resource').map((e) => e.name);",
    )
    assert [name for name in names if not name.startswith("data:")] == []


@pytest.mark.parametrize("width", [360, 900, 1400])
@pytest.mark.parametrize("which", ["report", "ordinary"])
def test_the_page_never_scrolls_sideways(request, which, tmp_path, width):
    wide = use(
        request.getfixturevalue(which),
        tmp_path,
        OPEN_ALL + "return page.documentElement.scrollWidth;",
        size=(width, 900),
    )
    assert wide == width


# -- what it does -----------------------------------------------------------------------------

SHOWN = """
const shown = () => [page.getElementById("found").textContent,
  page.querySelectorAll(".change").length];
const choose = (name, value) => {
  const field = page.getElementById("filters").elements[name];
  field.value = value;
  field.dispatchEvent(new frame.Event("input", {bubbles: true}));
};
const press = (text) => [...page.querySelectorAll("#pager button")]
  .find((one) => one.textContent === text).click();
"""


def test_changed_answers_are_filtered_and_turned_over(ordinary, tmp_path):
    found = use(
        ordinary,
        tmp_path,
        SHOWN
        + """
const seen = [shown()];
press("Next"); press("Next"); seen.push(shown());
choose("kind", "1"); seen.push(shown());
choose("benchmark", "1"); seen.push(shown());
choose("text", "QUESTION 15?"); seen.push(shown());
choose("text", "no such text"); seen.push(shown());
return seen;""",
    )
    assert found == [
        ["45 changed answers, 1 to 20 shown", 20],
        ["45 changed answers, 41 to 45 shown", 5],
        ["9 changed answers, 1 to 9 shown", 9],
        ["4 changed answers, 1 to 4 shown", 4],
        ["1 changed answers, 1 to 1 shown", 1],
        ["0 changed answers", 0],
    ]


def test_a_link_leads_to_the_items_behind_it(ordinary, tmp_path):
    found = use(
        ordinary,
        tmp_path,
        SHOWN
        + """
const asked = shown();
page.querySelector("#net-grid td a").click(); await wait(50);
return [asked, shown()];""",
        place="#items:benchmark=sums&kind=harm",
    )
    assert found[0] == ["18 changed answers, 1 to 18 shown", 18]
    assert found[1] != found[0]


def test_an_item_shows_what_was_asked_and_where_two_answers_part(ordinary, tmp_path):
    found = use(
        ordinary,
        tmp_path,
        """
const [written, choice] = page.querySelectorAll(".change");
written.open = true; choice.open = true; await wait(50);
return {prompt: written.querySelector("pre").textContent,
  marks: [...written.querySelectorAll("mark")].map((one) => one.textContent),
  cells: [...choice.querySelectorAll("tbody tr")].map((row) => row.innerText.split("\\t")),
  facts: written.querySelector(".item-facts").innerText};""",
    )
    assert found["prompt"] == "Question 0?"
    assert found["marks"] == ["seven,", "eight,"]
    assert found["cells"][0] == ["yes", "right, reference’s", "−1.00", "−2.50", "−1.50"]
    assert "0.125 nats" in found["facts"]


def test_tables_sort_by_number_with_missing_ones_last(ordinary, tmp_path):
    found = use(
        ordinary,
        tmp_path,
        """
const table = page.getElementById("candidates");
const header = [...table.tHead.rows[0].cells].find((one) => /GB|size/.test(one.textContent));
const column = header.cellIndex;
const values = () => [...table.tBodies[0].rows].map((row) => row.cells[column].innerText.trim());
header.querySelector("button").click();
const up = values();
header.querySelector("button").click();
return {up, down: values(), sort: header.getAttribute("aria-sort")};""",
    )
    numbers = [float(text.split()[0]) for text in found["up"] if text[0].isdigit()]
    assert numbers == sorted(numbers)
    assert len(numbers) >= 3
    assert found["sort"] == "descending"
    assert [text for text in found["down"] if text[0].isdigit()] == [
        text for text in reversed(found["up"]) if text[0].isdigit()
    ]


SAVED = """
const saved = [];
frame.HTMLAnchorElement.prototype.click = function () { saved.push([this.download, this.href]); };
"""


def test_a_table_is_saved_as_csv_that_no_spreadsheet_runs(report, tmp_path):
    found = use(
        report,
        tmp_path,
        SAVED
        + """
const table = page.getElementById("candidates");
table.tBodies[0].rows[0].cells[0].querySelector("bdi").textContent = "=HYPERLINK(1)";
table.closest(".scroll").nextElementSibling.querySelectorAll("button")[1].click();
return saved;""",
    )
    ((name, address),) = found
    assert name == "candidates.csv"
    text = base64.b64decode(address.split(",")[1]).decode("utf-8")
    lines = text.split("\r\n")
    assert lines[1].startswith(("'=HYPERLINK(1)", "\"'=HYPERLINK(1)"))
    assert not [line for line in lines if re.match(r'"?[=+@]', line)]


def test_a_drawing_is_saved_as_svg_and_png(ordinary, tmp_path):
    found = use(
        ordinary,
        tmp_path,
        SAVED
        + """
const [svg, png] = page.querySelector(".panel .tools").querySelectorAll("button");
svg.click(); png.click();
for (let turn = 0; turn < 100 && saved.length < 2; turn += 1) await wait(20);
return saved;""",
    )
    (svg_name, svg), (png_name, png) = found
    assert svg_name.endswith("-1.svg")
    drawing = base64.b64decode(svg.split(",")[1]).decode("utf-8")
    assert drawing.startswith("<svg")
    assert "var(--" not in drawing
    assert png_name.endswith("-1.png")
    assert base64.b64decode(png.split(",")[1])[:8] == b"\x89PNG\r\n\x1a\n"


# -- who can use it ---------------------------------------------------------------------------


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here; scripts/axe_core.sh fetches it")
@pytest.mark.parametrize(
    ("which", "width", "is_dark"),
    [("report", 1280, False), ("ordinary", 360, False), ("ordinary", 1280, True)],
)
def test_axe_finds_no_serious_violation(request, which, width, is_dark, tmp_path):
    page = tmp_path / "checked.html"
    # A copy without the policy, which would keep the checker out as well.
    text = request.getfixturevalue(which).read_text("utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page.write_text(text.replace("</body>", f"<script>{AXE.read_text('utf-8')}</script></body>"))
    found = use(
        Path(page),
        tmp_path,
        """
const first = page.querySelector(".change");
if (first) { first.open = true; await wait(50); }
const result = await frame.axe.run(page, {resultTypes: ["violations"]});
const serious = result.violations.filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)]);
return [frame.matchMedia("(prefers-color-scheme: dark)").matches, serious];""",
        size=(width, 900),
        is_dark=is_dark,
    )
    assert found == [is_dark, []]
