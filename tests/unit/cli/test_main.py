"""Exit codes and what is said with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from silentzone.errors import CheckNotMetError, ModelFileError, StorageError


def test_success_is_zero(invoke, calls):
    assert invoke("demo").code == 0


@pytest.mark.parametrize("kind", [ModelFileError, StorageError])
def test_a_deliberate_error_is_one_and_its_hint_stands_on_a_line_of_its_own(invoke, calls, kind):
    calls.outcome = kind("`x.gguf` is cut short.", hint="fetch it again")
    shown = invoke("demo")
    assert shown.code == 1
    assert shown.stderr == "Error: `x.gguf` is cut short.\nhint: fetch it again\n"
    assert shown.stdout == ""


def test_a_check_that_is_not_met_is_three(invoke, calls):
    calls.outcome = CheckNotMetError("Q4_0 is not shown equivalent.")
    assert invoke("demo").code == 3


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["demo", "--nosuch"], ["run"], ["compare", "a.gguf"]]
)
def test_wrong_usage_is_two_and_goes_to_stderr(invoke, arguments):
    shown = invoke(*arguments)
    assert shown.code == 2
    assert shown.stdout == ""
    assert "Usage:" in shown.stderr


def test_an_unexpected_exception_is_seventy_and_says_how_to_see_the_traceback(invoke, calls):
    calls.outcome = KeyError("lost")
    shown = invoke("demo", "--out", "my study")
    assert shown.code == 70
    assert "KeyError: 'lost'" in shown.stderr
    assert "silentzone --debug demo --out 'my study'" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_debug_shows_the_traceback(invoke, calls):
    calls.outcome = KeyError("lost")
    shown = invoke("--debug", "demo")
    assert shown.code == 70
    assert "Traceback" in shown.stderr


def test_stopping_a_study_says_how_to_go_on(invoke, calls):
    calls.outcome = KeyboardInterrupt()
    shown = invoke("demo", "--quick", "--out", "my study")
    assert shown.code == 130
    assert "silentzone demo --quick --out 'my study'" in shown.stderr


def test_a_message_cannot_move_the_cursor(invoke, calls):
    calls.outcome = ModelFileError("`\x1b[2Jx.gguf` is damaged.", hint="look at \x1b]0;x\x07")
    assert "\x1b" not in invoke("demo").stderr


def test_the_version_is_said(invoke):
    shown = invoke("--version")
    assert shown.code == 0
    assert shown.stdout.startswith("silentzone 0.")


def test_help_names_every_exit_code(invoke):
    shown = invoke("--help")
    assert shown.code == 0
    for code in ("0 done", "1 the input", "2 usage", "3 a required", "70 a bug", "130 stopped"):
        assert code in " ".join(shown.stdout.split())


def test_an_option_can_come_from_the_environment(invoke, calls, monkeypatch):
    monkeypatch.setenv("SILENTZONE_DEMO_QUICK", "1")
    invoke("demo")
    assert calls[0]["quick"] is True


def test_an_error_can_be_said_where_the_report_cannot_be_loaded(invoke, calls, monkeypatch):
    monkeypatch.setitem(sys.modules, "silentzone.report", None)
    calls.outcome = ModelFileError("`x.gguf` is cut short.")
    assert invoke("demo").code == 1


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "silentzone", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("silentzone")
