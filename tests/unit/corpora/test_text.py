from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from silentzone.corpora.text import Text, load_text
from silentzone.errors import CorpusError

if TYPE_CHECKING:
    from pathlib import Path

WIKITEXT = (
    " \n = First article = \n \n Opening words . \n \n = = Part = = \n \n More words . \n"
    " \n = = = Deeper = = = \n \n = Second = \n \n Other words . \n = Qualified \n"
)


def write(folder: Path, name: str, content: bytes) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_newlines_are_kept_byte_for_byte(tmp_path):
    content = b"one\r\ntwo\n\n\rthree "
    text = load_text(write(tmp_path, "a.txt", content))
    assert text.text.encode() == content
    assert text.sha256 == hashlib.sha256(content).hexdigest()
    assert text.document_starts == ()


def test_files_of_a_folder_are_documents_in_the_order_of_their_names(tmp_path):
    write(tmp_path, "b.txt", "zwölf".encode())
    write(tmp_path, "a.txt", b"first\n")
    write(tmp_path, "c.md", b"not a document")
    (tmp_path / "d.txt").mkdir()
    text = load_text(tmp_path, "files")
    assert text.text == "first\n\n\nzwölf"
    assert [text.text[start:][:5] for start in text.document_starts] == ["first", "zwölf"]


def test_only_level_one_headings_start_a_document(tmp_path):
    text = load_text(write(tmp_path, "wiki.raw", WIKITEXT.encode()), "headings")
    assert text.text == WIKITEXT
    assert len(text.document_starts) == 2
    assert text.text[text.document_starts[1] :].startswith(" = Second = \n")


def test_headings_are_found_where_lines_end_in_carriage_return(tmp_path):
    content = WIKITEXT.replace("\n", "\r\n").encode()
    text = load_text(write(tmp_path, "wiki.raw", content), "headings")
    assert len(text.document_starts) == 2
    assert text.text.encode() == content


def test_a_title_may_hold_a_sign_of_its_own(tmp_path):
    content = b" = A = B = \n words\n = = = \n = C = \n"
    text = load_text(write(tmp_path, "wiki.raw", content), "headings")
    assert [text.text[start:][:6] for start in text.document_starts] == [" = A =", " = C ="]


def test_words_before_the_first_heading_are_a_document(tmp_path):
    text = load_text(write(tmp_path, "wiki.raw", b"preface\n = A = \nwords\n"), "headings")
    assert text.document_starts == (0, 8)


def test_white_space_before_the_first_heading_belongs_to_its_document(tmp_path):
    text = load_text(write(tmp_path, "wiki.raw", b" \n = A = \nwords\n = B = \n"), "headings")
    assert text.document_starts == (0, 16)


def test_byte_starts_count_bytes_not_characters():
    text = Text(text="äöü\n\nzwei\n\nß", document_starts=(0, 5, 11), sha256="")
    assert text.document_byte_starts == (0, 8, 14)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbfwords", "byte order mark"),
        (b"good \xff bad", "byte 5 is 0xff"),
        ("cut ü".encode()[:-1], "byte 4 is 0xc3"),
        (b"\xed\xa0\x80", "byte 0 is 0xed"),
    ],
)
def test_a_file_that_is_not_clean_utf_8_is_refused_with_its_place(tmp_path, content, message):
    file = write(tmp_path, "bad.txt", content)
    with pytest.raises(CorpusError, match=message):
        load_text(file)
    with pytest.raises(CorpusError, match=r"bad\.txt.*" + message):
        load_text(tmp_path, "files")


def test_a_rule_that_does_not_fit_the_path_is_refused(tmp_path):
    file = write(tmp_path, "a.txt", b"words\n")
    with pytest.raises(CorpusError, match="is a folder"):
        load_text(tmp_path)
    with pytest.raises(CorpusError, match="is not a folder"):
        load_text(file, "files")
    with pytest.raises(CorpusError, match="no article heading"):
        load_text(file, "headings")
    with pytest.raises(CorpusError, match="must be one of none, files, headings"):
        load_text(file, "chapters")
    with pytest.raises(CorpusError, match="cannot be read"):
        load_text(tmp_path / "absent.txt")


def test_a_folder_without_text_files_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"no \*\.txt"):
        load_text(tmp_path, "files")
