"""Write expected_samples.json: what lm-evaluation-harness's own `hf` model gives on tasks/.

Run in the environment that README.md describes:

    HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 python make_expected_samples.py MODEL.gguf DATE
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
CONTEXT_LENGTH = 512
TASKS = ("own_choices", "own_choices_2shot", "own_numbers", "own_endings", "own_texts")


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def main(path, date):
    import lm_eval.evaluator
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    model = HFLM(
        pretrained=str(path.parent),
        gguf_file=path.name,
        tokenizer=None,
        device="cpu",
        dtype="float32",
        batch_size=1,
        max_length=CONTEXT_LENGTH,
    )
    os.chdir(HERE / "tasks")  # its data files are found from the working folder
    results = lm_eval.evaluator.simple_evaluate(
        model=model,
        tasks=list(TASKS),
        task_manager=TaskManager(include_path=str(HERE / "tasks"), include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    samples = {}
    for task, rows in results["samples"].items():
        samples[task] = [
            {
                "doc_id": row["doc_id"],
                "filter": row["filter"],
                "target": row["target"],
                "arguments": [
                    list(one)[:1] + [str(rest) for rest in list(one)[1:]]
                    for one in row["arguments"]
                ],
                "responses": plain(row["resps"]),
                "filtered": plain(row["filtered_resps"]),
                "metrics": {name: plain(row[name]) for name in row["metrics"]},
            }
            for row in rows
        ]
    content = {
        "peer": "lm-evaluation-harness, model type hf",
        "versions": {
            name: version(name) for name in ("lm_eval", "transformers", "torch", "gguf", "datasets")
        },
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "date": date,
        "model_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "context_length": CONTEXT_LENGTH,
        "samples": samples,
    }
    text = json.dumps(content, ensure_ascii=True, indent=1)
    (HERE / "expected_samples.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
