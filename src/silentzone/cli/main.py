"""The group of commands, and the one place where an exception becomes an exit code."""

from __future__ import annotations

import io
import shlex
import sys
import traceback
from typing import TYPE_CHECKING

import click

from silentzone import __version__
from silentzone.cli.analyze import analyze
from silentzone.cli.backends import backends
from silentzone.cli.benchmarks import benchmarks
from silentzone.cli.compare import compare
from silentzone.cli.completion import completion
from silentzone.cli.demo import demo
from silentzone.cli.export import export
from silentzone.cli.import_results import import_results
from silentzone.cli.init import init
from silentzone.cli.output import visible
from silentzone.cli.plan import plan
from silentzone.cli.report import report
from silentzone.cli.run import run
from silentzone.cli.session import (
    EXIT_BUG,
    EXIT_CHECK_NOT_MET,
    EXIT_INPUT,
    EXIT_STOPPED,
    Session,
    stopped,
)
from silentzone.errors import CheckNotMetError, SilentzoneError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "silentzone"


@click.group(
    name=PROGRAM,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "SILENTZONE",
        "show_default": True,
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback when something goes wrong.")
@click.pass_obj
def cli(session: Session, debug: bool) -> None:
    """Tell which quantized model can be deployed.

    Measures how far each candidate has moved from the reference, what that did to benchmarks item
    by item, and whether the first says anything about the second.

    Exit codes: 0 done, 1 the input or this machine is at fault, 2 usage, 3 a required check was
    not met, 70 a bug of ours, 130 stopped.
    """
    session.debug = debug


for _command in (
    demo, init, run, compare, import_results, analyze, report, export, plan, benchmarks, backends,
    completion,
):  # fmt: skip
    cli.add_command(_command)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; never raises what a user can cause.

    Parameters
    ----------
    arguments : sequence of str
        As typed after the program's name.

    Returns
    -------
    int
        0, 1, 2, 3, 70 or 130, as the help of the group says.
    """
    session = Session(command=shlex.join([PROGRAM, *arguments]))
    try:
        outcome = cli.main(
            args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=session
        )
    except CheckNotMetError as error:
        return _say(error, session, EXIT_CHECK_NOT_MET)
    except SilentzoneError as error:
        return _say(error, session, EXIT_INPUT)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        kept = "What was stored before is kept; the same command starts again:"
        click.echo(stopped(session, kept), err=True)
        return EXIT_STOPPED
    except Exception as error:
        return _say_bug(error, session)
    return outcome if isinstance(outcome, int) else 0


def entry_point() -> None:
    """Run the program: what the ``silentzone`` script calls."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without a sign for "times" must not turn a result into a bug of ours.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run_command_line(sys.argv[1:]))


def _say(error: SilentzoneError, session: Session, code: int) -> int:
    if session.debug:
        traceback.print_exception(error)
    click.echo(f"Error: {_visible_lines(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {_visible_lines(error.hint)}", err=True)
    return code


def _say_bug(error: Exception, session: Session) -> int:
    if session.debug:
        traceback.print_exception(error)
    what = _visible_lines(f"{type(error).__name__}: {error}")
    click.echo(f"Error: this is a bug of silentzone, not of your input ({what}).", err=True)
    if not session.debug:
        again = shlex.join([PROGRAM, "--debug", *shlex.split(session.command)[1:]])
        click.echo(f"hint: to see where, run: {_visible_lines(again)}", err=True)
    return EXIT_BUG


def _visible_lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())
