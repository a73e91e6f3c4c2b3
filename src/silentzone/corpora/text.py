"""Text as it stands on disk, with the places where its documents begin."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from silentzone.errors import CorpusError

DOCUMENT_RULES = ("none", "files", "headings")

_JOIN = "\n\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Sub-headings ` = = Sub = = ` carry a second sign right inside; table rows such as
# ` = National record ` have no closing sign.
_ARTICLE_HEADING = re.compile(r"^ = (?!= )[^\r\n]*[^\s=][^\r\n]* =[ ]?\r?$", re.MULTILINE)
_SUB_HEADING_END = re.compile(r" = =[ ]?\r?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A whole corpus before tokenization."""

    text: str
    document_starts: tuple[int, ...]
    """Character offsets in increasing order, the first 0; empty where no documents are known."""
    sha256: str
    """Hex digest over the UTF-8 bytes of ``text``."""

    @property
    def document_byte_starts(self) -> tuple[int, ...]:
        """The document starts as offsets into the UTF-8 bytes."""
        offsets = []
        byte_offset = 0
        previous = 0
        for start in self.document_starts:
            byte_offset += len(self.text[previous:start].encode())
            offsets.append(byte_offset)
            previous = start
        return tuple(offsets)


def load_text(path: str | Path, documents: str = "none") -> Text:
    r"""Text of a file or a folder, byte for byte, with its documents.

    Parameters
    ----------
    path : str or Path
        A UTF-8 text file; for ``files`` a folder of ``*.txt`` files.
    documents : {"none", "files", "headings"}
        ``none`` knows no documents. ``files`` takes the folder's ``*.txt`` files in the order of
        their names, joined by two newlines, each a document. ``headings`` starts a document at
        every WikiText article heading (`` = Title = ``; sub-headings do not count). Text before
        the first heading is a document of its own unless it is only white space.

    Returns
    -------
    Text
        Newlines are kept as they are, ``\r\n`` included: translating them would change the
        tokens, and with them every number.

    Raises
    ------
    CorpusError
        If the path is not of the kind the rule needs, cannot be read, is empty, is not UTF-8
        (the message has the byte offset), starts with a byte order mark, or has no heading.

    References
    ----------
    .. [1] Merity et al., Pointer Sentinel Mixture Models, arXiv 1609.07843, section 4.
    """
    place = Path(path)
    if documents not in DOCUMENT_RULES:
        raise CorpusError(
            f"`documents` must be one of {', '.join(DOCUMENT_RULES)}; it is `{documents}`"
        )
    if documents == "files":
        return _from_folder(place)
    if place.is_dir():
        raise CorpusError(
            f'`{place}` is a folder; `documents = "{documents}"` needs a file',
            hint='set `documents = "files"` to take every *.txt in it as a document',
        )
    text = _read(place)
    return _finished(text, _heading_starts(text, place) if documents == "headings" else ())


def _from_folder(folder: Path) -> Text:
    if not folder.is_dir():
        raise CorpusError(
            f'`{folder}` is not a folder; `documents = "files"` needs one',
            hint='use `documents = "none"` for a single file',
        )
    files = sorted(
        (entry for entry in folder.iterdir() if entry.suffix == ".txt" and entry.is_file()),
        key=lambda entry: entry.name,
    )
    if not files:
        raise CorpusError(f"`{folder}` holds no *.txt file")
    parts = [_read(file) for file in files]
    starts = []
    offset = 0
    for part in parts:
        starts.append(offset)
        offset += len(part) + len(_JOIN)
    return _finished(_JOIN.join(parts), tuple(starts))


def _finished(text: str, starts: tuple[int, ...]) -> Text:
    return Text(text=text, document_starts=starts, sha256=hashlib.sha256(text.encode()).hexdigest())


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CorpusError(f"`{file}` cannot be read: {error.strerror}") from error
    if not content:
        raise CorpusError(f"`{file}` is empty")
    if content.startswith(_BYTE_ORDER_MARK):
        raise CorpusError(
            f"`{file}` starts with a byte order mark, which a model would read as a token",
            hint="save the file as UTF-8 without a byte order mark",
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"`{file}` is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}",
            hint="convert the file to UTF-8 first",
        ) from error


def _heading_starts(text: str, file: Path) -> tuple[int, ...]:
    starts = [
        heading.start()
        for heading in _ARTICLE_HEADING.finditer(text)
        if not _SUB_HEADING_END.search(heading.group())
    ]
    if not starts:
        raise CorpusError(
            f"`{file}` has no article heading (a line ` = Title = `)",
            hint='use `documents = "none"`, or a folder with `documents = "files"`',
        )
    if text[: starts[0]].strip():
        return (0, *starts)
    return (0, *starts[1:])
