#!/usr/bin/env bash
# Offer the tests what Debian has for them, where apt may be used: chromium and a font for those of
# the report, bubblewrap for those of the sandbox. Each on its own, whatever becomes of the other.
# Never fails: what is missing is said here, and by the tests that need it.
set -uo pipefail

is_updated=no

# install NAME PACKAGE... : whether the program NAME is there, installed now if it can be
install() {
    local name=$1 log
    shift
    command -v "$name" >/dev/null && return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    echo "setup: installing $name for the tests" >&2
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    if [ "$is_updated" = no ]; then
        # Older lists may do as well.
        apt-get update </dev/null >"$log" 2>&1 || tail -n 3 "$log" >&2
        is_updated=yes
    fi
    apt-get install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1 || tail -n 3 "$log" >&2
    rm -f "$log"
    command -v "$name" >/dev/null
}

if ! install bwrap bubblewrap; then
    echo "setup: no bubblewrap here, so the tests of the sandbox cannot be run" >&2
    echo "hint: install bubblewrap (0.7 or later)" >&2
fi

has_chromium() {
    local name
    [ -n "${SILENTZONE_CHROMIUM:-}" ] && return 0
    for name in chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return 0
    done
    install chromium chromium fonts-dejavu-core
}

if ! has_chromium; then
    echo "setup: no chromium here, so the tests that open the report in a browser will be skipped" >&2
    echo "hint: install chromium, or name one: SILENTZONE_CHROMIUM=/path/to/chromium" >&2
fi
exit 0
