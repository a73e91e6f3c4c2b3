"""Tables for people, JSON for machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from silentzone.cli.output import write_json, write_line, write_table


def test_columns_line_up_whatever_the_names_hold(capsys):
    write_table(("candidate", "KLD"), [("模型 [red]", "0.1"), ("a\x1b[31m", "12.25")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "candidate      KLD",
        "模型 [red]     0.1",
        "a\\u001b[31m  12.25",
    ]


def test_a_table_without_rows_is_its_header(capsys):
    write_table(("candidate", "KLD"), [])
    assert capsys.readouterr().out == "candidate  KLD\n"


def test_a_line_break_in_a_text_does_not_break_the_line(capsys):
    write_line("first\nsecond")
    assert capsys.readouterr().out == "first second\n"


def test_json_holds_no_number_that_json_does_not_know(capsys):
    write_json({"a": [float("nan"), 1.5], "b": {"value": float("-inf"), "cautions": ("old",)}})
    written = json.loads(capsys.readouterr().out, parse_constant=lambda name: 1 / 0)
    assert written["a"] == [None, 1.5]
    assert written["b"]["value"] is None
    assert written["b"]["cautions"][0] == "old"
    assert len(written["b"]["cautions"]) == 2


def test_numpy_scalars_are_the_numbers_they_are(capsys):
    write_json(
        {"n": np.int64(3), "x": np.float64(0.5), "yes": np.bool_(True), "bad": np.float64("nan")}
    )
    assert json.loads(capsys.readouterr().out) == {"n": 3, "x": 0.5, "yes": True, "bad": None}


def test_a_stream_that_lacks_a_sign_still_gets_the_table():
    code = (
        "import sys; from silentzone.cli import backends, main; "
        "backends._PROBES = dict.fromkeys(backends._PROBES, 'raise SystemExit(1)'); "
        "sys.argv = ['silentzone', 'backends']; main.entry_point()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "\\u2013" in done.stdout
