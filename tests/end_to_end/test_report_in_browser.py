"""The report in a real browser: nothing in it acts, nothing overflows."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from tests.unit.report import hostile

from silentzone.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=4000",
)  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM == "", reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(hostile.analysis(), tmp_path_factory.mktemp("study") / "report")


def browse(page, profile, *flags):
    """Open a page in a fresh profile; its DOM and what the console said."""
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_hostile_names_run_nothing_and_raise_no_console_error(report, tmp_path):
    dom, console = browse(report, tmp_path)
    assert console == []
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None
    assert title[1].endswith("silentzone report")
    assert "<script" not in dom
    assert "<img" not in dom
    assert "onerror=" not in re.sub(r">[^<]*<|\"[^\"]*\"", "", dom)


def test_the_check_itself_sees_what_acts(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<title>a</title><script>document.title='owned';console.error('x')</script>")
    dom, console = browse(page, tmp_path / "profile")
    assert "<title>owned</title>" in dom
    assert console


@pytest.mark.parametrize("width", [360, 900, 1400])
def test_the_page_never_scrolls_sideways(report, tmp_path, width):
    # A frame, because a headless window cannot be as narrow as a telephone. The policy of the
    # framed page stands; the measuring script belongs to the page around it.
    outer = tmp_path / "frame.html"
    outer.write_text(
        f"<iframe src='{report.as_uri()}' style='border:0;width:{width}px;height:900px'></iframe>"
        "<p id=wide></p><script>onload=()=>{const d=document.querySelector('iframe')"
        ".contentDocument.documentElement;document.getElementById('wide').textContent="
        "'width '+d.scrollWidth+' of '+d.clientWidth}</script>"
    )
    dom, _ = browse(
        outer, tmp_path / "profile", "--allow-file-access-from-files", "--window-size=1500,1000"
    )
    assert f"width {width} of {width}" in dom
