"""Write expected.*.json from what llama-perplexity printed; called by make_expected.sh.

python make_expected.py FOLDER DATE TARGET_FOLDER
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
NUMBER = r"(-?[\d.]+)"
# Our key, the tool's words, what the printed number is multiplied with to be in our unit.
LINES = (
    ("ppl_candidate", r"Mean PPL\(Q\)", 1.0),
    ("ppl_reference", r"Mean PPL\(base\)", 1.0),
    ("ln_ppl_ratio", r"Mean ln\(PPL\(Q\)/PPL\(base\)\)", 1.0),
    ("ppl_ratio", r"Mean PPL\(Q\)/PPL\(base\)", 1.0),
    ("ppl_delta", r"Mean PPL\(Q\)-PPL\(base\)", 1.0),
    ("kld_mean", r"Mean +KLD", 1.0),
    ("kld_max", r"Maximum KLD", 1.0),
    ("kld_p999", r"99\.9% +KLD", 1.0),
    ("kld_p99", r"99\.0% +KLD", 1.0),
    ("kld_p95", r"95\.0% +KLD", 1.0),
    ("kld_p90", r"90\.0% +KLD", 1.0),
    ("kld_median", r"Median +KLD", 1.0),
    ("kld_p10", r"10\.0% +KLD", 1.0),
    ("kld_min", r"Minimum KLD", 1.0),
    ("delta_p_mean", r"Mean +Δp", 0.01),
    ("delta_p_median", r"Median +Δp", 0.01),
    ("delta_p_max", r"Maximum Δp", 0.01),
    ("delta_p_p95", r"95\.0% +Δp", 0.01),
    ("delta_p_p5", r"5\.0% +Δp", 0.01),
    ("delta_p_min", r"Minimum Δp", 0.01),
    ("delta_p_rms", r"RMS Δp", 0.01),
    ("top1_agreement", r"Same top p", 0.01),
)


def printed(text):
    found = {}
    for key, words, unit in LINES:
        match = re.search(rf"^ *{words} *: *{NUMBER}", text, re.MULTILINE)
        assert match is not None, key
        found[key] = round(float(match[1]) * unit, 8)
    return found


def base_file(path):
    """What the tool's file of the reference says: context length, windows, tokens."""
    with path.open("rb") as file:
        assert file.read(8) == b"_logits_"
        context_length, vocabulary, windows = np.fromfile(file, "<i4", 3).tolist()
        tokens = np.fromfile(file, "<i4", context_length * windows)
    return {
        "bytes": path.stat().st_size,
        "context_length": context_length,
        "vocabulary": vocabulary,
        "windows": windows,
        "tokens_sha256": hashlib.sha256(tokens.tobytes()).hexdigest(),
    }


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


folder, date, target = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
system_info = re.search(r"system_info: (.*)", (folder / "F16.F16.txt").read_text())
expected = {
    "tool": {
        "name": "llama-perplexity",
        "version": (folder / "version.txt").read_text().strip().splitlines(),
        "sources": "vendor/llama.cpp of the source distribution llama-cpp-python 0.3.36",
        "options": "-c 512 -b 512 -ub 512 -t 2",
        "system_info": system_info[1].strip() if system_info else None,
    },
    "recipe": "make_expected.sh",
    "date": date,
    "platform": f"{platform.system()} {platform.machine()}",
    "processor": processor(),
    "text_sha256": sha256(folder / "text.txt"),
    "models": {name: sha256(folder / f"{name}.gguf") for name in ("F16", "Q8_0", "Q5_1", "Q4_0")},
    "base_files": {name: base_file(folder / f"{name}.base") for name in ("F16", "Q8_0")},
    "comparisons": [
        {
            "reference": path.name.split(".")[0],
            "candidate": path.name.split(".")[1],
            "printed": printed(path.read_text()),
        }
        for path in sorted(folder.glob("*.*.txt"))
        if path.name.split(".")[1] != "base"
    ],
}
# Wider vectors add in another order: each set of instructions has expected values of its own.
kind = "avx512" if system_info and "AVX512 = 1" in system_info[1] else "avx2"
(target / f"expected.{kind}.json").write_text(
    json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
)
