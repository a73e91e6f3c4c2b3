#!/usr/bin/env bash
# Build the documentation into build/site; a warning, such as a link that leads nowhere, is an error.
#
# The builder has an environment of its own: neither the program nor its tests need it.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-site
wanted=$(cksum <requirements/docs.txt)

if [ "$(cat "$venv/.ready" 2>/dev/null)" != "$wanted" ]; then
    echo "site: installing the pinned builder (some ten seconds)" >&2
    "$(scripts/find_python.sh)" -m venv --clear "$venv"
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install -qq --require-hashes --requirement requirements/docs.txt
    echo "$wanted" >"$venv/.ready"
fi
rm -rf build/site
"$venv/bin/python" -m sphinx --builder html --fail-on-warning --keep-going --quiet \
    --conf-dir scripts/site --doctree-dir build/site-doctrees . build/site
cp build/site/README.html build/site/index.html
echo "build/site/index.html"
