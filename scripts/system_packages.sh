#!/usr/bin/env bash
# Offer the report tests a browser: Debian's chromium and a font, where apt may be used.
# Never fails: without a browser those tests are skipped and say so.
set -uo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
[ -n "${SILENTZONE_CHROMIUM:-}" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing chromium for the tests of the report" >&2
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if { apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } \
        </dev/null >"$log" 2>&1 && command -v chromium >/dev/null; then
        rm -f "$log"
        exit 0
    fi
    tail -n 3 "$log" >&2
    rm -f "$log"
fi
echo "setup: no chromium here, so the tests that open the report in a browser will be skipped" >&2
echo "hint: install chromium, or name one: SILENTZONE_CHROMIUM=/path/to/chromium" >&2
