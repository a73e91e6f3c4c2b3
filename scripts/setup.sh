#!/usr/bin/env bash
# Set up .venv from the hash-checked pins: scripts/setup.sh run|test
#
# `run` installs what the program needs, the engine included; `test` adds what the checks need.
# May be stopped and started again at any point; a finished set-up is recognised by its stamp.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:-run}
venv=.venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
trap 'say "stopped; the same command goes on from there"; exit 130' INT

say() { echo "setup: $*" >&2; }
hint() { echo "hint: $*" >&2; }

# A changed pin must reach an old environment. One that was moved or copied is made anew: the
# programs in it still start the Python of the old place.
place=$(pwd -P)
wanted=$(cat requirements/*.txt pyproject.toml scripts/setup.sh scripts/llama_cpp_wheel.py | cksum; echo "$place")
is_ready() { [ "$(cat "$venv/.ready-$1" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c 'import silentzone' 2>/dev/null; }

# pip's last line is often beside the point ("no matching distribution" where no index was reached).
explain() {
    if grep -qE "No space left|quota exceeded" "$1"; then
        say "the disk is full: $(df -Ph . | awk 'NR == 2 { print $4 " free in " $6 }'), and .venv needs 1 GB"
        hint "make room, or set TMPDIR if it is the folder for temporary files that is full"
    elif grep -qE "Read-only file system|Permission denied" "$1"; then
        say "this folder cannot be written: $place"
        hint "use a copy of the checkout in a folder of your own"
    elif grep -qE "after connection broken|ProxyError|SSLError|Read timed out|Could not fetch URL" "$1"; then
        say "the package index cannot be reached; \`$venv/bin/python -m pip config list\` shows index and proxy"
        hint "set PIP_INDEX_URL to a mirror, or PIP_FIND_LINKS to a folder of wheels with PIP_NO_INDEX=1"
    elif grep -q "DO NOT MATCH THE HASHES" "$1"; then
        say "the package index gave a file with another content than the one pinned"
    else
        return 0
    fi
    say "then run the same command again; it goes on from there"
}

# Run a step; what it says on stderr is shown and, where it fails, explained.
step() {
    local log status=0
    log=$(mktemp 2>/dev/null) || { say "no temporary file can be made in ${TMPDIR:-/tmp}; set TMPDIR"; exit 1; }
    "$@" 2>"$log" || status=$?
    cat "$log" >&2
    [ "$status" = 0 ] || explain "$log"
    rm -f "$log"
    return "$status"
}

install() { step "$venv/bin/python" -m pip install -qq --require-hashes --requirement "requirements/$1.txt" "${@:2}"; }

if ! is_ready run; then
    if [ "$(cat "$venv/.place" 2>/dev/null)" != "$place" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(scripts/find_python.sh)
        say "making $venv with $("$python" --version)"
        if ! "$python" -c 'import ensurepip' 2>/dev/null; then
            say "this Python cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv"
            exit 1
        fi
        step "$python" -m venv --clear "$venv"
        echo "$place" >"$venv/.place"
    fi
    # Said before a minute of downloads rather than after it.
    "$venv/bin/python" scripts/llama_cpp_wheel.py --check
    say "installing the pinned dependencies (a minute or two)"
    install build
    install base
    wheel=$("$venv/bin/python" scripts/llama_cpp_wheel.py)
    "$venv/bin/python" -m pip install -qq --no-deps --no-index --force-reinstall "$wheel"
    install llama-cpp
    "$venv/bin/python" -m pip install -qq --no-deps --no-index --no-build-isolation --editable .
    echo "$wanted" >"$venv/.ready-run"
fi

if [ "$kind" = test ] && ! is_ready test; then
    say "installing what the checks need"
    install test
    # These lists are whole; some comes as source and is built by the setuptools pinned for that.
    install lm-eval --no-deps --no-build-isolation
    install reasoning-gym --no-deps --no-build-isolation
    # PyTorch is pinned for one platform (requirements/torch.txt); elsewhere the tests on it say that it lacks.
    install transformers --no-deps
    if ! install torch --no-deps; then
        say "PyTorch is not here: tests of the backend \`transformers\` cannot run"
        hint "set PIP_FIND_LINKS to a folder with a build of PyTorch for processors, or PIP_EXTRA_INDEX_URL to an index that has it"
        exit 0
    fi
    echo "$wanted" >"$venv/.ready-test"
fi
