"""docs/reference-*.md say what the docstrings say, and leave no public name out."""

from __future__ import annotations

import pkgutil
import runpy
import subprocess
import sys
from pathlib import Path

import silentzone.metrics
import silentzone.stats
from silentzone.analysis.fidelity import METRICS

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "write_reference.py"


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_pages_are_what_the_docstrings_say():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_every_module_of_metrics_and_statistics_has_its_place():
    script = runpy.run_path(str(SCRIPT))
    for package, named in (
        (silentzone.metrics, script["METRIC_MODULES"]),
        (silentzone.stats, script["STATISTIC_MODULES"]),
    ):
        found = {module.name for module in pkgutil.iter_modules(package.__path__)}
        assert set(named) == found, package.__name__


def test_every_fidelity_metric_is_in_the_table():
    page = _page("reference-metrics.md")
    for key, metric in METRICS.items():
        assert f"| `{key}` | {metric.words} |" in page, key


def test_no_restructured_text_is_left():
    for name in ("reference-metrics.md", "reference-statistics.md"):
        page = _page(name)
        assert "``" not in page
        assert ":math:" not in page
        assert ":func:" not in page
