"""Who measures what, where several processes share one study folder.

A claim is a file that only one process can have made: it is written whole under a name of its own
and then linked to the name that all want, which one link alone can get. A claim that was given up
or lost is followed by the next generation of the same name, made in the same way; no claim is
removed while its gathering lasts. So no two processes can hold one thing, whoever looks when.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from silentzone.errors import StorageError, TableError
from silentzone.store import atomic
from silentzone.store.json_files import read_json, write_json
from silentzone.store.names import slug

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HELD, DONE, FAILED, RELEASED = "held", "done", "failed", "released"
_FINAL = {DONE, FAILED}
_NAME = re.compile(r"(.+)\.(\d{1,6})\.json")
_SECOND_LOOK_SECONDS = 0.2
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True, slots=True)
class Claim:
    """The newest claim on one thing."""

    what: str
    generation: int
    member: str
    state: str
    """``held``, ``done``, ``failed`` (nobody tries again) or ``released`` (anybody may take it)."""
    facts: Mapping[str, Any] = field(default_factory=dict)


def create_exclusively(path: Path, content: object) -> bool:
    """Make a JSON file, whole and only if there is none; false if there is one.

    Raises
    ------
    StorageError
        If the disk refuses, or the file system has no hard links.
    """
    text = json.dumps(content, indent=1, allow_nan=False).encode("ascii") + b"\n"
    with atomic.partial_file(path) as (file, partial):
        file.write(text)
    try:
        os.link(partial, path)
    except FileExistsError:
        # Over NFS the answer to a link that was made can be lost, and the request sent again.
        return partial.stat().st_nlink == 2
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise StorageError(
                f"`{path.parent}` lies on a file system without hard links ({error.strerror}), "
                "so processes cannot share a study there.",
                hint="run without --join, or give a folder on another file system",
            ) from error
        raise atomic.storage_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return True


def read_shared(path: Path) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Content of a JSON file that another machine may replace while it is read here."""
    try:
        return read_json(path)
    except TableError:
        # A client of NFS can hold on to the file that was replaced; the second look finds the new.
        time.sleep(_SECOND_LOOK_SECONDS)
        return read_json(path)


class ClaimBoard:
    """All claims of one gathering, seen by one of its members.

    Parameters
    ----------
    folder : Path
        Where the claims lie; made if it is not there.
    member : str
        In whose name claims are taken.
    """

    def __init__(self, folder: Path, member: str) -> None:
        self._folder = folder
        self._member = member
        self._final: dict[str, Claim] = {}
        """Claims that will not change any more, by file name."""

    def take(self, what: str) -> bool:
        """Claim one thing; false if it is claimed, done, or failed."""
        current = self._newest(what)
        if current is not None and current.state != RELEASED:
            return False
        return self._create(what, 0 if current is None else current.generation + 1, HELD)

    def settle(self, what: str, state: str, facts: Mapping[str, object] | None = None) -> None:
        """Say what became of a thing that this member holds; nothing if it was lost meanwhile."""
        current = self._newest(what)
        if current is not None and current.member == self._member and current.state == HELD:
            path = self._path(what, current.generation)
            write_json(path, self._content(what, state, facts or {}))

    def find(self, what: str) -> Claim | None:
        """Newest claim on one thing."""
        return self._newest(what)

    def claims(self) -> dict[str, Claim]:
        """Newest claim on everything that was ever claimed."""
        newest: dict[str, int] = {}
        try:
            names = [entry.name for entry in os.scandir(self._folder)]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise atomic.storage_error(error, self._folder) from error
        for name in names:
            if (match := _NAME.fullmatch(name)) is not None:
                newest[match[1]] = max(newest.get(match[1], 0), int(match[2]))
        found = (self._read(f"{stem}.{number}.json", number) for stem, number in newest.items())
        return {claim.what: claim for claim in found if claim is not None}

    def release_all(self, member: str) -> list[str]:
        """Free what a member holds; done for one that is lost, or by itself when it leaves."""
        freed = []
        for claim in self.claims().values():
            if claim.member != member or claim.state != HELD:
                continue
            if member == self._member:
                self.settle(claim.what, RELEASED)
                freed.append(claim.what)
            elif self._create(claim.what, claim.generation + 1, RELEASED):
                freed.append(claim.what)
        return freed

    def _newest(self, what: str) -> Claim | None:
        found, number = None, 0
        while (claim := self._read(self._path(what, number).name, number)) is not None:
            found, number = claim, number + 1
        return found

    def _create(self, what: str, generation: int, state: str) -> bool:
        return create_exclusively(self._path(what, generation), self._content(what, state, {}))

    def _content(self, what: str, state: str, facts: Mapping[str, object]) -> dict[str, object]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return {"what": what, "member": self._member, "state": state, "at": now, "facts": facts}

    def _path(self, what: str, generation: int) -> Path:
        return self._folder / f"{slug(what)}.{generation}.json"

    def _read(self, name: str, generation: int) -> Claim | None:
        if name in self._final:
            return self._final[name]
        path = self._folder / name
        if not path.exists():
            return None
        content = read_shared(path)
        try:
            claim = Claim(
                str(content["what"]),
                generation,
                str(content["member"]),
                str(content["state"]),
                dict(content["facts"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise TableError(
                f"`{path}` must be a claim of a shared study, it is not.",
                hint="end all processes of the study, then remove the folder it lies in",
            ) from error
        if claim.state in _FINAL:
            self._final[name] = claim
        return claim
