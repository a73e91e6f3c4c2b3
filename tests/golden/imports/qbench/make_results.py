"""Results and cache in the layout of exllamav3's qbench, which needs CUDA to run.

    pip install numpy safetensors
    python make_results.py

The layout is that of eval/qbench.py and eval/qbench/{data,measure}.py at commit
848897d14f1e06cf3815464746c9e0a8b08a868a (per-token values in fp16), and the same with fp32 values as
later versions keep them. Sidecars are written by the safetensors package, as there.
"""

import hashlib
import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
ROWS, LENGTH = 6, 24
BUCKETS = [(0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 0.95), (0.95, 1.0)]


def key(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


DATA, REFERENCE = key("data"), key("reference")


def results(kl, ppl, nonfinite=0):
    finite = kl[np.isfinite(kl)].astype(np.float32)
    quantile = lambda share: float(np.quantile(finite, share))
    found = {"nonfinite_share": nonfinite / kl.size} if nonfinite else {}
    middle = np.sort(finite)[(len(finite) - 1) // 2]
    found |= {
        "ppl": ppl,
        "kld": float(finite.mean()),
        "kld_median": float(middle),
        "kld_p10": quantile(0.1),
        "kld_p25": quantile(0.25),
        "kld_p75": quantile(0.75),
        "kld_p90": quantile(0.9),
        "kld_buckets": [
            {
                "conf_range": list(pair),
                "share": 0.2,
                "mean": float(finite.mean()) if i else None,
                "median": float(middle) if i else None,
            }
            for i, pair in enumerate(BUCKETS)
        ],
    }
    return found


def divergences(level, seed):
    rng = np.random.default_rng(seed)
    per_row = rng.lognormal(0.0, 0.6, (ROWS, 1))
    return (level * per_row * rng.gamma(0.5, 2.0, (ROWS, LENGTH))).ravel().astype(np.float32)


def write(folder, version, kind):
    cache = HERE / folder / "qbench"
    cache.mkdir(parents=True, exist_ok=True)
    logits = cache / f"logits_{DATA}_{REFERENCE}"
    logits.mkdir(exist_ok=True)
    (logits / "meta.json").write_text(json.dumps({"rows": ROWS, "prefix_len": 0}))
    own = {"ppl": 8.25, "bpw_layer": 16.0, "bpw_head": 16.0, "vram_gb": 3.25}
    everything = [{"label": "BF16", "group": "reference", **own}]
    save(cache, f"{DATA}_{REFERENCE}_self_m{version}", own, None, kind)
    models = [
        ("Noise floor", "noise_floor", 0.0002, 8.2501, 16.0, 0),
        ("4.0bpw", "EXL3", 0.02, 8.375, 4.0, 0),
        ("Q4_K_M", "GGUF", 0.03, 8.5, 4.8, 3),
        ("6.0bpw", "EXL3", 0.002, 8.2625, 6.0, 0),
    ]
    for seed, (label, group, level, ppl, bits, broken) in enumerate(models):
        kl = divergences(level, seed)
        kl[:broken] = np.nan
        found = results(kl, ppl, broken)
        found |= {"bpw_layer": bits, "bpw_head": 6.0, "vram_gb": bits / 4}
        save(cache, f"{DATA}_{REFERENCE}_{key(label)}_m{version}", found, kl, kind)
        everything.append({"label": label, "group": group, **found})
    (HERE / folder / "results.json").write_text(json.dumps(everything, indent=2))


def save(cache, name, found, kl, kind):
    (cache / f"results_{name}.json").write_text(json.dumps(found, indent=2))
    if kl is not None:
        save_file({"kl": kl.astype(kind)}, cache / f"kl_{name}.safetensors")


write("fp32", 5, np.float32)
write("fp16", 4, np.float16)
