"""Export on the command line: what goes to stdout, what to a file, what is refused."""

from __future__ import annotations

import json

import pytest
from tests.unit.report import synthetic

from silentzone.cli.main import cli
from silentzone.exporters.registry import FORMATS
from silentzone.store.json_files import write_json
from silentzone.store.names import ANALYSIS


@pytest.fixture
def folder(tmp_path):
    study = tmp_path / "study"
    study.mkdir()
    write_json(study / ANALYSIS, synthetic.analysis())
    return study


def test_a_text_goes_to_stdout_and_notes_to_stderr(invoke, folder):
    shown = invoke("export", "llama-cpp-table", folder)
    assert shown.code == 0
    assert shown.stdout.startswith("| Quantization | imatrix |")
    assert shown.stderr.startswith("note: this is corpus")
    assert not invoke("export", "llama-cpp-table", folder, "--quiet").stderr


def test_a_terminal_is_not_steered_by_a_name_and_a_pipe_gets_it(
    invoke, folder, capsys, monkeypatch
):
    analysis = synthetic.analysis()
    analysis["candidates"][0]["name"] = "Q8\x1b[31m\x9b\u202e"
    write_json(folder / ANALYSIS, analysis)
    assert "\x1b[31m\x9b" in invoke("export", "cohort-table", folder).stdout
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    shown = invoke("export", "cohort-table", folder).stdout
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert shown.count("\n") == 1 + 1 + len(analysis["candidates"])


def test_out_takes_the_text_and_is_not_replaced_unasked(invoke, folder, tmp_path):
    out = tmp_path / "table.md"
    shown = invoke("export", "llama-cpp-table", folder, "--out", out)
    assert (shown.code, shown.stdout) == (0, "")
    assert out.read_text().startswith("| Quantization")
    again = invoke("export", "llama-cpp-table", folder, "--out", out)
    assert again.code == 1
    assert "--force" in again.stderr
    assert invoke("export", "llama-cpp-table", folder, "--out", out, "--force").code == 0


def test_an_unknown_format_names_the_closest(invoke, folder):
    shown = invoke("export", "llama-cpp-tabel", folder)
    assert shown.code == 1
    assert "did you mean `llama-cpp-table`?" in shown.stderr


def test_an_option_the_format_does_not_read_is_refused(invoke, folder):
    shown = invoke("export", "llama-cpp-table", folder, "--benchmark", "piqa")
    assert shown.code == 2
    assert "--benchmark says nothing to llama-cpp-table" in shown.stderr


def test_a_folder_without_answers_says_how_to_make_them(invoke, tmp_path):
    shown = invoke("export", "llama-cpp-table", tmp_path)
    assert shown.code == 1
    assert "silentzone analyze" in shown.stderr


def test_the_help_names_every_format():
    words = str(cli.commands["export"].help).split()
    assert [name for name in FORMATS if name not in words] == []


def test_json_is_one_object_with_the_text_or_what_was_written(invoke, folder, tmp_path):
    text = invoke("export", "llama-cpp-table", folder, "--quiet").stdout
    shown = json.loads(invoke("export", "llama-cpp-table", folder, "--json").stdout)
    assert (shown["format"], shown["text"]) == ("llama-cpp-table", text)
    assert shown["notes"][0].startswith("this is corpus")
    out = tmp_path / "table.md"
    shown = json.loads(invoke("export", "llama-cpp-table", folder, "--out", out, "--json").stdout)
    assert shown["written"] == str(out)
    assert out.read_text() == text
    assert invoke("export", "tables", folder, "--json").code == 2
