"""Worker processes, with real ones that misbehave in every way we know of."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from silentzone.errors import InputError, NonFiniteLogitsError, WorkerCrashError
from silentzone.execution import processes
from silentzone.execution.processes import run_in_worker

TASKS = "silentzone.execution.selftest:"


def is_alive(process):
    """Whether a process runs; one that is dead but not yet waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except OSError:
        return False
    return state[0] not in "ZX"


def wait_until(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def crash(task, payload, **options):
    with pytest.raises(WorkerCrashError) as caught:
        run_in_worker(TASKS + task, payload, **options)
    return caught.value


def test_a_task_gets_its_payload_and_gives_its_result_from_another_process():
    payload = {"text": "é\u2028\ud800", "n": [1, 2.5, None]}
    result = run_in_worker(TASKS + "echo", payload, environment={"SILENTZONE_SELFTEST": "set"})
    assert result["payload"] == payload
    assert result["variable"] == "set"
    assert result["process"] != os.getpid()


def test_events_arrive_in_order_before_the_result():
    heard: list[object] = []
    events = [*range(300), "x" * 300_000]
    run_in_worker(TASKS + "echo", {"events": events}, on_event=heard.append)
    assert heard == [{"said": event} for event in events]


def test_events_nobody_listens_to_do_no_harm():
    assert run_in_worker(TASKS + "echo", {"events": [1]})["payload"] == {"events": [1]}


def test_the_working_folder_is_no_place_to_import_from(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('imported')", encoding="ascii")
    monkeypatch.chdir(tmp_path)
    path = run_in_worker(TASKS + "echo", {})["path"]
    assert "" not in path
    assert str(tmp_path) not in path


def test_an_error_of_ours_arrives_as_itself():
    with pytest.raises(NonFiniteLogitsError, match=r"^window 3 has NaN\.$") as caught:
        run_in_worker(TASKS + "fail_as_planned", {})
    assert caught.value.hint == "check the file"


def test_any_other_error_names_its_type_message_and_line_without_control_characters():
    error = crash("fail_unexpectedly", {"text": "\x1b[31mbad\x07\nnews"}, what="measuring Q4")
    assert error.message.startswith(
        "measuring Q4 failed with ZeroDivisionError: bad news (selftest.py, line "
    )
    assert any("fail_unexpectedly" in line for line in error.last_lines)


def test_an_abort_is_told_with_the_assertion_that_caused_it():
    text = "loading\nggml.c:12: GGML_ASSERT(n > 0) failed\n\x1b[2Jframe 1\nframe 2\n"
    error = crash("abort", {"text": text})
    assert "the native library aborted (SIGABRT)" in error.message
    assert error.message.endswith("it printed last: ggml.c:12: GGML_ASSERT(n > 0) failed")
    assert error.last_lines[-2:] == ("frame 1", "frame 2")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SIGKILL", r"killed, most likely for lack of memory \(SIGKILL\)"),
        ("SIGSEGV", r"touched memory it may not \(SIGSEGV\)"),
        ("SIGUSR1", r"stopped by the system \(SIGUSR1\)"),
    ],
)
def test_death_by_a_signal_is_told_in_words(name, words):
    with pytest.raises(WorkerCrashError, match=words):
        run_in_worker(TASKS + "die", {"signal": name})


def test_an_exit_without_a_result_is_a_crash():
    assert "exit code 0 before it gave a result" in crash("leave", {"code": 0}).message
    assert "exit code 3 before it gave a result" in crash("leave", {"code": 3}).message


def test_ten_million_bytes_of_output_block_nothing_and_forge_no_result():
    assert run_in_worker(TASKS + "flood", {}) == {"is_whole": True}


def test_of_a_flood_the_last_lines_are_kept():
    error = crash("flood", {"abort": True})
    assert error.message.endswith("it printed last: the last line")
    assert all(len(line) <= 300 and line.isprintable() for line in error.last_lines)


def test_a_payload_larger_than_a_pipe_arrives_whole():
    text = "x" * 3_000_000
    assert run_in_worker(TASKS + "echo", {"text": text})["payload"]["text"] == text


@pytest.mark.parametrize("deaf", [False, True])
def test_a_worker_that_takes_too_long_is_ended(deaf):
    heard: list[dict[str, int]] = []
    started = time.monotonic()
    error = crash("hang", {"deaf": deaf}, timeout_seconds=3, on_event=heard.append)
    assert "did not finish within 3 seconds" in error.message
    assert time.monotonic() - started < 8
    assert not is_alive(heard[0]["process"])


def test_a_listener_that_fails_ends_the_worker():
    heard: list[int] = []

    def listen(event):
        heard.append(event["process"])
        raise LookupError("no such bar")

    with pytest.raises(LookupError, match="no such bar"):
        run_in_worker(TASKS + "hang", {}, on_event=listen)
    assert not is_alive(heard[0])


def test_a_silent_worker_is_ended_when_it_should_stop():
    heard: list[int] = []
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_in_worker(
            TASKS + "hang",
            {},
            on_event=lambda event: heard.append(event["process"]),
            should_stop=lambda: bool(heard),
        )
    assert time.monotonic() - started < 8
    assert not is_alive(heard[0])


@pytest.mark.parametrize("payload", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}])
def test_a_payload_without_json_form_starts_no_process(payload, monkeypatch):
    monkeypatch.setattr(processes, "_Worker", None)
    with pytest.raises(InputError, match="must have a JSON form"):
        run_in_worker(TASKS + "echo", payload)


@pytest.mark.parametrize(
    "task",
    ["os:system", "silentzone:x", "silentzone.errors", "silentzone.x:y.z", "silentzonee.x:y", ""],
)
def test_only_functions_of_this_package_are_run(task, monkeypatch):
    monkeypatch.setattr(processes, "_Worker", None)
    with pytest.raises(InputError, match="must be `silentzone"):
        run_in_worker(task, {})


def test_a_task_that_does_not_exist_is_named():
    assert "has no attribute 'nothing'" in crash("nothing", {}).message


@pytest.mark.parametrize("task", ["give_what_json_cannot", "give_no_dict"])
def test_a_result_that_is_no_dict_of_json_is_a_crash(task):
    assert "the worker process" in crash(task, {}).message


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"{}", b'{"result": 1}', b'{"other": {}}', b'{"a": {}, "b": {}}']
)
def test_a_message_of_another_form_is_a_crash(line):
    with pytest.raises(WorkerCrashError, match="a message that is none"):
        processes._message(line)


def test_an_error_class_that_is_not_ours_is_a_crash():
    error = processes.same_error({"class": "annotations", "message": "m", "hint": None})
    assert type(error) is WorkerCrashError


def test_a_message_without_an_end_is_a_crash(monkeypatch):
    monkeypatch.setattr(processes, "_LONGEST_MESSAGE", 100_000)
    assert "without an end" in crash("echo", {"text": "x" * 1_000_000}).message


def test_no_thread_and_no_descriptor_stay_behind():
    run_in_worker(TASKS + "echo", {})
    threads, descriptors = threading.active_count(), open_descriptors()
    for task in ("echo", "abort", "fail_as_planned"):
        with contextlib.suppress(WorkerCrashError, NonFiniteLogitsError):
            run_in_worker(TASKS + task, {})
    assert (threading.active_count(), open_descriptors()) == (threads, descriptors)


def test_a_python_that_cannot_be_started_leaves_no_descriptor(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    descriptors = open_descriptors()
    with pytest.raises(FileNotFoundError):
        run_in_worker(TASKS + "echo", {})
    assert open_descriptors() == descriptors


PARENT = """
import sys, json, signal
from silentzone.execution.processes import run_in_worker
# a shell starts its background jobs with this signal ignored, and so may the one that runs this
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    run_in_worker("silentzone.execution.selftest:hang", json.loads(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(130)
"""


@contextlib.contextmanager
def parent_of_a_hanging_worker(tmp_path, **payload):
    """A process that waits for a worker, and the worker's id."""
    note = tmp_path / "process"
    text = json.dumps({"file": str(note), **payload})
    with subprocess.Popen([sys.executable, "-c", PARENT, text], start_new_session=True) as parent:
        try:
            assert wait_until(lambda: note.exists() and note.read_text(encoding="ascii"))
            yield parent, int(note.read_text(encoding="ascii"))
        finally:
            parent.kill()


@pytest.mark.parametrize("deaf", [False, True])
def test_an_interrupt_ends_worker_and_parent_within_two_seconds(tmp_path, deaf):
    with parent_of_a_hanging_worker(tmp_path, deaf=deaf) as (parent, worker):
        started = time.monotonic()
        parent.send_signal(signal.SIGINT)
        assert parent.wait(20) == 130
        assert not is_alive(worker)
        assert time.monotonic() - started < 2.5


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is heard on Linux only")
def test_a_worker_dies_with_its_parent(tmp_path):
    with parent_of_a_hanging_worker(tmp_path) as (parent, worker):
        parent.kill()
        parent.wait(20)
        assert wait_until(lambda: not is_alive(worker), 5)
