"""Programs that try to get out of the sandbox.

Each prints GOT where it got what it wanted. Beside it stands a control: the same program without a
sandbox, which shows that the attack is one. Where there is none the test says why.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.end_to_end.sandboxed import GOT, SYSCALL, attacker, control

from silentzone.execution import bubblewrap

pytestmark = pytest.mark.slow


@pytest.fixture
def attack(sandbox):
    return attacker(sandbox)


@pytest.fixture
def secret(tmp_path):
    """A file that anybody may read and write, in folders that anybody may enter."""
    path = tmp_path / "secret"
    path.write_text("GOT", encoding="utf-8")
    path.chmod(0o666)
    return path


READS = {
    "by its path": "print(open(sys.argv[1]).read())",
    "by a symbolic link": ("os.symlink(sys.argv[1], 'link'); print(open('link').read())"),
    "by a hard link": "os.link(sys.argv[1], sys.argv[1] + '-2'); print(open(sys.argv[1]).read())",
    "by going up": "print(open('../' * 20 + sys.argv[1]).read())",
}


@pytest.mark.parametrize("way", READS)
def test_no_file_outside_can_be_read(attack, secret, way):
    code = f"import os, sys\n{READS[way]}"
    assert GOT in control(code, secret).stdout
    finished = attack(code, secret)
    assert GOT not in finished.stdout
    assert b"FileNotFoundError" in finished.stderr


def test_no_file_outside_can_be_read_by_an_open_folder(attack, secret):
    code = (
        "import os, sys\n"
        "for number in range(3, 64):\n"
        "    try:\n"
        "        os.fstat(number)\n"
        "    except OSError:\n"
        "        continue\n"
        "    print('GOT', number)\n"
    )
    # No control: a program started without the sandbox is given no open files either.
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        assert GOT not in attack(code).stdout


def test_nobodys_home_is_seen(attack):
    code = (
        "import os, sys\n"
        "seen = set(os.listdir(sys.argv[1])) - set(sys.executable.split('/'))\n"
        "print('GOT' if seen else 'nothing', seen)\n"
    )
    assert GOT in control(code, Path.home()).stdout
    assert GOT not in attack(code, Path.home()).stdout
    for name in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/var", "/sys", "/run"):
        assert (
            attack("import os, sys; print(os.path.exists(sys.argv[1]))", name).stdout == b"False\n"
        )


def test_no_variable_of_the_environment_is_seen(attack, monkeypatch):
    monkeypatch.setenv("SILENTZONE_SECRET", "GOT")
    # No control: without the sandbox the variables are cleared as well.
    assert GOT not in attack("import os; print(dict(os.environ))").stdout


def test_nothing_outside_can_be_written(attack, tmp_path):
    tmp_path.chmod(0o777)
    code = "import os, sys\nopen(sys.argv[1], 'w').write('GOT')\n"
    canary = tmp_path / "canary"
    control(code, canary)
    assert canary.read_bytes() == GOT
    canary.unlink()
    attack(code, canary)
    # The same path inside is another file, if it can be written at all.
    assert not canary.exists()


@pytest.mark.parametrize("place", ["/x", "/usr/lib/x", "/sandbox/x", "/dev/x", "PROGRAM", "PYTHON"])
def test_what_is_seen_cannot_be_written(attack, place):
    # No control: it would write into this machine's system and into this package.
    names = {"PROGRAM": bubblewrap.INSIDE, "PYTHON": os.__file__}
    finished = attack("import sys; open(sys.argv[1], 'a'); print('GOT')", names.get(place, place))
    assert GOT not in finished.stdout
    assert b"Read-only file system" in finished.stderr or b"PermissionError" in finished.stderr


@pytest.mark.parametrize("kind", ["TCP", "UDP", "abstract"])
def test_no_socket_of_this_machine_is_reached(attack, kind):
    code = (
        "import socket, sys\n"
        "family, kind = int(sys.argv[1]), int(sys.argv[2])\n"
        "name = sys.argv[3]\n"
        "address = '\\0' + name if family == socket.AF_UNIX else ('127.0.0.1', int(name))\n"
        "one = socket.socket(family, kind)\n"
        "one.settimeout(2)\n"
        "one.connect(address)\n"
        "one.send(b'hello')\n"
        "print(one.recv(10).decode())\n"
    )
    family = socket.AF_UNIX if kind == "abstract" else socket.AF_INET
    transport = socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM
    name = secrets.token_hex(8)
    with socket.socket(family, transport) as server:
        server.bind(f"\0{name}" if kind == "abstract" else ("127.0.0.1", 0))
        place = name if kind == "abstract" else server.getsockname()[1]
        if kind != "UDP":
            server.listen(5)
        thread = threading.Thread(target=_answer_once, args=(server, kind))
        thread.start()
        assert GOT in control(code, int(family), int(transport), place).stdout
        thread.join()
        finished = attack(code, int(family), int(transport), place)
    assert GOT not in finished.stdout
    assert b"Error" in finished.stderr


def _answer_once(server, kind):
    if kind == "UDP":
        _, sender = server.recvfrom(10)
        server.sendto(GOT, sender)
        return
    connection, _ = server.accept()
    with connection:
        connection.recv(10)
        connection.send(GOT)


def test_no_socket_to_the_outside_can_be_made(attack):
    # AF_VSOCK reaches the host of a virtual machine and belongs to no network namespace.
    code = (
        "import socket\n"
        "for family in (2, 10, 16, 17, 31, 38, 40):\n"
        "    for kind in (1, 2, 3):\n"
        "        try:\n"
        "            socket.socket(family, kind)\n"
        "        except OSError:\n"
        "            continue\n"
        "        print('GOT', family, kind)\n"
        "socket.socketpair()\n"
        "print('local ones work')\n"
    )
    assert GOT in control(code).stdout
    assert attack(code).stdout == b"local ones work\n"


def test_no_process_outside_gets_a_signal(attack):
    code = (
        "import os, signal, sys\n"
        "for number in range(1, 2**16):\n"
        "    try:\n"
        "        os.kill(number, 0)\n"
        "        if number not in (1, os.getpid()):\n"
        "            print('GOT', number)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    assert (
        GOT
        in control("import os, sys\nos.kill(int(sys.argv[1]), 0)\nprint('GOT')", os.getpid()).stdout
    )
    assert GOT not in attack(code).stdout


def test_killing_everything_kills_nothing_outside(attack):
    # No control: it would end the tests.
    code = (
        "import os\n"
        "for number in (os.getppid(), 1, -1, 0):\n"
        "    try:\n"
        "        os.kill(number, 9)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    finished = attack(code)
    assert finished.exit_code == 128 + 9, "the last one is its own group"
    assert attack("print('fine')").stdout == b"fine\n"


def test_no_process_outside_is_seen(attack):
    code = "import os\nprint('GOT' if os.path.exists('/proc/1') else 'nothing')"
    assert GOT in control(code).stdout
    assert attack(code).stdout == b"nothing\n"


PRIVILEGED = {
    "setuid": "os.setuid(0)",
    "setgroups": "os.setgroups([0])",
    "chroot": "os.chroot('/')",
    "device": "os.mknod('disk', 0o60666, os.makedev(254, 0))",
    "mount": "call('mount', b'proc', b'/tmp', b'proc', 0, None)",
    "tmpfs": "call('mount', b'x', b'/tmp', b'tmpfs', 0, None)",
    "unshare user": "call('unshare', 0x10000000)",
    "unshare mount": "call('unshare', 0x20000)",
    "clone user": (
        "number = 56 if os.uname().machine == 'x86_64' else 220\n"
        "call('syscall', number, 0x10000011, 0, 0, 0, 0)"
    ),
    "ptrace": "call('ptrace', 16, 1, 0, 0)",
    "more processes": "resource.setrlimit(resource.RLIMIT_NPROC, (99, 99))",
    "more memory": "resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))",
    "hostname": "socket.sethostname('x')",
    "priority": "os.nice(-5)",
    "clock": "time.clock_settime(time.CLOCK_REALTIME, 0)",
}


@pytest.mark.parametrize("name", PRIVILEGED)
def test_no_privilege_is_left(attack, name):
    # No control: run as root, the most of these would change this machine.
    code = f"import resource, socket, time\n{SYSCALL}\n{PRIVILEGED[name]}\nprint('GOT')\n"
    finished = attack(code)
    assert GOT not in finished.stdout
    assert b"Error" in finished.stderr


def test_an_ordinary_user_has_the_sandbox_too(sandbox, tmp_path):
    """Run as root, which these tests often are, the other way would never be tried."""
    if os.geteuid() != 0:
        assert sandbox.way == bubblewrap.USER_NAMESPACE
        return
    python = _python_for_everybody()
    if python is None:
        pytest.skip("no Python of 3.11 or later here that another user may start")
    package = Path(bubblewrap.__file__).parent.parent
    place = tmp_path / "src" / "silentzone"
    for name in ("errors.py", "__init__.py", "execution", "benchmarks"):
        source = package / name
        place.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, place / name)
    for path in (tmp_path, *tmp_path.parents[:2], *tmp_path.rglob("*")):
        path.chmod(path.stat().st_mode | 0o555)
    script = "from silentzone.execution.sandbox import sandbox_state; print(sandbox_state())"
    outcome = subprocess.run(
        [python, "-B", "-c", script],
        user=65534,
        group=65534,
        extra_groups=[],
        env={"PYTHONPATH": str(tmp_path / "src"), "PATH": os.environ["PATH"], "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    if "user.max_user_namespaces" in outcome.stdout or "ermission" in outcome.stdout:
        pytest.skip(f"this kernel lets no ordinary user make namespaces: {outcome.stdout}")
    assert "way='user_namespace'" in outcome.stdout


def _python_for_everybody():
    code = "import sys; sys.exit(sys.version_info < (3, 11))"
    for name in (os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            subprocess.run([name, "-c", code], user=65534, group=65534, extra_groups=[], cwd="/",
                           capture_output=True, timeout=60, check=True)  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        return name
    return None


def test_the_filter_is_in_force(attack):
    # PR_GET_SECCOMP would be refused by a stricter filter; 2 says that there is one.
    code = f"{SYSCALL}\nprint(call('prctl', 21, 0, 0, 0, 0), call('prctl', 39, 0, 0, 0, 0))"
    assert ctypes.CDLL(None).prctl(21, 0, 0, 0, 0) == 0
    assert attack(code).stdout == b"2 1\n"
