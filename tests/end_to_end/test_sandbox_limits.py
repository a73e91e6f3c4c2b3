"""Programs that try to take more of the machine than they may, or to stay.

Each prints GOT where it got what it wanted. Beside it stands a control without a sandbox, which
shows that the attack is one. Where there is none the test says why.
"""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import sys
import threading
import time

import pytest
from tests.end_to_end.sandboxed import (
    GOT,
    LIMITS,
    SYSCALL,
    assert_nothing_is_left,
    attacker,
    control,
    processes_with,
)

from silentzone.execution.bubblewrap import Limits

pytestmark = pytest.mark.slow


@pytest.fixture
def attack(sandbox):
    return attacker(sandbox)


def test_a_fork_bomb_goes_out(attack):
    token = secrets.token_hex(8)
    code = (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    )
    # No control: it would take this machine down. That a process may else make more of them than
    # the limit is shown by the next test.
    most = 0
    done = threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.02):
            most = max(most, len(processes_with(token)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    finished = attack(code, token, limits=Limits(wall_seconds=2.0, cpu_seconds=5, processes=4))
    done.set()
    watcher.join()
    assert finished.is_timed_out
    # Besides the four there are bubblewrap's own two.
    assert 2 <= most <= 6
    assert_nothing_is_left(token)


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_the_number_of_processes_is_limited(attack, kind):
    code = (
        "import os, threading, time\n"
        "n = 1\n"
        "try:\n"
        "    while n < 10:\n"
        f"        if {kind == 'threads'}:\n"
        "            threading.Thread(target=time.sleep, args=(0.5,)).start()\n"
        "        elif os.fork() == 0:\n"
        "            time.sleep(0.5)\n"
        "            os._exit(0)\n"
        "        n += 1\n"
        "except (OSError, RuntimeError):\n"
        "    pass\n"
        "print(n, flush=True)\n"
    )
    assert control(code).stdout == b"10\n"
    assert attack(code).stdout == b"4\n"


def test_memory_is_limited(attack):
    code = "data = bytearray(700 * 2**20)\nprint('GOT', len(data))\n"
    large = Limits(wall_seconds=20.0, cpu_seconds=5, memory_bytes=2**30)
    assert GOT in attack(code, limits=large).stdout
    finished = attack(code)
    assert GOT not in finished.stdout
    assert b"MemoryError" in finished.stderr


UNCOUNTED = {
    "memfd_create": "call('memfd_create', b'x', 0)",
    "shmget": "call('shmget', 0, ctypes.c_size_t(2**20), 0o1600)",
    "msgget": "call('msgget', 0, 0o1600)",
    "semget": "call('semget', 0, 1, 0o1600)",
}


@pytest.mark.parametrize("name", UNCOUNTED)
def test_memory_that_no_limit_counts_is_refused(attack, name):
    # No control for the three of System V: what they make would outlive the test.
    code = f"{SYSCALL}\n{UNCOUNTED[name]}\nprint('GOT')\n"
    if name == "memfd_create":
        assert GOT in control(code).stdout
    finished = attack(code)
    assert GOT not in finished.stdout
    assert b"Operation not permitted" in finished.stderr


def test_an_endless_loop_ends_when_its_cpu_time_is_up(attack):
    limits = Limits(wall_seconds=30.0, cpu_seconds=1)
    finished = attack("while True: pass", limits=limits)
    assert finished.exit_code == 128 + 24, "SIGXCPU"
    stubborn = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert attack(stubborn, limits=limits).exit_code == 128 + 9, "SIGKILL"


def test_threads_do_not_get_more_cpu_time(attack):
    code = (
        "import hashlib, threading\n"
        "def burn():\n"
        "    while True:\n"
        "        hashlib.sha256(bytes(2**22)).digest()\n"
        "for _ in range(3):\n"
        "    threading.Thread(target=burn).start()\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = attack(code, limits=Limits(wall_seconds=30.0, cpu_seconds=1))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert finished.exit_code == 128 + 24
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 4.0


def test_what_sleeps_ends_when_its_time_is_up(attack):
    finished = attack("import time; time.sleep(60)", limits=Limits(wall_seconds=0.5))
    assert finished.is_timed_out
    assert finished.seconds < 10.0


def test_a_file_may_not_grow_for_ever(attack):
    code = (
        "with open('x', 'wb') as file:\n"
        "    for _ in range(12):\n"
        "        file.write(bytes(2**20))\n"
        "        file.flush()\n"
        "        print('GOT', file.tell() // 2**20, flush=True)\n"
    )
    assert b"GOT 8" in attack(code).stdout
    assert b"GOT 9" not in attack(code).stdout


def test_the_temporary_folder_fills_up_and_is_empty_for_the_next(attack):
    code = (
        "import os\n"
        "print(os.listdir('/tmp'))\n"
        "total = 0\n"
        "try:\n"
        "    for number in range(100):\n"
        "        file = os.open(f'/tmp/{number % 50}', os.O_CREAT | os.O_WRONLY)\n"
        "        total += os.write(file, bytes(2**20))\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
        "print(total <= 16 * 2**20)\n"
    )
    for _ in range(2):
        assert attack(code).stdout == b"[]\nNo space left on device\nTrue\n"


def test_a_flood_of_output_is_read_and_thrown_away(attack):
    code = (
        "import os, threading\n"
        "def flood(number):\n"
        "    for _ in range(256):\n"
        "        os.write(number, b'x' * 2**18)\n"
        "threading.Thread(target=flood, args=(1,)).start()\n"
        "flood(2)\n"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    finished = attack(code)
    assert finished.exit_code == 0
    assert len(finished.stdout) == len(finished.stderr) == LIMITS.output_bytes
    assert finished.thrown_away_bytes == 2 * (2**26 - LIMITS.output_bytes)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024, "KiB"


def test_a_flood_without_end_ends_when_its_time_is_up(attack):
    code = "import os\nwhile True: os.write(1, b'x' * 2**16)"
    finished = attack(code, limits=Limits(wall_seconds=1.0))
    assert finished.is_timed_out
    assert len(finished.stdout) == LIMITS.output_bytes


@pytest.mark.parametrize("keeps_pipes", [True, False])
def test_nothing_outlives_the_call(attack, keeps_pipes):
    token = secrets.token_hex(8)
    code = (
        "import os, signal, sys, time\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "for number in range(1, 32):\n"
        "    if number not in (signal.SIGKILL, signal.SIGSTOP):\n"
        "        signal.signal(number, signal.SIG_IGN)\n"
        f"if not {keeps_pipes}:\n"
        "    os.closerange(0, 64)\n"
        "time.sleep(8)\n"
    )
    control(code, token, limits=Limits(wall_seconds=1.0))
    left = processes_with(token)
    assert left, "without the sandbox it stays"
    for number in left:
        os.kill(number, 9)
    attack(code, token, limits=Limits(wall_seconds=1.0))
    assert_nothing_is_left(token)


def test_the_sandbox_ends_with_the_program_that_started_it(sandbox):
    token = secrets.token_hex(8)
    script = (
        "import sys\n"
        "from silentzone.execution.bubblewrap import Limits\n"
        "from silentzone.execution.confined import run_confined\n"
        "from silentzone.execution.sandbox import sandbox_state\n"
        "run_confined('import time; time.sleep(60)', sandbox_state(), Limits(wall_seconds=60),"
        " arguments=(sys.argv[1],))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, token])
    deadline = time.monotonic() + 30.0
    while len(processes_with(token)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(processes_with(token)) >= 3
    process.kill()
    process.wait()
    assert_nothing_is_left(token)
