"""Reports as mlx-quant-fidelity 0.10.0 writes them: its own summaries and renderers, no MLX.

    pip install --no-deps mlx-quant-fidelity==0.10.0 && pip install numpy
    python make_reports.py

What writes reports needs mlx for a type alone, so an empty stand-in is enough; the package's own
__init__, which loads the measuring, is passed by. Divergences are made here from a seed; averaging,
record and JSON are the tool's.
"""

import importlib.util
import pathlib
import sys
import types

import numpy as np

mlx, core, nn = (types.ModuleType(name) for name in ("mlx", "mlx.core", "mlx.nn"))
core.array = np.ndarray
mlx.core, mlx.nn, mlx.__path__ = core, nn, []
package = types.ModuleType("mlx_quant_fidelity")
package.__path__ = importlib.util.find_spec("mlx_quant_fidelity").submodule_search_locations
sys.modules |= {"mlx": mlx, "mlx.core": core, "mlx.nn": nn, "mlx_quant_fidelity": package}

from mlx_quant_fidelity import report as writer  # noqa: E402
from mlx_quant_fidelity.corpora.provenance import CorpusProvenance  # noqa: E402
from mlx_quant_fidelity.metrics.aggregate import summarize  # noqa: E402

HERE = pathlib.Path(__file__).parent
CHUNKS, LENGTH = 6, 17
CORPUS = CorpusProvenance(
    name="wikitext-2-raw-v1",
    split="test",
    tokenizer_id="org/Tiny",
    chunk_length=LENGTH,
    stride=LENGTH,
    bos_policy="none",
    final_chunk_policy="drop",
    normalization="none",
    n_tokens=CHUNKS * LENGTH,
    dataset_revision="abc",
)
COMMON = {
    "n_positions": CHUNKS * (LENGTH - 1),
    "n_chunks": CHUNKS,
    "corpus": CORPUS,
    "mlx_version": "0.31.0",
    "mlx_lm_version": "0.31.1",
    "peak_memory_bytes": 123_456_789,
    "device": "Apple M4",
}


def summary(level, seed):
    values = level * np.random.default_rng(seed).gamma(0.5, 2.0, COMMON["n_positions"])
    return summarize(values.astype(np.float32))


def weights(name, level, bits, seed, **changes):
    return writer.WeightFidelityReport(
        **{
            "quant_model_id": name,
            "quant_revision": "r1",
            "reference_model_id": "org/Tiny-bf16",
            "reference_revision": "r0",
            "quant_bits": bits,
            "quant_group_size": 64,
            "quant_mode": "affine",
            "per_layer": False,
            "reference_bits": None,
            "kl": summary(level, seed),
            "flip_rate": 3 * level,
            "perplexity_ref": 8.0,
            "perplexity_quant": 8.0 * (1 + level),
            "perplexity_delta": 8.0 * level,
            "quant_model_bytes": bits * 100_000,
            "reference_model_bytes": 1_600_000,
            "verdict": "good",
            "warnings": ("the method is not recorded",),
            "quant_geometry": ((bits, 64, 7),),
            "quant_n_full_precision": 1,
            "quant_bits_per_weight": bits + 0.5,
            "quant_precision": "uniform",
            **COMMON,
            **changes,
        }
    )


def kv(bits, level, seed, **changes):
    return writer.FidelityReport(
        **{
            "model_id": "org/Tiny-bf16",
            "model_revision": "r0",
            "kv_bits": bits,
            "kv_group_size": 64,
            "quantize_start": 0,
            "quantize_mode": "stress",
            "kl": summary(level, seed),
            "flip_rate": 3 * level,
            "perplexity_ref": 8.0,
            "perplexity_quant": 8.0 * (1 + level),
            "perplexity_delta": 8.0 * level,
            "cache_supported": True,
            "verdict": "good",
            "warnings": (),
            **COMMON,
            **changes,
        }
    )


def main():
    four, eight = weights("org/Tiny-4bit", 0.04, 4, 1), weights("org/Tiny-8bit", 0.001, 8, 2)
    nothing = weights("org/Tiny-zero", 0.0, 4, 3, flip_rate=0.0)
    infinite = weights(
        "org/Tiny-broken",
        0.04,
        3,
        4,
        kl=summarize(np.array([0.1, np.inf, np.inf])),
        perplexity_quant=float("nan"),
        perplexity_delta=float("nan"),
    )
    reports = {"weights": four, "zero": nothing, "infinite": infinite, "kv": kv(4, 0.01, 5)}
    reports["kv-late"] = kv(8, 0.001, 6, quantize_mode="deployment", quantize_start=5)
    for name, one in reports.items():
        (HERE / f"{name}.json").write_text(writer.render_json(one) + "\n")
    target = writer.ComparisonTargetResult
    comparison = writer.ComparisonReport(
        mode="weight",
        reference="org/Tiny-bf16",
        model=None,
        corpus=CORPUS,
        quantize_start=None,
        quantize_mode=None,
        budget=None,
        results=(
            target("org/Tiny-4bit", "ok", four, None, "cost unavailable", None, None),
            target("org/Tiny-8bit", "ok", eight, None, "cost unavailable", None, None),
            target.failed("org/Tiny-2bit", "MemoryError", "not enough memory"),
        ),
        frontier=(),
        dominated=(),
        budget_pick=None,
        mlx_version="0.31.0",
        mlx_lm_version="0.31.1",
    )
    (HERE / "comparison.json").write_text(writer.render_comparison_json(comparison) + "\n")


main()
