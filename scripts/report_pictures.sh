#!/usr/bin/env bash
# Take the pictures of docs/images from a report: scripts/report_pictures.sh STUDY/report/index.html
#
# Needs chromium and ImageMagick's convert. One part at a time is shown in a copy of the page, which
# needs its Content-Security-Policy taken out; the report itself is not changed.
set -euo pipefail
report=$(realpath "$1")
target=$(realpath "$(dirname "$0")/../docs/images")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shoot PAGE PICTURE WIDTH HEIGHT
shoot() {
    chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --virtual-time-budget=5000 --window-size="$3,$4" --screenshot="$work/shot.png" "file://$1" >/dev/null 2>&1
    convert "$work/shot.png" -strip +dither -colors 48 "PNG8:$target/$2"
}

# part ID PICTURE HEIGHT
part() {
    local hide="header,footer,nav,main>section{display:none!important}" show
    case $1 in
        figure-*) show="main>#figures,#figures>#$1{display:block!important}#figures>:not(#$1){display:none!important}" ;;
        *) show="main>#$1{display:block!important}" ;;
    esac
    local open="addEventListener('load',()=>setTimeout(()=>{const d=document.querySelectorAll('#changes details')[2];if(d)d.open=true},1500))"
    sed -E "s|<meta http-equiv=\"Content-Security-Policy\"[^>]*>||; s|</head>|<style>$hide$show</style></head>|; s|</body>|<script>$open</script></body>|" \
        "$report" >"$work/part.html"
    shoot "$work/part.html" "$2" 1000 "$3"
    convert "$target/$2" -trim +repage -bordercolor white -border 16 "PNG8:$target/$2"
}

shoot "$report" report-360.png 360 1290
shoot "$report" report-900.png 900 1300
shoot "$report" report-1400.png 1400 1300
part figure-size report-size.png 1500
part figure-fidelity report-fidelity.png 900
part figure-volume report-volume.png 1500
part figure-harm report-harm.png 1100
part items report-items.png 1000
part decision report-decision.png 1500
ls -l "$target"
