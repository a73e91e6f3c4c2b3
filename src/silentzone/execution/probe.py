"""Whether the sandbox holds on this machine: a program in it tries to get out.

It proves that what the sandbox is made of works here. That it holds against many attacks is for
the tests to show.
"""

from __future__ import annotations

import json
import socket
import tempfile
from pathlib import Path

from silentzone.errors import SilentzoneError
from silentzone.execution.bubblewrap import BUBBLEWRAP, Limits, SandboxState
from silentzone.execution.confined import run_confined

_LIMITS = Limits(wall_seconds=20.0, cpu_seconds=5, processes=3)
_CODE = """
import json, os, resource, socket, sys, time

secret, canary, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
out = []

def reads():
    open(secret).read()

def writes():
    open(canary, "w").write("x")

def connects():
    socket.create_connection(("127.0.0.1", port), 2).close()

def changes_the_system():
    for folder in ("/", "/usr/lib"):
        if os.statvfs(folder).f_flag & os.ST_RDONLY == 0:
            return
    raise OSError

def becomes_root():
    os.setuid(0)
    os.chroot("/")

def sees_processes():
    os.listdir("/proc/1")

for name, attempt in (
    ("a file outside was read", reads),
    ("a file outside was written", writes),
    ("a port of this machine was reached", connects),
    ("a folder of the system can be written", changes_the_system),
    ("it became root", becomes_root),
    ("processes were seen", sees_processes),
):
    try:
        attempt()
    except OSError:
        continue
    out.append(name)

started = 0
try:
    while started < 32:
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        started += 1
except OSError:
    pass
if started >= 8:
    out.append("the number of processes has no limit")
if resource.getrlimit(resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY:
    out.append("memory has no limit")
os.write(1, json.dumps(out).encode())
os._exit(0)
"""


def problem_of(way: str) -> str | None:
    """Say why the sandbox does not hold when made this way; null where it does."""
    state = SandboxState(kind=BUBBLEWRAP, version=None, missing=None, command=None, way=way)
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as server:
        folder = Path(name)
        folder.chmod(0o777)
        secret, canary = folder / "secret", folder / "canary"
        secret.write_text("secret", encoding="utf-8")
        secret.chmod(0o666)
        port = str(server.getsockname()[1])
        try:
            finished = run_confined(
                _CODE, state, _LIMITS, arguments=(str(secret), str(canary), port)
            )
            got_out = json.loads(finished.stdout)
        except SilentzoneError as error:
            return error.message
        except OSError as error:
            return str(error)
        except ValueError:
            return f"the probe ended with code {finished.exit_code} and did not say what it found"
        if canary.exists():
            return "a file outside was written"
    return got_out[0] if got_out else None
