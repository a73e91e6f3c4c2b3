"""Write docs/cli.md from the commands' own ``--help``; with ``--check`` only compare."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from silentzone.cli.main import PROGRAM, cli

TARGET = Path(__file__).parent.parent / "docs" / "cli.md"
_WIDTH = 100
_INTRODUCTION = """\
# Command line

Written by `make docs` from the commands' own `--help`; do not edit by hand.

Data goes to stdout, everything else to stderr. Every option can also be given by an environment
variable: `SILENTZONE_`, the command, the option, in capitals with underscores, for example
`SILENTZONE_DEMO_QUICK=1`. Colour is never the only carrier of a meaning, and `NO_COLOR` is
respected. Away from a terminal there are no bars and no escape codes: each finished step is one
line. `--quiet` leaves results and errors only; `--json` puts one JSON object on stdout.

| exit code | when |
|---|---|
| 0 | Done. A model that could not be measured is named on stderr and does not change the code. |
| 1 | The input or this machine is at fault: the message says what is wrong, where, what to do. |
| 2 | Wrong usage: an unknown command or option, an impossible value, a file that is not there. |
| 3 | A check that was demanded is not met. |
| 70 | A bug of ours; `silentzone --debug ...` shows where. |
| 130 | Stopped by Ctrl-C; stderr ends with what is kept and the command to go on with. |

**Completion.** `eval "$(silentzone completion bash)"` in `~/.bashrc`; zsh and fish are below.
Commands, options, study folders and built-in benchmarks are completed.
"""


def render() -> str:
    """Return the whole page."""
    sections = [_INTRODUCTION, _section(cli, PROGRAM, None)]
    root = click.Context(cli, info_name=PROGRAM, **cli.context_settings)
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        if command is not None:
            sections.append(_section(command, name, root))
    return "\n".join(sections)


def _section(command: click.Command, name: str, parent: click.Context | None) -> str:
    settings = {**command.context_settings, "max_content_width": _WIDTH, "terminal_width": _WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    title = context.command_path
    return f"## `{title}`\n\n```text\n{command.get_help(context)}\n```\n"


def main() -> None:
    """Write the page, or fail if it is not the one that would be written."""
    page = render()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(page, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != page:
        sys.exit(f"{TARGET.name} is stale; write it again with: make docs")


if __name__ == "__main__":
    main()
