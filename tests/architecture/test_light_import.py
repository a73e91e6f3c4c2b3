"""Asking for help must not wait for compilers, table libraries or engines to load."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = (
    "altair",
    "gguf",
    "jinja2",
    "llama_cpp",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "torch",
    "transformers",
    "vl_convert",
)


def _loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["silentzone", "silentzone.cli.main"])
def test_importing_loads_nothing_heavy(module):
    assert _loaded_by(f"import {module}").isdisjoint(_HEAVY)


def test_the_check_sees_what_is_loaded():
    assert "numpy" in _loaded_by("import numpy")
