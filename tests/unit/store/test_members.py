"""Who shares a folder, and who of them is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from silentzone.errors import TableError
from silentzone.store.members import Presence, Watch

WAIT_SECONDS = 20


@pytest.fixture
def here(tmp_path):
    with Presence(tmp_path, heartbeat_seconds=0.05) as presence:
        yield presence


def elsewhere(folder, name="1-elsewhere", **changed):
    """Write the file of a member on another machine."""
    member = next(one for one in Watch(folder).members())
    content = {
        "name": name,
        "host": "far",
        "machine": "another boot",
        "pid": member.pid,
        "process_start": "1",
        "started_at": member.started_at,
        "beat": 1,
        "has_left": False,
        "facts": {},
    }
    (folder / f"{name}.json").write_text(json.dumps({**content, **changed}))


def find(folder, host):
    return next(member for member in Watch(folder).members() if member.host == host)


def test_a_member_beats_until_it_leaves(tmp_path):
    watch, beats = Watch(tmp_path), []
    with Presence(tmp_path, heartbeat_seconds=0.02, on_beat=lambda: beats.append(1)) as presence:
        (member,) = watch.members()
        assert (member.pid, member.has_left) == (os.getpid(), False)
        assert not watch.has_beaten(member)
        until = time.monotonic() + WAIT_SECONDS
        while not watch.has_beaten(watch.members()[0]):
            assert time.monotonic() < until
            time.sleep(0.01)
        presence.tell({"timings": {"a": {"load": 1.0}}})
    assert beats
    (member,) = watch.members()
    assert member.has_left
    assert member.facts == {"timings": {"a": {"load": 1.0}}}


def test_a_living_process_of_this_machine_is_not_dead(tmp_path, here):
    (member,) = Watch(tmp_path).members()
    assert not member.is_known_dead
    assert not Watch(tmp_path).is_lost(member)


def test_a_later_process_with_the_same_id_is_another(tmp_path, here):
    (member,) = Watch(tmp_path).members()
    assert replace(member, process_start="1").is_known_dead


def test_a_killed_process_is_known_dead_at_once_also_before_it_is_reaped(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from silentzone.store.members import Presence\n"
        "with Presence(Path(sys.argv[1])): print('here', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
            (member,) = Watch(tmp_path).members()
            assert not member.is_known_dead
        finally:
            process.kill()
        until = time.monotonic() + WAIT_SECONDS
        while not member.is_known_dead:  # nobody has asked yet how it ended
            assert time.monotonic() < until
            time.sleep(0.01)
    assert member.is_known_dead
    assert Watch(tmp_path).is_lost(member)


def test_a_process_elsewhere_is_lost_only_without_heartbeats_for_long(tmp_path, here):
    elsewhere(tmp_path)
    watch = Watch(tmp_path, lost_seconds=0.3)
    started = time.monotonic()
    assert not watch.is_lost(find(tmp_path, "far"))
    for beat in range(2, 6):
        time.sleep(0.15)
        elsewhere(tmp_path, beat=beat)
        assert not watch.is_lost(find(tmp_path, "far"))
    assert time.monotonic() - started > 0.3, "longer than it may be silent"
    time.sleep(0.35)
    assert watch.is_lost(find(tmp_path, "far"))
    elsewhere(tmp_path, beat=6)
    assert not watch.is_lost(find(tmp_path, "far")), "it was asleep"


def test_a_member_is_named_by_host_and_process(tmp_path, here):
    elsewhere(tmp_path)
    assert str(find(tmp_path, "far")) == f"far, process {os.getpid()}"


@pytest.mark.parametrize("change", [{"beat": "1"}, {"facts": []}, {"pid": None}, {"more": 1}])
def test_a_damaged_member_is_named(tmp_path, here, change):
    elsewhere(tmp_path, **change)
    with pytest.raises(TableError, match=r"1-elsewhere\.json"):
        Watch(tmp_path).members()
