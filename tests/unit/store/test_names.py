"""File names of what people type."""

from __future__ import annotations

import hashlib

import pytest

from silentzone.store.names import slug


@pytest.mark.parametrize("name", ["Q4_K_M", "wikitext-2", "model.v1", "_x", "a", "x" * 60])
def test_a_plain_name_is_its_own_slug(name):
    assert slug(name) == name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("my model", "my-model"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("ends.", "ends"),
        ("", "name"),
        ("日本", "name"),
        ("CON", "CON"),
        ("nul.txt", "nul.txt"),
        ("x" * 61, "x" * 51),
        ("a\x00b\n", "a-b"),
        ("\ud800", "name"),
    ],
)
def test_any_other_name_keeps_what_it_can_and_its_hash(name, kept):
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    assert slug(name) == f"{kept}-{digest[:8]}"


def test_no_name_can_take_the_file_of_a_hashed_one():
    hashed = slug("my model")
    assert slug(hashed) != hashed
