"""A page in a real browser, and somebody who uses it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=9000",
)  # fmt: skip

_OUTER = """<!DOCTYPE html><title>outer</title>
<iframe src="{address}" style="border:0;width:{width}px;height:{height}px"></iframe>
<pre id="out"></pre>
<script>
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
onload = async () => {{
  const frame = document.querySelector("iframe").contentWindow;
  const page = frame.document;
  page.documentElement.style.scrollBehavior = "auto";
  const errors = [];
  frame.addEventListener("error", (event) => errors.push(event.message));
  frame.addEventListener("securitypolicyviolation",
    (event) => errors.push("policy " + event.violatedDirective));
  let found;
  try {{
    for (let turn = 0; turn < 100 && page.querySelector("#changes:not([data-ready])"); turn += 1)
      await wait(20);
    found = await (async () => {{ {script} }})();
  }} catch (error) {{ found = "failed: " + error; }}
  const out = JSON.stringify({{ found, errors, title: page.title }});
  document.getElementById("out").textContent = out;
}};
</script>"""


def browse(page: Path, profile: Path, *flags: str) -> tuple[str, list[str]]:
    """Open a page in a fresh profile; its DOM and what the console said."""
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def use(
    report: Path,
    folder: Path,
    script: str,
    *,
    place: str = "",
    size: tuple[int, int] = (1280, 900),
    is_dark: bool = False,
) -> Any:
    """Use a report as a reader would, by a script in the page around it.

    A frame, because the report's own policy lets nobody else's script in, and because a headless
    window cannot be as narrow as a telephone.

    Parameters
    ----------
    report : Path
    folder : Path
        For the page around it and the browser's profile.
    script : str
        Body of an asynchronous function; ``page`` is the report's document, ``frame`` its window.
    place : str
        What stands behind the address, from ``#`` on.
    size : tuple of int
        Width and height of the frame in pixels.
    is_dark : bool
        Whether the reader prefers dark colours.

    Returns
    -------
    Whatever the script returns. It fails if an error or a violation of the policy was met.
    """
    outer = folder / "outer.html"
    width, height = size
    outer.write_text(
        _OUTER.format(address=report.as_uri() + place, width=width, height=height, script=script)
    )
    flags = ["--allow-file-access-from-files", "--window-size=1500,1000"]
    if is_dark:
        flags.append("--blink-settings=preferredColorScheme=0")
    dom, console = browse(outer, folder / "profile", *flags)
    match = re.search(r'<pre id="out">(.+?)</pre>', dom, re.DOTALL)
    assert match is not None, f"the page around the report did not finish: {console}"
    out = json.loads(html.unescape(match[1]))
    assert out["errors"] == []
    assert console == []
    assert out["title"].endswith("silentzone report")
    return out["found"]
