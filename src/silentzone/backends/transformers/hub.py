"""Models by their name on a hub: from its cache on this disk, or fetched where that is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from silentzone.errors import AssetUnavailableError, MissingExtraError

HUB_NAME: Final = re.compile(
    r"hub:(?P<name>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(?P<revision>[\w./-]{1,100}))?"
)
"""``hub:organisation/model``, with ``@revision`` behind it where one is wanted."""
_WANTED: Final = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.py", "merges.txt")
"""What a model is read from; weights in other forms are not fetched at all."""


def located(name: str, *, fetch: bool) -> Path:
    """Folder of a model on this disk.

    Parameters
    ----------
    name : str
        That ``HUB_NAME`` matches.
    fetch : bool
        Whether the hub may be asked; otherwise only what was fetched before is found.

    Raises
    ------
    AssetUnavailableError
        If the model is not here and was not to be fetched, or could not be.
    MissingExtraError
        If the package for it is not installed.
    """
    match = HUB_NAME.fullmatch(name)
    assert match is not None, "checked when the study was read"
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(
            f"`{name}` needs `{error.name}`, which is not installed",
            hint='pip install "silentzone[transformers]"',
        ) from error
    try:
        folder = snapshot_download(
            match["name"],
            revision=match["revision"],
            local_files_only=not fetch,
            allow_patterns=list(_WANTED),
        )
    except Exception as error:  # the network, the hub and the disk all raise their own
        hint = (
            "see whether the hub is reachable from here, and whether the name is right"
            if fetch
            else "nothing is fetched unless `download = true` stands in [engine]; or give a folder"
        )
        raise AssetUnavailableError(f"`{name}` is not there: {error!s:.300}", hint=hint) from error
    return Path(folder)
