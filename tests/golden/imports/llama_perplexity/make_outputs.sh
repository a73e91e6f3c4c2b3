#!/bin/sh
# Writes the logs and base files of this folder with llama-perplexity, and cleans the logs of paths.
#
#   make_outputs.sh LLAMA_PERPLEXITY SMOLLM2_F16_GGUF SMOLLM2_Q8_0_GGUF
#
# README.md says how the tool is built. PYTHON names an interpreter that has silentzone with its engine.
set -eu

tool=$(realpath "$1")
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ln -s "$(realpath "$2")" "$scratch/F16.gguf"
ln -s "$(realpath "$3")" "$scratch/Q8_0.gguf"
python=${PYTHON:-python}
"$python" "$here/tiny_models.py" "$scratch"
"$python" "$here/../../llama_perplexity/made_text.py" "$scratch/text.txt"
head -c 270 "$scratch/text.txt" >"$scratch/short.txt"
cd "$scratch"

# The tool leaves without waiting for its log: what it printed last can be missing, with exit code 0.
until_whole() {
    file=$1 last=$2
    shift 2
    for _ in 1 2 3 4 5 6 7 8 9; do
        "$@" >"$file" 2>"$file.stderr" && grep -q "$last" "$file" "$file.stderr" && return
    done
    echo "$file stays incomplete" >&2
    exit 1
}

until_mixed() {
    file=$1
    shift
    for _ in 1 2 3 4 5 6 7 8 9; do
        "$@" >"$file" 2>&1 && grep -q "Same top p:\|Final estimate" "$file" && return
    done
    echo "$file stays incomplete" >&2
    exit 1
}

real="-c 512 -b 512 -ub 512 -t 2"
tiny="-c 64 -b 64 -t 1"
# shellcheck disable=SC2086 - options are words
{
    until_whole smollm2.ppl.stdout.txt "Final estimate" \
        "$tool" -m F16.gguf -f text.txt $real --kl-divergence-base F16.base
    until_whole smollm2.kld.stdout.txt "Same top p:" \
        "$tool" -m Q8_0.gguf $real --kl-divergence --kl-divergence-base F16.base
    until_whole smollm2.self.stdout.txt "Same top p:" \
        "$tool" -m F16.gguf $real --kl-divergence --kl-divergence-base F16.base
    for kind in odd even; do
        until_mixed "tiny.$kind.ppl.txt" \
            "$tool" -m $kind.gguf -f short.txt $tiny -lv 4 --kl-divergence-base $kind.base
        until_mixed "tiny.$kind.kld.txt" \
            "$tool" -m $kind-near.gguf $tiny -lv 4 --kl-divergence --kl-divergence-base $kind.base
    done
    # Against a file of our own writer.
    "$python" "$here/our_base.py" odd.gguf odd.base ours.base 2>ours.log || { cat ours.log; exit 1; }
    until_mixed tiny.ours.kld.txt \
        "$tool" -m odd-near.gguf $tiny --kl-divergence --kl-divergence-base ours.base
    until_mixed tiny.ppl-rows.txt "$tool" -m odd.gguf -f short.txt $tiny --ppl-output-type 1
    until_mixed tiny.nan.txt "$tool" -m odd-nan.gguf $tiny --kl-divergence --kl-divergence-base odd.base
    # Another vocabulary than the base file's: the tool says so and goes on.
    until_mixed tiny.mismatch.txt \
        "$tool" -m even-near.gguf $tiny --kl-divergence --kl-divergence-base odd.base
    for _ in 1 2 3 4 5 6 7 8 9; do
        "$tool" -m odd.gguf -f text.txt $tiny --chunks 14 --ppl-stride 16 >tiny.stride.txt 2>&1
        grep -q "\[14\]" tiny.stride.txt && break
    done
    # Fewer than 100 scored positions: no final block.
    "$tool" -m odd.gguf -f short.txt -c 32 -b 32 -t 1 --chunks 4 --kl-divergence-base few.base \
        >few.txt 2>&1
    for _ in 1 2 3 4 5 6 7 8 9; do
        "$tool" -m odd-near.gguf -c 32 -b 32 -t 1 --kl-divergence --kl-divergence-base few.base \
            >tiny.few.txt 2>&1
        grep -q "^   4 " tiny.few.txt && break
    done
}
"$python" "$here/synthetic_tasks.py" "$scratch"
for task in hellaswag:hellaswag.txt winogrande:winogrande.csv multiple-choice:multiple_choice.bin; do
    file=${task#*:}
    for _ in 1 2 3 4 5 6 7 8 9; do
        "$tool" -m F16.gguf -c 256 -t 2 "--${task%:*}" -f "$file" -bf "$file" \
            >"smollm2.${task%:*}.txt" 2>&1
        grep -q "^6	" "smollm2.${task%:*}.txt" && break
    done
done
mv smollm2.ppl.stdout.txt.stderr smollm2.ppl.stderr.txt
mv smollm2.kld.stdout.txt.stderr smollm2.kld.stderr.txt
for file in smollm2.*.txt tiny.*.txt; do
    # What names the machine: its processor's instructions stay, folders and memory go.
    case $file in *.stderr) continue ;; esac
    sed -e "s|$scratch/||g" -e '/memory/d' -e '/device memory data/d' "$file" >"$here/$file"
done
cp odd.base even.base "$here/"
