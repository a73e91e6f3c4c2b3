"""The command line in this process, with stand-ins for the work behind it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from silentzone.cli.main import run_command_line


class Shown(NamedTuple):
    """What one command line left behind."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def invoke(capsys):
    """Run a command line and give its exit code and both streams."""

    def run(*arguments: object) -> Shown:
        capsys.readouterr()
        code = run_command_line([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Shown(code, captured.out, captured.err)

    return run


@pytest.fixture
def stand_in(monkeypatch):
    """Put a module with the given functions where the real one would be imported from."""

    def put(name: str, **members: object) -> None:
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, child = name.rpartition(".")
        monkeypatch.setattr(sys.modules[parent], child, module, raising=False)

    return put


@dataclass
class Outcome:
    """Stand-in for what a study gives back."""

    folder: Path = Path("study")
    report: Path = Path("study/report/index.html")
    analysis: dict[str, Any] = field(default_factory=lambda: {"schema_version": 1})
    failures: tuple[str, ...] = ()


@dataclass
class TextTable:
    """Stand-in for a table of the text summary."""

    headers: tuple[str, ...] = ("candidate", "KLD")
    rows: tuple[tuple[str, ...], ...] = (("\\[red]Q8_0", "0.004"),)


@dataclass
class Summary:
    """Stand-in for the report's text summary."""

    title: str = "my study"
    sentences: tuple[str, ...] = ("KLD is silent near the baseline.",)
    relations: TextTable | None = field(
        default_factory=lambda: TextTable(headers=("zone", "n"), rows=(("full cohort", "16"),))
    )
    findings: tuple[str, ...] = ("Volume and direction: volume only.",)
    candidates: TextTable = field(default_factory=TextTable)
    lanes: tuple[TextTable, ...] = ()
    notes: tuple[str, ...] = ("few items :warning:",)


@pytest.fixture
def outcome():
    """What a study gives back."""
    return Outcome()


@pytest.fixture
def summary():
    """What the report says in text."""
    return Summary()


@pytest.fixture
def calls(stand_in, outcome, summary):
    """Record calls of the demo; its outcome can be set as ``calls.outcome``."""

    class Calls(list[dict[str, Any]]):
        outcome: Any

    recorded = Calls()
    recorded.outcome = outcome

    def run_demo(out, **options):
        recorded.append({"out": out, **options})
        if isinstance(recorded.outcome, BaseException):
            raise recorded.outcome
        return recorded.outcome

    import silentzone.report
    import silentzone.studies

    assert silentzone.report
    assert silentzone.studies
    stand_in("silentzone.studies.demo", run_demo=run_demo)
    stand_in("silentzone.report.terminal", summarize=lambda analysis: summary)
    return recorded
