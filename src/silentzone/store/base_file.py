"""Base files of llama-perplexity: the reference's log-probabilities of one text, in 16 bits each.

Layout, little endian, without version or checksum: the mark ``_logits_``; int32 context length,
vocabulary and windows; int32 tokens (windows, context length); then for every scored position a row
of float32 scale, float32 smallest log-probability, and one uint16 code per vocabulary entry, padded
to an even number. ln p = scale * code + smallest. Scored are the positions of llama.cpp's protocol:
row r of a window predicts its token ``context_length // 2 + r + 1``.

llama.cpp keeps what lies up to 16 nats below the largest logit, ik_llama.cpp up to 24; code 0 then
means the floor or anything below it. A row whose range is smaller was not cut.

Shape letters: W windows, C tokens of a window, T scored positions of a window, V vocabulary
entries.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from silentzone.errors import ShapeError, TableError
from silentzone.metrics.clipped import ClippedReference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MARK: Final = b"_logits_"
CLIPS: Final = (16.0, 24.0)
"""Nats below the largest logit that llama.cpp and ik_llama.cpp keep."""
KEPT_ABOVE: Final = -16.0
"""Log-probability above which both sum the KLD."""
LARGEST_CODE: Final = 65_535

_HEAD_BYTES: Final = len(MARK) + 12
_SCALE_CODES: Final = 4
_NEAR: Final = 1e-3
"""Nats; the range of a row that was cut is the clip but for rounding of float32 logits."""
_LARGEST_SUM: Final = 1.002
"""Probabilities in steps of up to 3.7e-4 in their logarithm add up to at most about this."""
_LARGEST: Final = {"context_length": 2**24, "vocabulary_size": 2**24, "windows": 2**24}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseShape:
    """Sizes of a base file."""

    context_length: int
    vocabulary_size: int
    windows: int

    @property
    def first_scored(self) -> int:
        """First index of a window whose distribution is in the file."""
        return self.context_length // 2

    @property
    def positions(self) -> int:
        """Scored positions of one window."""
        return self.context_length - 1 - self.first_scored

    @property
    def row_codes(self) -> int:
        """Numbers of 16 bits that one position takes."""
        return 2 * ((self.vocabulary_size + 1) // 2) + _SCALE_CODES

    @property
    def rows_offset(self) -> int:
        """Bytes before the first row."""
        return _HEAD_BYTES + 4 * self.windows * self.context_length

    @property
    def total_bytes(self) -> int:
        """Bytes of the whole file."""
        return self.rows_offset + 2 * self.windows * self.positions * self.row_codes


class BaseFile:
    """A base file, opened; rows lie on disk until they are asked for, a window at a time.

    Parameters
    ----------
    path : Path

    Raises
    ------
    TableError
        If it is no base file, its header is impossible, or rows are missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = path.name
        try:
            with path.open("rb") as file:
                self.shape = self._read_shape(file)
            size = path.stat().st_size
            self._check_size(size)
            self._clip, self._deepest = self._find_clip()
            self.tokens: NDArray[np.int32] = np.memmap(
                path,
                "<i4",
                "r",
                _HEAD_BYTES,
                shape=(self.shape.windows, self.shape.context_length),
            )
            self._rows: NDArray[np.uint16] = np.memmap(
                path,
                "<u2",
                "r",
                self.shape.rows_offset,
                shape=(self.shape.windows, self.shape.positions, self.shape.row_codes),
            )
        except OSError as error:
            raise TableError(f"`{path.name}` cannot be read: {error.strerror or error}") from error
        outside = (self.tokens < 0) | (self.tokens >= self.shape.vocabulary_size)
        if outside.any():
            window = int(np.flatnonzero(outside.any(axis=1))[0])
            raise self._damaged(
                f"window {window} has a token outside the vocabulary of "
                f"{self.shape.vocabulary_size}"
            )

    @property
    def clip_nats(self) -> float | None:
        """Nats below the largest logit at which rows were cut; null where none reaches so deep."""
        return self._clip

    @property
    def deepest_nats(self) -> float:
        """Largest range of a row."""
        return self._deepest

    @property
    def tokens_sha256(self) -> str:
        """Over the int32 little-endian tokens of all windows."""
        return hashlib.sha256(np.ascontiguousarray(self.tokens).tobytes()).hexdigest()

    def observed(self, window: int) -> NDArray[np.int32]:
        """Tokens that the rows of a window predict, shape (T,)."""
        return np.ascontiguousarray(
            self.tokens[window, self.shape.first_scored + 1 :], dtype=np.int32
        )

    def reference(self, window: int, part: slice = slice(None)) -> ClippedReference:
        """Distributions of scored positions of a window.

        Raises
        ------
        TableError
            If a row cannot be what a program wrote: not finite, or no probabilities.
        """
        rows = np.ascontiguousarray(self._rows[window, part])
        scale, floor = _scales(rows)
        codes = rows[:, _SCALE_CODES : _SCALE_CODES + self.shape.vocabulary_size]
        log_probs = scale[:, None] * codes.astype(np.float32) + floor[:, None]
        self._check_rows(window, part, log_probs)
        reach = scale.astype(np.float64) * LARGEST_CODE
        is_cut = np.zeros(len(rows), np.bool_) if self._clip is None else reach > self._clip - _NEAR
        half = 0.5 * scale.astype(np.float64)
        return ClippedReference(
            log_probs_TV=log_probs,
            is_cut_TV=(codes == 0) & is_cut[:, None],
            log_cap=floor.astype(np.float64) + half,
            resolution=half,
        )

    def _read_shape(self, file: BinaryIO) -> BaseShape:
        head = file.read(_HEAD_BYTES)
        if not head.startswith(MARK):
            raise TableError(
                f"`{self._name}` is no base file of llama-perplexity: it does not begin with "
                f"`{MARK.decode()}`",
                hint="llama-perplexity writes one with --kl-divergence-base FILE and without "
                "--kl-divergence",
            )
        if len(head) < _HEAD_BYTES:
            raise self._damaged("it ends inside its header")
        context, vocabulary, windows = np.frombuffer(head, "<i4", 3, len(MARK)).tolist()
        shape = BaseShape(context_length=context, vocabulary_size=vocabulary, windows=windows)
        for name, most in _LARGEST.items():
            least = {"context_length": 3, "vocabulary_size": 5}.get(name, 1)
            value = getattr(shape, name)
            if not least <= value <= most:
                raise self._damaged(f"its header states {value} as {name.replace('_', ' ')}")
        return shape

    def _check_size(self, size: int) -> None:
        shape = self.shape
        if size < shape.rows_offset:
            raise self._damaged(
                f"it ends inside its tokens: {size} bytes, the header promises "
                f"{shape.windows} windows of {shape.context_length}"
            )
        expected = shape.windows * shape.positions
        found, rest = divmod(size - shape.rows_offset, 2 * shape.row_codes)
        if found < expected:
            raise TableError(
                f"`{self._name}` is cut: it has {found} of {expected} rows "
                f"({found // shape.positions} of {shape.windows} windows); the header is written "
                "first and states what was planned",
                hint="write the file again; a run that was stopped cannot be continued",
            )
        if found > expected or rest:
            raise self._damaged(
                f"it has {size} bytes, a file of {shape.windows} windows of "
                f"{shape.context_length} tokens and a vocabulary of {shape.vocabulary_size} has "
                f"{shape.total_bytes}"
            )

    def _find_clip(self) -> tuple[float | None, float]:
        """Depth of the rows, from their scales alone: eight bytes of each row are read."""
        deepest = 0.0
        for window, scales in enumerate(self._all_scales()):
            scale, floor = _scales(scales)
            reach = scale.astype(np.float64) * LARGEST_CODE
            top = floor + reach
            bad = ~np.isfinite(top) | (reach < 0.0) | (reach > CLIPS[-1] + _NEAR) | (top > _NEAR)
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise self._damaged(
                    f"row {row} of window {window} reaches from {floor[row]:.6g} over "
                    f"{reach[row]:.6g} nats, which no log-probabilities do"
                )
            deepest = max(deepest, float(reach.max()))
        clip = next((clip for clip in CLIPS if abs(deepest - clip) <= _NEAR), None)
        if clip is None and deepest > CLIPS[0]:
            clip = CLIPS[-1]  # deeper than 16 nats is kept by a writer with the larger clip alone
        return clip, deepest

    def _all_scales(self) -> Iterator[NDArray[np.uint16]]:
        """First codes of the rows, window by window.

        Not through the mapped rows: the system would read around every one of them, and that is
        the whole of a file of many gigabytes.
        """
        shape, size = self.shape, 2 * _SCALE_CODES
        with self.path.open("rb", buffering=0) as file:
            for window in range(shape.windows):
                first = shape.rows_offset + 2 * window * shape.positions * shape.row_codes
                parts = []
                for row in range(shape.positions):
                    file.seek(first + 2 * row * shape.row_codes)
                    parts.append(file.read(size))
                yield np.frombuffer(b"".join(parts), "<u2").reshape(-1, _SCALE_CODES)

    def _check_rows(self, window: int, part: slice, log_probs: NDArray[np.float32]) -> None:
        sums = np.exp(log_probs).sum(axis=1, dtype=np.float64)
        bad = (sums > _LARGEST_SUM + self.shape.vocabulary_size * np.exp(log_probs.min(axis=1))) | (
            sums < 1.0 / _LARGEST_SUM
        )
        if bad.any():
            row = int(np.flatnonzero(bad)[0]) + (part.start or 0)
            raise self._damaged(
                f"the probabilities in row {row} of window {window} add up to {sums[bad][0]:.6g}"
            )

    def _damaged(self, what: str) -> TableError:
        return TableError(f"`{self._name}` is damaged: {what}", hint="write the file again")


def _scales(rows: NDArray[np.uint16]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale and smallest log-probability of rows, shape (T,) each."""
    numbers = np.ascontiguousarray(rows[:, :_SCALE_CODES]).view("<f4")
    return numbers[:, 0].astype(np.float32), numbers[:, 1].astype(np.float32)


def encode_rows(logits_TV: NDArray[np.float32], clip_nats: float = CLIPS[0]) -> NDArray[np.uint16]:
    """Rows of a base file from logits, as llama-perplexity codes them.

    Parameters
    ----------
    logits_TV : ndarray of shape (T, V), float32
        Unnormalised; ``-inf`` allowed for impossible tokens.
    clip_nats : float
        What lies deeper below the largest logit gets the code 0.

    Returns
    -------
    ndarray of shape (T, row codes), uint16

    Raises
    ------
    ShapeError
        If a row has no finite largest logit, or holds NaN.
    """
    rows, vocabulary = logits_TV.shape
    largest = logits_TV.max(axis=1)
    if not np.isfinite(largest).all():
        raise ShapeError("logits of a base file must be finite; a row has NaN, or no largest.")
    smallest = np.maximum(logits_TV.min(axis=1), largest - np.float32(clip_nats))
    total = np.log(np.exp(logits_TV - largest[:, None]).sum(axis=1, dtype=np.float64))
    scale = (largest - smallest) / np.float32(LARGEST_CODE)
    shape = BaseShape(context_length=3, vocabulary_size=vocabulary, windows=1)
    coded = np.zeros((rows, shape.row_codes), "<u2")
    heads = np.stack([scale, (smallest - largest) - total.astype(np.float32)], axis=1)
    coded[:, :_SCALE_CODES] = np.ascontiguousarray(heads, dtype="<f4").view("<u2")
    safe = np.where(scale > 0.0, scale, np.float32(1.0))
    above = np.maximum(logits_TV - smallest[:, None], np.float32(0.0))
    codes = np.rint(above * (np.float32(1.0) / safe)[:, None])
    codes = np.where(scale[:, None] > 0.0, codes, np.float32(0.0))
    coded[:, _SCALE_CODES : _SCALE_CODES + vocabulary] = np.minimum(codes, LARGEST_CODE)
    return coded


class BaseFileWriter:
    """Writes a base file a stretch of rows at a time.

    Parameters
    ----------
    file : binary file
        Empty, open for writing.
    tokens : ndarray of shape (W, C), int32
        As the text has them: whoever decodes them puts BOS in the place of the first.
    vocabulary_size : int
    clip_nats : float
    """

    def __init__(
        self,
        file: BinaryIO,
        tokens: NDArray[np.int32],
        vocabulary_size: int,
        clip_nats: float = CLIPS[0],
    ) -> None:
        windows, context_length = tokens.shape
        self.shape = BaseShape(
            context_length=context_length, vocabulary_size=vocabulary_size, windows=windows
        )
        self._file, self._clip, self._rows = file, clip_nats, 0
        head = np.array([context_length, vocabulary_size, windows], "<i4")
        file.write(MARK + head.tobytes() + np.ascontiguousarray(tokens, "<i4").tobytes())

    def append(self, logits_TV: NDArray[np.float32]) -> None:
        """Add the rows of the next positions, shape (T, V)."""
        if logits_TV.shape[1] != self.shape.vocabulary_size:
            raise ShapeError(
                f"the logits have {logits_TV.shape[1]} entries, the file "
                f"{self.shape.vocabulary_size}."
            )
        self._file.write(encode_rows(logits_TV, self._clip).tobytes())
        self._rows += len(logits_TV)

    def finish(self) -> None:
        """Make sure that no row is missing.

        Raises
        ------
        ShapeError
            If one is.
        """
        expected = self.shape.windows * self.shape.positions
        if self._rows != expected:
            raise ShapeError(f"a base file must have {expected} rows, {self._rows} were written.")
