"""Write expected.json: what lm-evaluation-harness computes for items.jsonl.

Run in an environment of its own (see README.md):

    HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 python make_expected.py MODEL.gguf
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import lm_eval.evaluator
import torch
import yaml
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

HERE = Path(__file__).parent
CONTEXT_LENGTH = 512


def forms(items):
    """The items as two tasks: a space put between prompt and choice, and nothing put between."""
    spaced, joined = [], []
    for item in items:
        choices, target = item["choices"], item["target"]
        gold = target if isinstance(target, int) else choices.index(target)
        if item["prompt"][-1].isspace():
            form = joined
        else:
            form = spaced
            choices = [choice.removeprefix(" ") for choice in choices]
        form.append(
            {"id": item["item_id"], "prompt": item["prompt"], "choices": choices, "gold": gold}
        )
    return {"own_items_spaced": (" ", spaced), "own_items_joined": ("", joined)}


def evaluate(model_file, tasks):
    with tempfile.TemporaryDirectory() as folder:
        for name, (delimiter, rows) in tasks.items():
            data = Path(folder) / f"{name}.jsonl"
            data.write_text("".join(json.dumps(row) + "\n" for row in rows))
            config = {
                "task": name,
                "dataset_path": "json",
                "dataset_kwargs": {"data_files": {"test": str(data)}},
                "test_split": "test",
                "output_type": "multiple_choice",
                "doc_to_text": "prompt",
                "doc_to_choice": "choices",
                "doc_to_target": "gold",
                "target_delimiter": delimiter,
                "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
                "num_fewshot": 0,
            }
            (Path(folder) / f"{name}.yaml").write_text(yaml.safe_dump(config))
        model = HFLM(
            pretrained=str(model_file.parent),
            gguf_file=model_file.name,
            tokenizer=None,
            device="cpu",
            dtype="float32",
            batch_size=1,
            max_length=CONTEXT_LENGTH,
        )
        results = lm_eval.evaluator.simple_evaluate(
            model=model,
            tasks=list(tasks),
            task_manager=TaskManager(include_path=folder, include_defaults=False),
            log_samples=True,
            bootstrap_iters=0,
        )
    return model, results


def rows_of(model, results):
    for name, samples in results["samples"].items():
        for sample in samples:
            arguments = [
                (request["arg_0"], request["arg_1"])
                if isinstance(request, dict)
                else (request[0], request[1])
                for request in (
                    sample["arguments"].values()
                    if isinstance(sample["arguments"], dict)
                    else sample["arguments"]
                )
            ]
            pairs = [model._encode_pair(*pair) for pair in arguments]
            yield {
                "item_id": sample["doc"]["id"],
                "task": name,
                "gold": sample["doc"]["gold"],
                "prompt_tokens": pairs[0][0],
                "continuation_tokens": [pair[1] for pair in pairs],
                "log_likelihoods": [float(answer[0]) for answer in sample["filtered_resps"]],
                "acc": float(sample["acc"]),
                "acc_norm": float(sample["acc_norm"]),
            }


def main():
    model_file = Path(sys.argv[1])
    torch.set_num_threads(2)
    lines = (HERE / "items.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    model, results = evaluate(model_file, forms(items))
    rows = {row["item_id"]: row for row in rows_of(model, results)}
    expected = {
        "peer": "lm-evaluation-harness",
        "versions": {
            name: version(name)
            for name in ("lm_eval", "transformers", "torch", "gguf", "tokenizers")
        },
        "model": {
            "file": model_file.name,
            "sha256": hashlib.sha256(model_file.read_bytes()).hexdigest(),
            "loaded_as": "float32, dequantized by transformers",
        },
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "date": sys.argv[2] if len(sys.argv) > 2 else None,
        "context_length": CONTEXT_LENGTH,
        "items": [rows[item["item_id"]] for item in items],
    }
    (HERE / "expected.json").write_text(
        json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
