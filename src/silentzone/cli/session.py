"""What one start of the command line knows about itself."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_INPUT = 1
EXIT_CHECK_NOT_MET = 3
EXIT_BUG = 70
EXIT_STOPPED = 130


@dataclass(slots=True, kw_only=True)
class Session:
    """State shared by the group and its commands."""

    command: str
    """The command as it was typed, quoted for a shell; recorded in the manifest."""
    debug: bool = False
    """Whether a traceback is wanted."""


def stopped(session: Session, kept: str) -> str:
    """Say that the user stopped the work, what is left of it, and the command to go on with."""
    return f"Stopped. {kept}\n  {session.command}"


class StoppedError(click.ClickException):
    """The user stopped the work; the message says how to go on."""

    exit_code = EXIT_STOPPED

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature
        """Say it on stderr, without click's ``Error:`` before it."""
        click.echo(self.format_message(), err=True)


@contextlib.contextmanager
def resumable(session: Session) -> Iterator[None]:
    """Turn a Ctrl-C inside into a `StoppedError` that names the command to go on with."""
    try:
        yield
    except KeyboardInterrupt:
        kept = "Finished parts are kept; the same command goes on from there:"
        raise StoppedError(stopped(session, kept)) from None
