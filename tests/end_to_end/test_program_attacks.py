"""Answers that try to pass HumanEval's kind of tests without being right.

The control is a judge that runs the answer and its tests in one process, and takes an exit code of
0 for a pass, as is often done: those attacks that it falls for are marked.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from silentzone.benchmarks.rules.python_tests import ProgramGold
from silentzone.errors import EnvironmentNotReadyError, MeasurementError
from silentzone.execution import programs
from silentzone.execution.bubblewrap import SandboxState
from silentzone.execution.programs import ProgramJudge

pytestmark = pytest.mark.slow

MISSING = SandboxState(kind=None, version=None, missing="it is not there", command="get it")
GOLD = ProgramGold(
    prompt='from typing import List\n\ndef f(x: List[int]) -> List[int]:\n    """Doubles all."""\n',
    test=(
        "def check(candidate):\n"
        "    assert candidate([1, 2]) == [2, 4]\n"
        "    assert candidate([]) == []\n"
        "    assert f([7]) == [14]\n"
    ),
    entry_point="f",
    answer="completion",
)
RIGHT = "    return [2 * one for one in x]\n"


@pytest.fixture(scope="module")
def judge(sandbox):
    return ProgramJudge()


def judged(judge, text, gold=GOLD):
    return judge({"text": text, "value": gold.as_value()})


def reason(judge, text, gold=GOLD):
    found = judged(judge, text, gold)
    assert found["prediction"] == found["details"]["reason"]
    assert found["score"] == float(found["prediction"] == "passed")
    return found["prediction"]


def fools_a_judge_in_one_process(text):
    code = f"{GOLD.prompt}{text}\n{GOLD.test}\ncheck(f)\n"
    outcome = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    return outcome.returncode == 0


def test_a_right_answer_passes(judge, sandbox):
    found = judged(judge, RIGHT)
    assert found["prediction"] == "passed"
    assert found["score"] == 1.0
    details = found["details"]
    assert details["calls"] == 3
    assert details["sandbox"] == sandbox.name
    assert details["cpu_seconds_allowed"] >= programs.CPU_SECONDS
    assert 0.0 <= details["seconds"] < details["wall_seconds_allowed"]
    assert details["speed_factor"] >= 1.0


ALWAYS_EQUAL = """\
    class Equal(list):
        def __eq__(self, other):
            return True
        __hash__ = None
    return Equal()
"""
PASSES_IN_ONE_PROCESS = {
    "ends the process": ("    import os\n    os._exit(0)\n", "ended itself"),
    "exits": ("    import sys\n    sys.exit(0)\n", "SystemExit"),
    "exits when loaded": ("    return 1\nimport sys\nsys.exit(0)\n", "SystemExit"),
    "ends when loaded": ("    return 1\nimport os\nos._exit(0)\n", "ended itself"),
    "equals everything": (ALWAYS_EQUAL, "wrong answer"),
    "catches what is raised": (
        "    return 1\nimport sys, os\nsys.excepthook = lambda *_: os._exit(0)\n",
        "wrong answer",
    ),
    "ends later": (
        "    return 1\nimport atexit, os\natexit.register(os._exit, 0)\n",
        "wrong answer",
    ),
    "replaces the tests": (
        "    import sys\n"
        "    frame = sys._getframe(1)\n"
        "    frame.f_globals['f'] = lambda x: [14]\n"
        "    import gc\n"
        "    for one in gc.get_objects():\n"
        "        if getattr(one, '__name__', '') == 'check':\n"
        "            one.__code__ = (lambda candidate: None).__code__\n"
        "    os = __import__('os'); os._exit(0)\n",
        "ended itself",
    ),
    "rewrites what was asked": (
        "    import sys\n"
        "    for name, one in list(sys._getframe(1).f_globals.items()):\n"
        "        if name == 'check':\n"
        "            sys.settrace(None)\n"
        "    raise SystemExit(0)\n",
        "SystemExit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES_IN_ONE_PROCESS)
def test_a_trick_that_fools_a_judge_in_one_process_fails(judge, name):
    text, why = PASSES_IN_ONE_PROCESS[name]
    assert fools_a_judge_in_one_process(text)
    assert reason(judge, text) == why


FAKES = {
    # Each writes to every descriptor it has what the two sides say to each other.
    "says that it passed": (
        "    import os\n"
        "    for number in range(64):\n"
        "        try:\n"
        "            os.write(number, b'{\"passed\": true, \"reason\": \"passed\"}\\n' * 9)\n"
        "        except OSError:\n"
        "            pass\n"
        "    return 1\n",
        "forbidden reply",
    ),
    "answers ahead": (
        "    import os\n"
        "    for number in range(64):\n"
        "        try:\n"
        "            os.write(number, b'{\"value\": \"[\\\\\"list\\\\\", [4]]\"}\\n' * 9)\n"
        "        except OSError:\n"
        "            pass\n"
        "    return 1\n",
        "wrong answer",
    ),
    "patches the language": (
        "    return 1\n"
        "import builtins, json\n"
        "json.dumps = lambda *_, **__: '{\"passed\": true}'\n"
        "builtins.AssertionError = KeyError\n",
        "no such function",
    ),
    "patches the encoder": (
        "    return 1\n"
        "import sys\n"
        "sys._getframe(1).f_globals['encode'] = lambda _: '[\"object\", []]'\n",
        "forbidden result: not plain data",
    ),
    "sends no JSON": (
        "    import os\n"
        "    for number in range(64):\n"
        "        try:\n"
        "            os.write(number, b'\\xff\\x00{' + b'[' * 100000 + b'\\n')\n"
        "        except OSError:\n"
        "            pass\n"
        "    return 1\n",
        "forbidden reply",
    ),
    "sends without end": (
        "    import os\n"
        "    while True:\n"
        "        for number in range(3, 64):\n"
        "            try:\n"
        "                os.write(number, b'x' * 65536)\n"
        "            except OSError:\n"
        "                pass\n",
        "forbidden result: too large",
    ),
    "closes its descriptors": (
        "    import os\n    os.closerange(0, 64)\n    while True: pass\n",
        "timeout",
    ),
    "kills everything": (
        "    import os\n"
        "    for number in (-1, 1, os.getppid(), 0):\n"
        "        try:\n"
        "            os.kill(number, 9)\n"
        "        except OSError:\n"
        "            pass\n",
        "ended by signal 9",
    ),
    "crashes": ("    import ctypes\n    ctypes.string_at(0)\n", "ended by signal 11"),
    "is no Python": ("    return (\n", "syntax error"),
    "is a null byte": ("    return '\x00'\n", "syntax error"),
    "nests too deep": ("    return " + "(" * 500 + ")" * 500 + "\n", "syntax error"),
    "raises": ("    raise ValueError('no')\n", "ValueError"),
    "raises its own": ("    class Mine(Exception): pass\n    raise Mine\n", "exception of its own"),
    "raises a lie": (
        "    raise type('passed', (Exception,), {})\n", "exception of its own",
    ),
    "raises an assertion": ("    assert False\n", "AssertionError"),
    "recurses": ("    return f(x)\n", "recursion"),
    "takes memory": ("    return [0] * 10**9\n", "memory"),
    "takes memory when loaded": ("    return 1\nx = bytearray(2**40)\n", "memory"),
    "returns a huge number": ("    return 1 << 10**7\n", "forbidden result: huge number"),
    "returns a deep list": (
        "    x = []\n    for _ in range(10**6): x = [x]\n    return x\n",
        "forbidden result: too deep",
    ),
    "returns itself": ("    x.append(x)\n    return x\n", "forbidden result: too deep"),
    "returns too much": ("    return [0] * 10**6\n", "forbidden result: too large"),
    "returns an object": ("    return iter([2, 4])\n", "forbidden result: list_iterator"),
    "deletes the function": ("    return 1\ndel f\n", "no such function"),
    "is no function": ("    return 1\nf = 3\n", "no such function"),
    "is wrong": ("    return x\n", "wrong answer"),
    "returns nothing": ("    pass\n", "wrong answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAKES)
def test_no_answer_passes_without_being_right(judge, name):
    text, why = FAKES[name]
    assert reason(judge, text) == why


@pytest.fixture
def hasty(judge, monkeypatch):
    monkeypatch.setattr(programs, "CPU_SECONDS", 1)
    monkeypatch.setattr(programs, "WALL_FACTOR", 2)
    return ProgramJudge()


@pytest.mark.parametrize(
    "text",
    [
        "    while True: pass\n",
        "    return 1\nwhile True: pass\n",
        "    import time\n    time.sleep(60)\n",
        "    return 1\nimport signal\nsignal.pause()\n",
        "    import os\n    while True:\n        try: os.fork()\n        except OSError: pass\n",
    ],
    ids=["loops", "loops when loaded", "sleeps", "waits when loaded", "fork bomb"],
)
def test_an_answer_that_takes_too_long_fails(hasty, text):
    began = time.monotonic()
    assert reason(hasty, text) == "timeout"
    assert time.monotonic() - began < 20.0


def test_an_answer_cannot_see_the_tests_or_leave_anything_behind(judge):
    spy = (
        "    import os\n"
        "    seen = [os.path.join(folder, name)\n"
        "            for top in ('/tmp', '/sandbox') for folder, _, names in os.walk(top)\n"
        "            for name in names]\n"
        "    open('left', 'w').close()\n"
        "    found = [one for one in seen if 'check(candidate)' in open(one).read()]\n"
        "    return [len(seen), len(found)]\n"
    )
    test = "def check(candidate):\n    assert candidate([]) == [2, 0]\n"
    gold = ProgramGold(prompt=GOLD.prompt, test=test, entry_point="f", answer="completion")
    for _ in range(2):
        assert reason(judge, spy, gold) == "passed", "the two programs of ours alone"


def test_printing_disturbs_nothing(judge):
    noisy = (
        "    print('{\"value\": 1}' * 1000)\n    import os\n    os.write(2, b'x' * 10**6)\n" + RIGHT
    )
    assert reason(judge, noisy) == "passed"


def test_the_standard_library_may_be_used(judge):
    text = (
        "    import collections, dataclasses, re, heapq, itertools, fractions, statistics\n"
        "    @dataclasses.dataclass\n"
        "    class One:\n"
        "        value: int\n"
        "    return collections.UserList(One(2 * one).value for one in x).data\n"
    )
    assert reason(judge, text) == "passed"


def test_tests_may_expect_an_exception(judge):
    gold = ProgramGold(
        prompt="def f(x):\n",
        test=(
            "def check(candidate):\n"
            "    try:\n"
            "        candidate(-1)\n"
            "    except ValueError:\n"
            "        return\n"
            "    assert False\n"
        ),
        entry_point="f",
        answer="completion",
    )
    assert reason(judge, "    raise ValueError\n", gold) == "passed"
    assert reason(judge, "    raise KeyError\n", gold) == "KeyError"
    assert reason(judge, "    return 1\n", gold) == "wrong answer"
    assert reason(judge, "    raise SystemExit\n", gold) == "SystemExit"


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("import nothing_such\ndef check(candidate):\n    pass\n", "ModuleNotFoundError"),
        ("def check(candidate):\n    pass\n", "the tests call nothing"),
        ("def check(candidate):\n    unknown\n", "NameError"),
        (
            "def check(candidate):\n    import os\n    os._exit(0)\n",
            "the process of the tests died",
        ),
    ],
)
def test_tests_that_break_are_not_the_answers_fault(judge, test, message):
    gold = ProgramGold(prompt=GOLD.prompt, test=test, entry_point="f", answer="completion")
    with pytest.raises(MeasurementError, match=message):
        judged(judge, RIGHT, gold)


def test_a_sandbox_that_does_not_start_is_not_the_answers_fault(judge, monkeypatch):
    broken = SandboxState(
        kind="bubblewrap", version="0", missing=None, command=None, way="user_namespace"
    )
    monkeypatch.setattr("silentzone.execution.confined.filter_program", lambda: b"no filter")
    failing = ProgramJudge()
    failing._state = broken
    with pytest.raises(MeasurementError, match="the sandbox did not start: "):
        judged(failing, RIGHT)


def test_without_a_sandbox_nothing_is_run_unless_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("silentzone.execution.sandbox.sandbox_state", lambda: MISSING)
    with pytest.raises(EnvironmentNotReadyError, match="it is not there") as caught:
        ProgramJudge()
    assert "get it" in (caught.value.hint or "")
    assert "unsafe_code" in (caught.value.hint or "")
    found = judged(ProgramJudge(unsafe=True), RIGHT)
    assert found["score"] == 1.0
    assert found["details"]["sandbox"] == "none"
    assert judged(ProgramJudge(unsafe=True), "    return x\n")["score"] == 0.0


def test_the_judge_leaves_no_open_files(judge):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for text in (RIGHT, "    import os\n    os._exit(0)\n"):
        judged(judge, text)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
