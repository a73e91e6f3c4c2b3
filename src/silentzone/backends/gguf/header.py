"""The header of a GGUF file, read without trusting a byte of it.

Every count, length and offset is checked against the bytes that are really there before anything
is allocated for it. What llama.cpp refuses to load (nested arrays, names twice, tensors that
overlap) is refused here as well, with a sentence instead of an aborted process.
"""

from __future__ import annotations

import math
import re
import stat
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from silentzone.backends.gguf.tensor_types import TENSOR_TYPES
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from silentzone.backends.gguf.tensor_types import TensorType

MAX_METADATA_BYTES: Final = 512 * 2**20
MAX_KEYS: Final = 2**16
MAX_TENSORS: Final = 2**17
MAX_ARRAY_LENGTH: Final = 2**24
MAX_KEY_BYTES: Final = 2**16
MAX_DIMENSIONS: Final = 4
MAX_ELEMENTS: Final = 2**62
_CHUNK_BYTES: Final = 4 * 2**20

_SCALARS: Final = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
_STRING: Final = 8
_ARRAY: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataArray:
    """An array of the metadata, kept as the bytes of the file: most are never looked into."""

    value_type: int
    length: int
    raw: bytes

    @property
    def is_text(self) -> bool:
        """Whether the entries are strings, each behind its length as a 64-bit number."""
        return self.value_type == _STRING

    def numbers(self) -> tuple[int | float, ...]:
        """Entries of an array of numbers or flags; empty for an array of strings."""
        if self.is_text:
            return ()
        return tuple(entry[0] for entry in struct.iter_unpack(_SCALARS[self.value_type], self.raw))

    def texts(self) -> Iterator[bytes]:
        """Entries of an array of strings; none for an array of numbers."""
        start = 0
        for _ in range(self.length if self.is_text else 0):
            (size,) = struct.unpack_from("<Q", self.raw, start)
            start += 8 + size
            yield self.raw[start - size : start]


Value = int | float | bool | bytes | MetadataArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorEntry:
    """Where one tensor stands. ``shape`` in the file's order: elements of a row come first."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    file_offset: int
    """First byte, counted from the start of the file."""
    n_elements: int
    n_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """What one GGUF file says of itself, checked against its size."""

    path: Path
    file_bytes: int
    metadata: dict[str, Value]
    tensors: tuple[TensorEntry, ...]

    def text(self, key: str) -> str | None:
        """Give a string of the metadata; None where the key is absent or holds something else."""
        value = self.metadata.get(key)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else None

    def integer(self, key: str) -> int | None:
        """Give an integer of the metadata; None where the key is absent or holds something else."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def number(self, key: str) -> float | None:
        """Give a number of the metadata; None where the key is absent or holds something else.

        Raises
        ------
        ModelFileError
            If it is infinite or not a number.
        """
        value = self.metadata.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        if not math.isfinite(value):
            raise ModelFileError(f"`{self.path}`: {key!r} is not a finite number")
        return float(value)

    def tensor(self, name: str) -> TensorEntry | None:
        """Give the tensor of this name, if the file holds it."""
        return next((tensor for tensor in self.tensors if tensor.name == name), None)


def read_header(path: Path) -> GgufHeader:
    """Metadata and tensor list of one GGUF file (one shard, if it is sharded).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    GgufHeader
        Every tensor lies inside the file and overlaps no other.

    Raises
    ------
    ModelFileError
        If the file is missing, a folder, empty, unreadable, not GGUF, big-endian, of an unknown
        version, truncated, or says something that no loader could follow.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
            raise ModelFileError(f"`{path}` is {kind}, not a GGUF file")
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            return _Reader(path, file, size).header()
    except FileNotFoundError:
        raise ModelFileError(f"`{path}` does not exist", hint="check the path") from None
    except (OSError, ValueError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"`{path}` cannot be read: {error}") from error


def architecture_of(header: GgufHeader) -> str:
    """Name that begins the keys of a model's metadata.

    Raises
    ------
    ModelFileError
        If there is none.
    """
    architecture = header.text("general.architecture")
    if architecture is None or not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", architecture):
        raise ModelFileError(f"`{header.path}` does not name its architecture")
    return architecture


class _Reader:
    """Takes values off the front of the file, never past its end."""

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self._path = path
        self._file = file
        self._size = size
        self._buffer = bytearray()
        self._at = 0

    def header(self) -> GgufHeader:
        n_tensors, n_keys = self._opening()
        metadata: dict[str, Value] = {}
        for _ in range(n_keys):
            key = self._text(MAX_KEY_BYTES, "a metadata key")
            if key in metadata:
                raise self._damaged(f"it has the metadata key {key[:64]!r} twice")
            metadata[key] = self._value(key)
        entries = [self._tensor() for _ in range(n_tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            raise self._damaged("its `general.alignment` is not a power of two")
        start = -(-self._at // alignment) * alignment
        tensors = tuple(
            TensorEntry(
                name=name, shape=shape, type=kind, file_offset=start + offset,
                n_elements=n_elements, n_bytes=n_elements // kind.block_size * kind.block_bytes,
            )
            for name, shape, kind, offset, n_elements in entries
        )  # fmt: skip
        self._check_layout(tensors)
        return GgufHeader(
            path=self._path, file_bytes=self._size, metadata=metadata, tensors=tensors
        )

    def _opening(self) -> tuple[int, int]:
        if not self._size:
            raise ModelFileError(f"`{self._path}` is empty", hint="fetch the file again")
        magic = self._take(min(4, self._size))
        if magic != b"GGUF":
            raise ModelFileError(
                f"`{self._path}` is not a GGUF file: it starts with {magic!r}, not b'GGUF'",
                hint="convert the model with llama.cpp's convert_hf_to_gguf.py first",
            )
        version: int = self._scalar("<I")
        if version and not version & 0xFFFF:
            raise ModelFileError(
                f"`{self._path}` is a big-endian GGUF file",
                hint="convert it with gguf-convert-endian from the `gguf` package",
            )
        if version not in {2, 3}:
            raise ModelFileError(f"`{self._path}` has GGUF version {version}; 2 and 3 are known")
        n_tensors: int = self._scalar("<Q")
        n_keys: int = self._scalar("<Q")
        for count, limit, what in (
            (n_tensors, MAX_TENSORS, "tensors"),
            (n_keys, MAX_KEYS, "metadata keys"),
        ):
            if count > limit:
                raise self._damaged(f"it claims {count} {what}")
        return n_tensors, n_keys

    def _value(self, key: str) -> Value:
        value_type: int = self._scalar("<I")
        if value_type == _STRING:
            return self._string(MAX_METADATA_BYTES, f"the value of {key[:64]!r}")
        if value_type == _ARRAY:
            return self._array(key)
        if value_type not in _SCALARS:
            raise self._damaged(f"{key[:64]!r} has the unknown value type {value_type}")
        value: Value = self._scalar(_SCALARS[value_type])
        return value

    def _array(self, key: str) -> MetadataArray:
        value_type: int = self._scalar("<I")
        length: int = self._scalar("<Q")
        if value_type != _STRING and value_type not in _SCALARS:
            raise self._damaged(f"{key[:64]!r} is an array of the unusable type {value_type}")
        if length > MAX_ARRAY_LENGTH:
            raise self._damaged(f"{key[:64]!r} claims {length} entries")
        if value_type != _STRING:
            raw = self._take(length * struct.calcsize(_SCALARS[value_type]))
            return MetadataArray(value_type=value_type, length=length, raw=raw)
        start = self._at
        for _ in range(length):
            n_bytes: int = self._scalar("<Q")
            self._need(n_bytes)
            self._at += n_bytes
        raw = bytes(self._buffer[start : self._at])
        return MetadataArray(value_type=value_type, length=length, raw=raw)

    def _tensor(self) -> tuple[str, tuple[int, ...], TensorType, int, int]:
        name = self._text(MAX_KEY_BYTES, "a tensor name")
        n_dimensions: int = self._scalar("<I")
        if n_dimensions > MAX_DIMENSIONS:
            raise self._damaged(f"tensor {name[:64]!r} claims {n_dimensions} dimensions")
        shape = tuple(self._scalar("<Q") for _ in range(n_dimensions)) or (1,)
        type_number: int = self._scalar("<I")
        offset: int = self._scalar("<Q")
        kind = TENSOR_TYPES.get(type_number)
        if kind is None:
            raise ModelFileError(
                f"`{self._path}`: tensor {name[:64]!r} has the unknown storage type {type_number}",
                hint="the file is damaged, or newer than this version of silentzone",
            )
        n_elements = 1
        for extent in shape:
            n_elements *= extent
            if not 0 < n_elements < MAX_ELEMENTS:
                raise self._damaged(f"tensor {name[:64]!r} claims the shape {shape}")
        if shape[0] % kind.block_size:
            raise self._damaged(
                f"tensor {name[:64]!r} has rows of {shape[0]}, no multiple of {kind.name}'s "
                f"block of {kind.block_size}"
            )
        return name, shape, kind, offset, n_elements

    def _check_layout(self, tensors: tuple[TensorEntry, ...]) -> None:
        names: set[str] = set()
        end = 0
        for tensor in sorted(tensors, key=lambda tensor: tensor.file_offset):
            if tensor.name in names:
                raise self._damaged(f"it has the tensor {tensor.name[:64]!r} twice")
            names.add(tensor.name)
            if tensor.file_offset < end:
                raise self._damaged(f"tensor {tensor.name[:64]!r} overlaps the one before it")
            end = tensor.file_offset + tensor.n_bytes
        if end > self._size:
            raise ModelFileError(
                f"`{self._path}` is cut off: it holds {self._size} bytes, its header promises "
                f"{end}",
                hint="fetch the file again: a download or copy stopped early",
            )

    def _text(self, limit: int, what: str) -> str:
        return self._string(limit, what).decode("utf-8", "replace")

    def _string(self, limit: int, what: str) -> bytes:
        n_bytes: int = self._scalar("<Q")
        if n_bytes > limit:
            raise self._damaged(f"{what} claims {n_bytes} bytes")
        return self._take(n_bytes)

    def _scalar(self, form: str) -> int:
        n_bytes = struct.calcsize(form)
        self._need(n_bytes)
        value: int = struct.unpack_from(form, self._buffer, self._at)[0]
        self._at += n_bytes
        return value

    def _take(self, n_bytes: int) -> bytes:
        self._need(n_bytes)
        taken = bytes(self._buffer[self._at : self._at + n_bytes])
        self._at += n_bytes
        return taken

    def _need(self, n_bytes: int) -> None:
        end = self._at + n_bytes
        if end <= len(self._buffer):
            return
        if end > self._size:
            raise ModelFileError(
                f"`{self._path}` is cut off or damaged inside its header: it holds {self._size} "
                f"bytes, the header needs {end} or more",
                hint="fetch the file again: a download or copy stopped early",
            )
        if end > MAX_METADATA_BYTES:
            raise self._damaged(f"its metadata claim more than {MAX_METADATA_BYTES} bytes")
        self._buffer += self._file.read(max(end - len(self._buffer), _CHUNK_BYTES))
        if end > len(self._buffer):
            raise ModelFileError(f"`{self._path}` became shorter while it was read")

    def _damaged(self, what: str) -> ModelFileError:
        return ModelFileError(
            f"`{self._path}` is damaged or not usable: {what}", hint="fetch the file again"
        )
