"""Progress of long work on stderr."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from silentzone.cli import progress as module
from silentzone.cli.progress import BarProgress, LineProgress, open_progress


def _work(listener):
    listener.begin("a", "measuring [red]Q4_K[/red]\x1b[2J", 4, "windows")
    listener.advance("a", 2)
    listener.note("a note [b]")
    listener.end("a", "done")
    listener.begin("b", "measuring Q8_0", None, "windows")
    listener.end("b", "kept")
    listener.begin("c", "measuring Q2_K", 4, "windows")
    listener.end("c", "failed")


def test_away_from_a_terminal_each_finished_step_is_one_plain_line(capsys):
    with open_progress(quiet=False) as listener:
        assert isinstance(listener, LineProgress)
        _work(listener)
    captured = capsys.readouterr()
    note, first, second, third = captured.err.splitlines()
    assert note == "a note [b]"
    assert first.startswith("measuring [red]Q4_K[/red]\\u001b[2J: done, 0.")
    assert second == "measuring Q8_0: was there already"
    assert third.startswith("measuring Q2_K: FAILED")
    assert captured.out == ""


def test_quiet_says_nothing(capsys):
    with open_progress(quiet=True) as listener:
        _work(listener)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def _drawn(monkeypatch, work):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with Progress(console=console, auto_refresh=False) as bars:
        work(BarProgress(bars))
        bars.refresh()
    return stream.getvalue()


def test_on_a_terminal_names_are_neither_markup_nor_control_sequences(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = _drawn(monkeypatch, _work)
    assert "measuring [red]Q4_K[/red]\\u001b[2J: done" in text
    assert "a note [b]" in text
    assert "\x1b[31m" not in text


def test_a_bar_counts_in_units_of_the_step(monkeypatch):
    with module._bars() as bars:
        listener = BarProgress(bars)
        listener.begin("a", "fetching", 92_871_040, "B")
        listener.advance("a", 46_000_000)
        (task,) = bars.tasks
        assert task.completed == pytest.approx(46.0)
        assert task.total == pytest.approx(92.87104)
        assert task.fields["amount"] == "of 93 MB"
        listener.end("a", "done")
        assert not bars.tasks


def test_a_share_is_shown_in_percent():
    with module._bars() as bars:
        listener = BarProgress(bars)
        listener.begin("a", "analysing", 1.0, "share")
        listener.advance("a", 0.25)
        (task,) = bars.tasks
        assert task.completed == pytest.approx(25.0)
        assert task.fields["amount"] == "of 100 %"


def test_a_step_of_unknown_length_shows_for_how_long_it_has_been():
    with module._bars() as bars:
        BarProgress(bars).begin("a", "writing", None, "")
        stream = io.StringIO()
        Console(file=stream, width=120).print(bars.get_renderable())
    assert " 0.0 s" in stream.getvalue()


def test_a_title_in_a_running_bar_is_not_read_as_markup():
    stream = io.StringIO()
    with module._bars() as bars:
        BarProgress(bars).begin("a", "Q4 [bold]x[/nonsense]", None, "windows")
        console = Console(file=stream, width=120)
        console.print(bars.get_renderable())
    assert "Q4 [bold]x[/nonsense]" in stream.getvalue()


def test_steps_that_were_never_begun_do_no_harm(capsys):
    bars_free = LineProgress()
    bars_free.advance("x", 1)
    bars_free.end("x", "done")
    assert capsys.readouterr().err.startswith("x: done")
    with module._bars() as bars:
        listener = BarProgress(bars)
        listener.advance("x", 1)
        listener.end("x", "done")
