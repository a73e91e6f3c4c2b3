"""Claims: one holder, whoever comes when."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from silentzone.errors import StorageError, TableError
from silentzone.store.claims import DONE, FAILED, RELEASED, ClaimBoard, create_exclusively

PROCESSES = 6
THINGS = 40

TAKE_ALL = """
import random, sys
from pathlib import Path
from silentzone.store.claims import ClaimBoard
folder, number, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[2])
board = ClaimBoard(folder, f"member {number}")
print("ready", flush=True)
sys.stdin.readline()
things = [f"thing {k}, of a model" for k in range(int(sys.argv[3]))]
random.Random(seed).shuffle(things)
freed = board.release_all("the lost one")
taken = [thing for thing in things if board.take(thing)]
print("\\n".join(taken))
"""


def race(folder):
    """Let all processes try to take everything at the same time; what each of them got."""
    command = [sys.executable, "-c", TAKE_ALL, str(folder)]
    processes = [
        subprocess.Popen(
            [*command, str(number), str(THINGS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return [output.split("\n")[:-1] if output.strip() else [] for output in outputs]


def test_of_many_processes_exactly_one_gets_each_thing(tmp_path):
    taken = race(tmp_path / "parts")
    counts = Counter(thing for things in taken for thing in things)
    assert counts == {f"thing {k}, of a model": 1 for k in range(THINGS)}
    assert sum(bool(things) for things in taken) > 1, "there was a race"
    assert not list(tmp_path.rglob("*.partial"))


def test_what_a_lost_member_held_goes_to_exactly_one(tmp_path):
    lost = ClaimBoard(tmp_path / "parts", "the lost one")
    for k in range(THINGS):
        assert lost.take(f"thing {k}, of a model")
    counts = Counter(thing for things in race(tmp_path / "parts") for thing in things)
    assert set(counts.values()) == {1}
    # Whoever was too early for the release of a thing may have passed it by; none is taken twice.
    assert len(counts) > THINGS / 2


@pytest.fixture
def boards(tmp_path):
    return ClaimBoard(tmp_path / "parts", "one"), ClaimBoard(tmp_path / "parts", "other")


def test_what_is_held_done_or_failed_is_not_given_again(boards):
    one, other = boards
    for state in (None, DONE, FAILED):
        what = f"part {state}"
        assert one.take(what)
        if state is not None:
            one.settle(what, state, {"seconds": 1.5})
            assert other.find(what).facts == {"seconds": 1.5}
        assert not other.take(what)
        assert not one.take(what)


def test_what_was_given_back_can_be_taken(boards):
    one, other = boards
    assert one.take("part")
    assert one.release_all("one") == ["part"]
    assert other.take("part")
    assert other.find("part").generation == 1
    assert one.claims()["part"].member == "other"


def test_who_lost_a_claim_decides_nothing_any_more(boards):
    one, other = boards
    assert one.take("part")
    assert other.release_all("one") == ["part"]
    assert other.release_all("one") == [], "it is free already"
    one.settle("part", FAILED)
    assert other.find("part").state == RELEASED
    assert other.take("part")
    one.settle("part", DONE)
    assert other.find("part").state == "held"


def test_only_the_holder_settles(boards):
    one, other = boards
    assert one.take("part")
    other.settle("part", DONE)
    assert one.find("part").state == "held"


def test_hostile_names_stay_inside_and_apart(boards, tmp_path):
    one, other = boards
    names = [
        "../../x",
        "../../y",
        "a.0.json",
        "",
        "\x00",
        "A",
        "b, windows of c",
        "b, windows-of c",
    ]
    assert all(one.take(name) for name in names)
    assert not any(other.take(name) for name in names)
    assert set(other.claims()) == set(names)
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / "parts"}


def test_a_link_whose_answer_was_lost_counts_as_made(tmp_path, monkeypatch):
    real = os.link

    def link(source, target):
        real(source, target)
        raise FileExistsError(errno.EEXIST, "File exists")  # the request, sent again

    monkeypatch.setattr(os, "link", link)
    assert create_exclusively(tmp_path / "claim.json", {"a": 1})
    assert json.loads((tmp_path / "claim.json").read_text()) == {"a": 1}
    monkeypatch.setattr(os, "link", real)
    assert not create_exclusively(tmp_path / "claim.json", {"a": 2})
    assert json.loads((tmp_path / "claim.json").read_text()) == {"a": 1}


def test_a_file_system_without_links_is_named(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StorageError, match="without hard links") as caught:
        ClaimBoard(tmp_path / "parts", "one").take("part")
    assert "without --join" in str(caught.value.hint)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_damaged_claim_is_named(boards):
    one, _ = boards
    assert one.take("part")
    path = next(one._folder.iterdir())
    path.write_text("[]")
    with pytest.raises(TableError, match=r"part.*must be a claim"):
        one.claims()
