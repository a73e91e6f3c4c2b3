#!/usr/bin/env bash
# Offer the tests of the report the accessibility checker axe-core, where npm may be used.
# Never fails: without it those tests are skipped and say so.
set -uo pipefail

version=4.14.1
sha256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
place="${XDG_CACHE_HOME:-$HOME/.cache}/silentzone/axe-core-$version"
[ -f "$place/axe.min.js" ] && exit 0

beside=$(mktemp -d)
trap 'rm -rf "$beside"' EXIT
if command -v npm >/dev/null && (cd "$beside" && npm pack --silent "axe-core@$version" && tar -xzf axe-core-*.tgz) >/dev/null 2>&1 &&
    echo "$sha256  $beside/package/axe.min.js" | sha256sum --check --status; then
    mkdir -p "$place" && cp "$beside/package/axe.min.js" "$beside/package/LICENSE" "$place/" && exit 0
fi
echo "setup: no axe-core here, so the check of the report's accessibility will be skipped" >&2
echo "hint: install npm, or put axe.min.js of axe-core $version into $place" >&2
