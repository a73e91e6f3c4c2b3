"""The gate: what proves that two models were asked the same, and what the user must say."""

from __future__ import annotations

import hashlib

import pytest

from silentzone.errors import ProtocolMismatchError
from silentzone.importers.comparability import Asked, align
from silentzone.records.imported import PROTOCOL_FIELDS, protocol_groups

IDS = ["a", "b", "c"]


def hashes(*texts: str | None) -> list[str | None]:
    return [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in texts]


def asked(model: str, **changes: object) -> Asked:
    plain = {
        "model": model,
        "benchmark": "arc",
        "settings": {"task_version": "1"},
        "item_ids": IDS,
        "prompts": hashes("p", "q", "r"),
        "targets": hashes("1", "2", "3"),
        "files": frozenset({model}),
    }
    return Asked(**{**plain, **changes})  # type: ignore[arg-type]


def test_prompt_hashes_prove_that_items_are_the_same() -> None:
    found = align(asked("BF16"), asked("Q4"), ())
    assert (found.shared, found.own, found.proof) == (3, 3, "prompt hashes")
    assert not found.overrides


def test_partial_overlap_is_counted() -> None:
    new = asked("Q4", item_ids=["b", "c", "d", "e"], prompts=hashes("q", "r", "s", "t"),
                targets=hashes("2", "3", "4", "5"))  # fmt: skip
    found = align(asked("BF16"), new, ())
    assert (found.shared, found.own) == (2, 4)


def test_another_prompt_is_refused_by_item_and_count() -> None:
    new = asked("Q4", prompts=hashes("p", "other", "r"))
    with pytest.raises(ProtocolMismatchError, match=r"prompt of item 'b'.*1 of 3") as caught:
        align(asked("BF16"), new, ())
    assert "--accept prompt" in str(caught.value.hint)
    overrides = align(asked("BF16"), new, ["prompt"]).overrides
    assert [one.field for one in overrides] == ["prompt"]


@pytest.mark.parametrize("other", [{"task_version": "2"}, {}, {"task_version": "1", "filter": "x"}])
def test_settings_that_differ_name_the_field_and_both_values(other: dict[str, str]) -> None:
    field = "filter" if "filter" in other else "task_version"
    with pytest.raises(ProtocolMismatchError, match=f"`{field}` is") as caught:
        align(asked("BF16"), asked("Q4", settings=other), ())
    for value in (other.get(field, "not stated"), "1" if field == "task_version" else "not stated"):
        assert repr(value) in caught.value.message
    found = align(asked("BF16"), asked("Q4", settings=other), [field])
    assert [one.field for one in found.overrides] == [field]


def test_other_answers_to_the_same_questions_are_refused() -> None:
    with pytest.raises(ProtocolMismatchError, match="target of item 'c'"):
        align(asked("BF16"), asked("Q4", targets=hashes("1", "2", "4")), ["prompt"])


def test_no_common_item_is_refused_with_examples_of_both() -> None:
    new = asked("Q4", item_ids=["x", "y", "z"])
    with pytest.raises(ProtocolMismatchError, match=r"share no item.*'x'.*'a'"):
        align(asked("BF16"), new, ["ids", "prompt"])


@pytest.mark.parametrize("held_prompts", [None, hashes("p", None, "r")])
def test_names_alone_prove_nothing(held_prompts: list[str | None] | None) -> None:
    held = asked("BF16", prompts=held_prompts)
    with pytest.raises(ProtocolMismatchError, match="only the names") as caught:
        align(held, asked("Q4"), ())
    assert "--accept ids" in str(caught.value.hint)
    found = align(held, asked("Q4"), ["ids"])
    assert found.proof == "names of items alone"
    assert [one.field for one in found.overrides] == ["ids"]


def test_one_file_or_one_hash_of_all_items_proves_as_much() -> None:
    nothing = {"prompts": None, "targets": None}
    one_file = frozenset({"the file"})
    held, new = asked("BF16", files=one_file, **nothing), asked("Q4", files=one_file, **nothing)
    assert align(held, new, ()).proof == "one file"
    named = {"settings": {"items_sha256": "abc"}, **nothing}
    assert align(asked("BF16", **named), asked("Q4", **named), ()).proof.startswith("hash of")


def test_rows_measured_in_different_ways_never_share_a_group() -> None:
    plain: dict[str, str | None] = dict.fromkeys(PROTOCOL_FIELDS)
    short = {**plain, "context_length": "512"}
    long = {**plain, "context_length": "2048"}
    groups, labels = protocol_groups([short, long, short, plain])
    assert groups == [0, 1, 0, 2]
    assert labels == ["context_length=512", "context_length=2048", "context_length=not stated"]
    assert protocol_groups([short, short]) == ([0, 0], [""])
    assert protocol_groups([]) == ([], [])
