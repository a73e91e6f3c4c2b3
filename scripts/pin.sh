#!/usr/bin/env bash
# Pin every dependency with its hashes: requirements/*.in -> requirements/*.txt.
#
# The files hold names, versions and hashes only. Where packages come from stays with whoever
# installs them, so a mirror or an offline folder works without editing anything.
# Needs the uv program (pip install uv). Options are passed on, for example --upgrade.
set -euo pipefail
cd "$(dirname "$0")/../requirements"

# llama-cpp-python is compiled here for this machine's processor: only its source is accepted.
for name in base build llama-cpp test lm-eval reasoning-gym docs; do
    uv pip compile "$name.in" --output-file "$name.txt" \
        --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
        --no-binary llama-cpp-python \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet "$@"
done

# Left out is PyTorch, which would be pinned with the packages of its builds for GPUs: torch.in
# says which build stands in torch.txt, by hand, and transformers.in what that one needs.
uv pip compile transformers.in --output-file transformers.txt \
    --override transformers-without-torch.in --no-emit-package torch --no-emit-package setuptools \
    --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet "$@"
