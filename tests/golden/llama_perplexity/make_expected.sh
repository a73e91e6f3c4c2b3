#!/bin/sh
# Writes expected.avx2.json or expected.avx512.json, by the instructions of the tool: what llama-perplexity prints of five models on the text of made_text.py.
#
#   make_expected.sh LLAMA_PERPLEXITY SMOLLM2_Q4_1_GGUF DATE
#
# See README.md for how llama-perplexity is built. PYTHON names an interpreter that has silentzone
# with its engine (default: python).
set -eu

tool=$1
source_model=$2
date=$3
python=${PYTHON:-python}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" "$here/made_text.py" "$scratch/text.txt"
"$python" "$here/make_models.py" "$source_model" "$scratch"
"$tool" --version >"$scratch/version.txt" 2>&1

# One window per call. The number of windows is not read in the second step: the text has eight.
options="-c 512 -b 512 -ub 512 -t 2"
for reference in F16 Q8_0; do
    # shellcheck disable=SC2086 - options are words
    "$tool" -m "$scratch/$reference.gguf" -f "$scratch/text.txt" $options \
        --kl-divergence-base "$scratch/$reference.base" >"$scratch/$reference.base.txt" 2>&1
done
for pair in F16:F16 F16:Q8_0 F16:Q5_1 F16:Q4_0 Q8_0:Q8_0 Q8_0:Q4_0; do
    reference=${pair%:*}
    candidate=${pair#*:}
    # shellcheck disable=SC2086 - options are words
    "$tool" -m "$scratch/$candidate.gguf" $options --kl-divergence \
        --kl-divergence-base "$scratch/$reference.base" >"$scratch/$reference.$candidate.txt" 2>&1
done
"$python" "$here/make_expected.py" "$scratch" "$date" "$here"
