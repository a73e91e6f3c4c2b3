"""Real quantized folders: made by the tools that make them, held against weights expanded by hand.

``make`` runs in an environment of the tool's own (`pip install llmcompressor`, or `gptqmodel` and
`optimum`; both want another PyTorch than the tests'), with a folder of the reference in float32 and
a text to calibrate on. ``check`` loads every folder through the backend `transformers`, expands its
weights by hand into a plain folder beside it, and prints the mean divergence from the reference and
between the two. ``fp8`` is written by hand, its tools need a GPU. From the repository root::

    python -m benchmarks.quantized_formats make llm-compressor REFERENCE OUT TEXT
    python -m benchmarks.quantized_formats make gptqmodel REFERENCE OUT TEXT
    python -m benchmarks.quantized_formats make fp8 REFERENCE OUT TEXT
    python -m benchmarks.quantized_formats check REFERENCE TEXT OUT/*
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

GROUP = 64
SEQUENCES, LENGTH = 8, 256


def calibration(tokenizer, text, count=SEQUENCES, length=LENGTH):
    tokens = tokenizer(text)["input_ids"]
    return [tokens[k * length : (k + 1) * length] for k in range(count)]


def make_with_llm_compressor(reference, out, text):
    import torch
    from compressed_tensors.quantization.quant_scheme import preset_name_to_scheme
    from datasets import Dataset
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import GPTQModifier, QuantizationModifier
    from transformers import AutoModelForCausalLM, AutoTokenizer

    def groups(preset):
        scheme = preset_name_to_scheme(preset, ["Linear"])
        if scheme.weights.group_size == 128:  # SmolLM2 is 576 wide
            scheme.weights.group_size = GROUP
        return {"config_groups": {"group_0": scheme}, "ignore": ["lm_head"]}

    tokenizer = AutoTokenizer.from_pretrained(reference)
    tokens = calibration(tokenizer, text)
    data = Dataset.from_dict({"input_ids": tokens, "attention_mask": [[1] * LENGTH] * len(tokens)})
    for name, modifier, preset in (
        ("ct-w8a16", QuantizationModifier, "W8A16"),
        ("ct-w4a16", QuantizationModifier, "W4A16"),
        ("ct-w4a16-gptq", GPTQModifier, "W4A16"),
        ("ct-w4a16-asym", QuantizationModifier, "W4A16_ASYM"),
        ("ct-nvfp4a16", QuantizationModifier, "NVFP4A16"),
        ("ct-w8a8", QuantizationModifier, "W8A8"),
        ("ct-fp8-dynamic", QuantizationModifier, "FP8_DYNAMIC"),
    ):
        if (out / name).exists():
            continue
        model = AutoModelForCausalLM.from_pretrained(reference, dtype=torch.float32)
        oneshot(
            model=model,
            dataset=data,
            recipe=[modifier(**groups(preset))],
            max_seq_length=LENGTH,
            num_calibration_samples=len(tokens),
            tokenizer=tokenizer,
        )
        model.save_pretrained(out / name, save_compressed=True)
        tokenizer.save_pretrained(out / name)


def make_with_gptqmodel(reference, out, text):
    import torch
    from gptqmodel import GPTQModel
    from gptqmodel.quantization.config import AWQConfig, QuantizeConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, GPTQConfig

    tokenizer = AutoTokenizer.from_pretrained(reference)
    if not (out / "gptq-4bit-g64").exists():
        how = GPTQConfig(
            bits=4,
            group_size=GROUP,
            dataset=[tokenizer.decode(one) for one in calibration(tokenizer, text)],
            tokenizer=tokenizer,
            model_seqlen=LENGTH,
        )
        model = AutoModelForCausalLM.from_pretrained(
            reference, dtype=torch.float32, quantization_config=how
        )
        model.save_pretrained(out / "gptq-4bit-g64")
        tokenizer.save_pretrained(out / "gptq-4bit-g64")
    few = [
        {"input_ids": one, "attention_mask": [1] * len(one)}
        for one in calibration(tokenizer, text, count=2, length=128)
    ]
    in_order = QuantizeConfig(
        bits=4, group_size=GROUP, desc_act=True, act_group_aware=False, device="cpu"
    )
    for name, how in (
        ("gptq-4bit-actorder", in_order),
        ("awq-4bit-g64", AWQConfig(bits=4, group_size=GROUP, device="cpu")),
    ):
        if (out / name).exists():
            continue
        model = GPTQModel.load(str(reference), how)
        model.quantize(few, batch_size=1)
        model.save(str(out / name))
        tokenizer.save_pretrained(out / name)


def make_fp8(reference, out, _text):
    from tests.backends.packed_models import write_fp8

    write_fp8(reference, out / "fp8-block", block=GROUP)


MAKERS = {
    "llm-compressor": make_with_llm_compressor,
    "gptqmodel": make_with_gptqmodel,
    "fp8": make_fp8,
}


def check(reference, text, folders, windows=4):
    """Print, per folder, what its divergence is and what loading adds to it."""
    import numpy as np
    from tests.backends.packed_models import expand

    from silentzone.backends.base import EngineSettings
    from silentzone.backends.transformers.entry import ENGINE
    from silentzone.errors import SilentzoneError
    from silentzone.metrics.kernels import compare_rows, describe_rows
    from silentzone.records.config import ModelLoading
    from silentzone.records.windows import WindowPlan

    settings = EngineSettings(threads=1, loading=ModelLoading(dtype="float32", device="cpu"))
    plan = WindowPlan(context_length=LENGTH, first_scored=LENGTH // 2, add_bos=False)

    def logits(path, tokens=None):
        with ENGINE.open(path, ENGINE.read_model(path, path.name), settings) as backend:
            if tokens is None:
                whole = np.asarray(backend.tokenize(text, add_bos=False), np.int32)
                tokens = [whole[k * LENGTH : (k + 1) * LENGTH] for k in range(windows)]
            rows = [part.logits_TV.copy() for part in backend.window_logits(tokens, plan)]
        return np.concatenate(rows), tokens

    exact, tokens = logits(reference)
    observed = np.concatenate([one[plan.first_scored + 1 :] for one in tokens])

    def divergence(first, second):
        rows = describe_rows(first, observed)
        return float(compare_rows(first, second, observed, rows).kl_divergence.mean())

    for folder in folders:
        row = {"folder": folder.name, "positions": len(observed)}
        try:
            loaded, _ = logits(folder, tokens)
            with tempfile.TemporaryDirectory() as beside:
                by_hand, _ = logits(expand(folder, Path(beside) / folder.name), tokens)
        except SilentzoneError as error:
            row["refused"] = str(error)
        else:
            row |= {
                "bits_per_weight": round(ENGINE.read_model(folder, "x").bits_per_weight, 2),
                "mean_kld": divergence(exact, loaded),
                "mean_kld_of_the_weights_by_hand": divergence(exact, by_hand),
                "between_the_two": divergence(by_hand, loaded),
            }
        print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ways = parser.add_subparsers(dest="way", required=True)
    making = ways.add_parser("make")
    making.add_argument("tool", choices=MAKERS)
    making.add_argument("reference", type=Path)
    making.add_argument("out", type=Path)
    making.add_argument("text", type=Path)
    checking = ways.add_parser("check")
    checking.add_argument("reference", type=Path)
    checking.add_argument("text", type=Path)
    checking.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8")
    if options.way == "make":
        MAKERS[options.tool](options.reference, options.out, text)
    else:
        check(options.reference, text, options.folders)


if __name__ == "__main__":
    main()
