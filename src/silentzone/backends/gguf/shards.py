"""All files of one model: a file alone, or the shards it was split into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from silentzone.backends.gguf.header import GgufHeader, read_header
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

_SHARD_NAME: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


def shard_paths(path: Path) -> tuple[Path, ...]:
    """All files of one model in order: ``path`` itself, or every shard beside the one named.

    Raises
    ------
    ModelFileError
        If the file name counts shards impossibly or one of them is missing.
    """
    match = _SHARD_NAME.fullmatch(path.name)
    if match is None:
        return (path,)
    number, count = int(match["number"]), int(match["count"])
    if not 1 <= number <= count:
        raise ModelFileError(f"`{path}` calls itself shard {number} of {count}")
    shards = tuple(
        path.with_name(f"{match['stem']}-{index:05d}-of-{count:05d}.gguf")
        for index in range(1, count + 1)
    )
    missing = [shard.name for shard in shards if not shard.exists()]
    if missing:
        raise ModelFileError(
            f"`{path}` is one of {count} shards; missing beside it: {', '.join(missing[:4])}"
            + (f" and {len(missing) - 4} more" if len(missing) > 4 else ""),
            hint="put all shards of a model into one folder",
        )
    return shards


def read_shards(path: Path) -> tuple[GgufHeader, ...]:
    """Headers of all shards in order, which belong together and hold tensors.

    Raises
    ------
    ModelFileError
        If a file is not usable, or the shards are not those of one model.
    """
    headers = tuple(read_header(shard) for shard in shard_paths(path))
    first = headers[0]
    split_count = first.integer("split.count") or 1
    if split_count != len(headers):
        raise ModelFileError(
            f"`{first.path}` says it has {split_count} shards, its name says {len(headers)}",
            hint="shards keep the names llama.cpp gave them: NAME-00001-of-0000N.gguf",
        )
    n_tensors = sum(len(header.tensors) for header in headers)
    promised = first.integer("split.tensors.count")
    names = {tensor.name for header in headers for tensor in header.tensors}
    if not n_tensors:
        raise ModelFileError(f"`{path}` holds no tensors", hint="a vocabulary alone is no model")
    if len(names) != n_tensors or (promised is not None and promised != n_tensors):
        raise ModelFileError(f"the shards of `{path}` do not belong together")
    return headers
