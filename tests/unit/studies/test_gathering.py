"""Processes that share a folder: agreeing, waiting for each other, ending."""

from __future__ import annotations

import json
import threading
import time

import pytest
from tests.end_to_end.fake_studies import Listener

from silentzone.errors import ConfigError, MeasurementError, StorageError
from silentzone.store.folder import StudyFolder
from silentzone.studies.gathering import Gathering, Pace, end_gathering, first_difference

PACE = Pace(heartbeat=0.05, lost=0.5, poll=0.02)


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "out").create()


def joined(folder, listener=None):
    return Gathering(folder, listener or Listener(), PACE)


def a_member_far_away(gathering, beat=1):
    """Write the file of a member on a machine of which nothing is known but its heartbeat."""
    path = gathering.place / "members" / "1-far.json"
    content = {
        "name": "1-far", "host": "far", "machine": "another boot", "pid": 1,
        "process_start": "1", "started_at": "2026-01-01T00:00:00+00:00",
        "beat": beat, "has_left": False, "facts": {},
    }  # fmt: skip
    path.write_text(json.dumps(content))


def test_who_comes_while_one_is_there_joins_and_who_comes_after_the_last_begins_anew(folder):
    with joined(folder) as one:
        with joined(folder) as two:
            assert one.place == two.place
            assert [member.name for member in one.others()] == [two.member.name]
        with joined(folder) as three:
            assert three.place == one.place
    with joined(folder) as four:
        assert four.place != one.place
        assert four.others() == []


def test_a_run_and_those_who_share_keep_each_other_out(folder):
    with joined(folder), pytest.raises(StorageError, match="in use by runs that share it"):
        folder.lock().__enter__()
    with folder.lock(), pytest.raises(StorageError, match=r"in use by another run, process \d+"):
        joined(folder).__enter__()


@pytest.mark.parametrize(
    ("theirs", "place", "there", "here"),
    [
        ({"config": {"corpora": [{"windows": 4}]}}, r"config\.corpora\[0\]\.windows", "4", "3"),
        ({"config": {"corpora": []}}, r"config\.corpora", r"\[\]", r'\[{"windows": 3}\]'),
        ({"engine": {"build": "b1"}}, r"engine\.build", '"b1"', '"b2"'),
        ({"models": {"a": "00"}}, r"models\.a", '"00"', '"11"'),
        ({"benchmarks": {"own": "1"}}, r"benchmarks\.own", '"1"', "null"),
    ],
)
def test_another_study_is_refused_with_what_differs(folder, theirs, place, there, here):
    ours = {
        "config": {"corpora": [{"windows": 3}]},
        "engine": {"build": "b2"},
        "models": {"a": "11"},
        "benchmarks": {},
    }
    with joined(folder) as one, joined(folder) as two:
        one.agree({**ours, **theirs})
        with pytest.raises(ConfigError, match=f"`{place}` is {there} there and {here} here") as no:
            two.agree(ours)
        assert "same study.toml" in str(no.value.hint)
        one.agree({**ours, **theirs})


def test_equal_studies_have_no_difference():
    value = {"a": [1, {"b": None}], "c": "x"}
    assert first_difference(value, json.loads(json.dumps(value))) is None


def test_one_thing_is_done_once_while_the_others_wait(folder):
    listener, done = Listener(), []
    with joined(folder) as one, joined(folder, listener) as two:
        begun, go = threading.Event(), threading.Event()

        def slow():
            begun.set()
            assert go.wait(20)
            done.append("one")

        worker = threading.Thread(target=one.once, args=("report", slow))
        worker.start()
        assert begun.wait(20)
        threading.Timer(0.2, go.set).start()
        assert not two.once("report", lambda: done.append("two"))
        worker.join()
    assert done == ["one"]
    assert listener.notes == [f"waiting for {one.member}: report"]


def test_what_one_could_not_do_falls_to_the_next(folder):
    def fail():
        raise MeasurementError("nothing was measured")

    done: list[str] = []
    with joined(folder) as one, joined(folder) as two:
        with pytest.raises(MeasurementError):
            one.once("report", fail)
        assert two.once("report", lambda: done.append("two"))
    assert done == ["two"]


def test_what_a_silent_member_held_is_free_after_the_time_stated(folder):
    listener = Listener()
    with joined(folder, listener) as one:
        a_member_far_away(one)
        far = type(one.board)(one.place / "parts", "1-far")
        assert far.take("part")
        one.tend()
        assert not one.board.take("part")
        started = time.monotonic()
        while not one.board.take("part"):
            assert time.monotonic() - started < 20
            one.tend()
            time.sleep(0.02)
        assert time.monotonic() - started > PACE.lost / 2
    assert listener.notes == ["far, process 1 is gone; what it held is free again"]


def test_who_leaves_gives_back_what_it_held(folder):
    with joined(folder) as one:
        with joined(folder) as two:
            assert two.board.take("part")
            assert not one.board.take("part")
        assert one.board.take("part")


def test_a_run_takes_over_only_from_who_is_silent(folder):
    with joined(folder) as one:
        a_member_far_away(one)
    assert not (one.place / "closed.json").exists(), "the other may live"

    beats = iter(range(2, 10_000))
    end = threading.Event()

    def beat():
        while not end.wait(0.05):
            a_member_far_away(one, next(beats))

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with pytest.raises(StorageError, match="in use by a run that shares it, far, process 1"):
            end_gathering(folder, Listener(), PACE)
    finally:
        end.set()
        heart.join()
    listener = Listener()
    end_gathering(folder, listener, PACE)
    assert listener.notes == ["looking for up to 0 s whether far, process 1 lives"]
    assert not folder.claims.exists()
