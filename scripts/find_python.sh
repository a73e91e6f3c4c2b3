#!/usr/bin/env bash
# Print a Python of at least 3.11 that can really be started, the one of $PYTHON first.
# A name on the PATH proves nothing: version managers put names there that refuse to run.
set -euo pipefail

too_old=""
for name in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
    [ -n "$name" ] || continue
    if found=$("$name" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)' 2>/dev/null); then
        echo "$found"
        exit 0
    fi
    if version=$("$name" -c 'import sys; print(".".join(map(str, sys.version_info[:3])))' 2>/dev/null); then
        too_old+="${too_old:+, }$name is $version"
    fi
done
echo "setup: no Python of version 3.11 or later was found${too_old:+ ($too_old)}" >&2
echo "hint: on Debian and Ubuntu: apt-get install python3 python3-venv; with uv: uv python install 3.11" >&2
echo "hint: one that is not on the PATH can be named: make setup PYTHON=/path/to/python3" >&2
exit 1
