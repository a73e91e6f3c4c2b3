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

say() { echo "setup: $*" >&2; }

# A changed pin must reach an old environment. One that was moved or copied is made anew: the
# programs in it still start the Python of the old place.
place=$(pwd -P)
wanted=$(cat requirements/*.txt pyproject.toml scripts/setup.sh scripts/llama_cpp_wheel.py | cksum; echo "$place")
is_ready() { [ "$(cat "$venv/.ready-$1" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c 'import silentzone' 2>/dev/null; }

install() { "$venv/bin/python" -m pip install -qq --require-hashes --requirement "requirements/$1.txt" "${@:2}"; }

if ! is_ready run; then
    if [ "$(cat "$venv/.place" 2>/dev/null)" != "$place" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(scripts/find_python.sh)
        say "making $venv with $("$python" --version)"
        if ! "$python" -m venv --clear "$venv"; then
            say "this Python cannot make an environment; on Debian and Ubuntu: apt-get install python3-venv"
            exit 1
        fi
        echo "$place" >"$venv/.place"
    fi
    say "installing the pinned dependencies"
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
    echo "$wanted" >"$venv/.ready-test"
fi
