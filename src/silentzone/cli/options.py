"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

quiet_option = click.option("--quiet", is_flag=True, help="No progress on stderr.")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout instead of text."
)
study_argument = click.argument(
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
