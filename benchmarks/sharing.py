"""One study measured by one process alone and by several that share it, with one thread each.

Every side is whole processes: start, hashing, loading, measuring, analysis, report. Beside the
wall time stands what the processes and their workers spent on claims: taking, settling and reading
them, and signs of life. The tables of all sides must be equal byte for byte. Run from the
repository root, alone on a machine with as many cores as processes::

    python -m benchmarks.sharing REFERENCE.gguf CANDIDATE.gguf... --processes 2 --windows 16
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import passes

COUNTED = """
import os, time
from silentzone.store.claims import ClaimBoard
from silentzone.store.members import Presence, Watch

spent = [0.0]
depth = [0]

def write():
    with open(os.path.join(os.environ["SPENT"], str(os.getpid())), "w") as file:
        file.write(str(spent[0]))

def counted(function):
    def call(*arguments, **named):
        depth[0] += 1
        started = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            depth[0] -= 1
            if depth[0] == 0:
                spent[0] += time.perf_counter() - started
                write()  # a worker ends without notice
    return call

for owner, names in (
    (ClaimBoard, ("take", "settle", "claims", "find", "release_all")),
    (Presence, ("_write",)),
    (Watch, ("members", "is_lost")),
):
    for name in names:
        setattr(owner, name, counted(getattr(owner, name)))
"""
PROGRAM = (
    "import sys; from silentzone.cli.main import run_command_line as go; sys.exit(go(sys.argv[1:]))"
)


def write_study(options, scratch):
    text = passes.text_file(options.text, scratch)
    lines = ["[reference]", f'path = "{options.reference.absolute()}"']
    for candidate in options.candidates:
        lines += ["[[candidates]]", f'path = "{candidate.absolute()}"']
    lines += ["[[corpora]]", f'path = "{text}"', f"context_length = {options.context_length}"]
    lines += [f"windows = {options.windows}", "[engine]", "threads = 1"]
    lines += ["[floor]", f"windows = {options.floor_windows}", "token_by_token_positions = 0"]
    study = scratch / "study.toml"
    study.write_text("\n".join(lines), "utf-8")
    return study


def seconds_of(study, out, processes, scratch, *, join):
    """Wall time until all have ended, and the seconds they spent on claims together."""
    site, spent = scratch / "site", out.with_suffix(".spent")
    site.mkdir(exist_ok=True)
    spent.mkdir()
    (site / "sitecustomize.py").write_text(COUNTED, "utf-8")
    command = [sys.executable, "-c", PROGRAM, "run", str(study), "--out", str(out), "--quiet"]
    paths = os.pathsep.join([str(site), *filter(None, sys.path)])
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [*command, *(["--join"] if join else [])],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths, "SPENT": str(spent)},
        )
        for _ in range(processes)
    ]
    codes = [process.wait() for process in running]
    wall = time.perf_counter() - started
    assert not any(codes), codes
    return wall, sum(float(path.read_text()) for path in spent.iterdir())


def tables_of(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in (out / "tables").rglob("*.parquet")
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidates", type=Path, nargs="+")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--windows", type=int, default=16)
    parser.add_argument("--floor-windows", type=int, default=2)
    parser.add_argument("--context-length", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sides = {
        "alone": (1, False),
        "1 joined": (1, True),
        f"{options.processes} joined": (options.processes, True),
    }
    walls = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        study, expected = write_study(options, scratch), None
        for number in range(options.rounds):
            for side, (processes, join) in sides.items():
                out = scratch / f"{side.replace(' ', '-')}-{number}"
                wall, claims = seconds_of(study, out, processes, scratch, join=join)
                expected = expected or tables_of(out)
                assert tables_of(out) == expected, "the tables differ"
                walls[side].append(wall)
                share = claims / (wall * processes)
                print(f"{side}: {wall:.1f} s, claims {claims:.2f} s ({share:.1%})", flush=True)
    alone = statistics.median(walls["alone"])
    for side, times in walls.items():
        median = statistics.median(times)
        print(f"{side}: median {median:.1f} s, {alone / median:.2f} of alone")


if __name__ == "__main__":
    main()
