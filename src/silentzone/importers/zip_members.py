"""Zip files whose members are packed with zstd, which Python before 3.14 does not unpack."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from silentzone.errors import TableError
from silentzone.importers.problems import shown

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

MOST_MEMBER_BYTES: Final = 256 * 2**20
"""Unpacked. One member is in memory at a time."""
_MOST_DIRECTORY_BYTES: Final = 256 * 2**20
_STORED, _DEFLATED, _ZSTD = 0, 8, 93
_ENCRYPTED = 1
_LONGEST_COMMENT = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_MANY = 0xFFFF

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file inside a zip file, as the directory at its end states it."""

    name: str
    method: int
    flags: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int


def read_directory(path: Path, file: BinaryIO) -> dict[str, Member]:
    """Members of a zip file by name; of two with one name the later, which is the current one.

    Raises
    ------
    TableError
        If the directory is missing or damaged, as in a file that was cut off.
    """
    start, size, count = _find_directory(path, file)
    if size > _MOST_DIRECTORY_BYTES:
        raise _damaged(path, f"its directory claims {size:,} bytes")
    content = _read_at(path, file, start, size)
    members: dict[str, Member] = {}
    place = found = 0
    while place < len(content):
        member, place = _entry(path, content, place)
        _local_head(path, file, member)
        members[member.name] = member
        found += 1
    if found != count:
        raise _damaged(path, f"its directory has {found:,} entries and claims {count:,}")
    return members


def read_member(path: Path, file: BinaryIO, member: Member) -> bytes:
    """Unpacked content of a member, no longer than it says and with the checksum it says.

    Raises
    ------
    TableError
        If it is too large, packed or encrypted in another way, or damaged.
    """
    where = f"`{path.name}` member {shown(member.name)}"
    if member.flags & _ENCRYPTED:
        raise TableError(f"{where} is encrypted", hint="save the file without a password")
    if max(member.size_bytes, member.packed_bytes) > MOST_MEMBER_BYTES:
        raise TableError(f"{where} is over {MOST_MEMBER_BYTES // 2**20} MiB, which is not read")
    begin = _local_head(path, file, member)
    packed = _read_at(path, file, begin, member.packed_bytes)
    try:
        content = _unpacked(packed, member)
    except (OSError, ValueError, zlib.error, pa.ArrowException) as error:
        raise _damaged(path, f"member {shown(member.name)} does not unpack: {error}") from error
    if len(content) != member.size_bytes or zlib.crc32(content) != member.crc:
        raise _damaged(
            path, f"member {shown(member.name)} has another length or checksum than stated"
        )
    return content


def _unpacked(packed: bytes, member: Member) -> bytes:
    most = member.size_bytes + 1
    if member.method == _STORED:
        return packed
    if member.method == _DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
    if member.method == _ZSTD:
        # A stream, not Codec.decompress: that one would believe the length and fill it.
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            return bytes(stream.read(most))
    raise ValueError(f"it is packed with method {member.method}")


def _local_head(path: Path, file: BinaryIO, member: Member) -> int:
    """Where the content of a member begins; its name stands before it a second time."""
    head = _read_at(path, file, member.offset, _LOCAL.size)
    fields = _LOCAL.unpack(head)
    n_name, n_extra = int(fields[-2]), int(fields[-1])
    name = _read_at(path, file, member.offset + _LOCAL.size, n_name)
    if fields[0] != b"PK\x03\x04" or name.decode("utf-8", "replace") != member.name:
        raise _damaged(path, f"member {shown(member.name)} is not where the directory says")
    return member.offset + _LOCAL.size + n_name + n_extra


def _find_directory(path: Path, file: BinaryIO) -> tuple[int, int, int]:
    """Where the directory starts, how long it is and how many entries it has."""
    file.seek(0, 2)
    length = file.tell()
    tail_start = max(0, length - _END.size - _LONGEST_COMMENT)
    tail = _read_at(path, file, tail_start, length - tail_start)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END.size:
        raise _damaged(path, "the directory at its end is missing")
    *_, count, size, start, _comment = _END.unpack_from(tail, place)
    if _IN_ZIP64 in (size, start) or count == _MANY:
        locator = place - _END64_LOCATOR.size
        if locator < 0 or tail[locator : locator + 4] != b"PK\x06\x07":
            raise _damaged(path, "the directory at its end is missing")
        _, _, end64, _ = _END64_LOCATOR.unpack_from(tail, locator)
        record = _END64.unpack(_read_at(path, file, end64, _END64.size))
        if record[0] != b"PK\x06\x06":
            raise _damaged(path, "the directory at its end is missing")
        count, size, start = record[-3:]
    return start, size, count


def _entry(path: Path, content: bytes, place: int) -> tuple[Member, int]:
    if len(content) - place < _ENTRY.size or content[place : place + 4] != b"PK\x01\x02":
        raise _damaged(path, "its directory is cut off")
    fields = _ENTRY.unpack_from(content, place)
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    n_name, n_extra, n_comment, offset = fields[10], fields[11], fields[12], fields[16]
    name_end = place + _ENTRY.size + n_name
    end = name_end + n_extra + n_comment
    if end > len(content):
        raise _damaged(path, "its directory is cut off")
    name = content[place + _ENTRY.size : name_end].decode("utf-8", "replace")
    extra = content[name_end : name_end + n_extra]
    size, packed, offset = _wide(path, extra, (size, packed, offset))
    member = Member(
        name=name,
        method=method,
        flags=flags,
        crc=crc,
        packed_bytes=packed,
        size_bytes=size,
        offset=offset,
    )
    return member, end


def _wide(path: Path, extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Take the values that do not fit 32 bits from the extra field, where they stand in order."""
    if _IN_ZIP64 not in values:
        return values
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            body = extra[place + 4 : place + 4 + length]
            wide = iter(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
            found = [next(wide, _IN_ZIP64) if one == _IN_ZIP64 else one for one in values]
            return found[0], found[1], found[2]
        place += 4 + length
    raise _damaged(path, "its directory is cut off")


def _read_at(path: Path, file: BinaryIO, offset: int, n_bytes: int) -> bytes:
    try:
        file.seek(offset)
        content = file.read(n_bytes)
    except (OSError, ValueError, OverflowError) as error:
        raise _damaged(path, str(error)) from error
    if len(content) < n_bytes:
        raise _damaged(path, f"{n_bytes:,} bytes are missing at {offset:,}")
    return content


def _damaged(path: Path, what: str) -> TableError:
    return TableError(f"`{path.name}` is a damaged zip file: {what}", hint="copy the file again")
