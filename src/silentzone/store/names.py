"""Names of a study's files: those that are always the same, and those people type."""

from __future__ import annotations

import hashlib
import re

ANALYSIS = "analysis.json"
FLIPS = "flips.json"

MAXIMUM_LENGTH = 60
_HASH_LENGTH = 8
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,59}")
_LOOKS_HASHED = re.compile(r".*-[0-9a-f]{8}")
_RESERVED = re.compile(r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Device names of one common system, which no file may carry there."""


def slug(name: str) -> str:
    """File name of a model, corpus or benchmark.

    Parameters
    ----------
    name : str
        Any text, the empty one included.

    Returns
    -------
    str
        At most 60 of ``[A-Za-z0-9._-]``, never starting with a dot or a hyphen. The name itself
        where it can stand as it is; otherwise what is left of it, a hyphen and 8 hex digits of
        its SHA-256.

    Notes
    -----
    A name that already ends like a hashed one is hashed again, so no plain name can take the file
    of another. Names that differ in case alone keep different slugs; they are refused where a
    study is read, because they would share a file on some systems.

    Examples
    --------
    >>> slug("Q4_K_M")
    'Q4_K_M'
    >>> slug("../my model")
    'my-model-62c10fb7'
    """
    is_plain = (
        _PLAIN.fullmatch(name) is not None
        and not name.endswith(".")
        and _LOOKS_HASHED.fullmatch(name) is None
        and _RESERVED.fullmatch(name) is None
    )
    if is_plain:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    kept = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")
    kept = kept[: MAXIMUM_LENGTH - _HASH_LENGTH - 1].rstrip(".-") or "name"
    return f"{kept}-{digest}"
