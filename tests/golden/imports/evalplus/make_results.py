"""Judge made solutions with EvalPlus's evaluator and write the result files; see README.md.

usage: make_results.py OUT
"""

import importlib.abc
import importlib.machinery
import json
import os
import shutil
import sys
import tempfile
import types
from pathlib import Path

SDKS = {
    "datasets",
    "openai",
    "transformers",
    "anthropic",
    "google",
    "tree_sitter",
    "tree_sitter_python",
    "stop_sequencer",
    "torch",
}


class Anything(types.ModuleType):
    """Stands for what only the generation of solutions needs; none of it is used here."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return (
            importlib.machinery.ModuleSpec(name, self, is_package=True)
            if name.split(".")[0] in SDKS
            else None
        )

    def create_module(self, spec):
        return Anything(spec.name)

    def exec_module(self, module):
        pass


def task(number, name, body, base, plus):
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f"def {name}(x):\n",
        "contract": "",
        "canonical_solution": body,
        "entry_point": name,
        "base_input": base,
        "plus_input": plus,
        "atol": 0,
    }


TASKS = [
    task(0, "double", "    return 2 * x\n", [[1], [2]], [[0], [-3]]),
    task(1, "half", "    return x / 2\n", [[2], [4]], [[1], [0]]),
    task(2, "size", "    return len(x)\n", [["ab"]], [[""], ["abc"]]),
]
SOLUTIONS = {
    "HumanEval/0": [
        "def double(x):\n    return 2 * x\n",
        "def double(x):\n    return abs(2 * x)\n",
    ],
    "HumanEval/1": ["def half(x):\n    return x // 2\n", "def half(x):\n    return x\n"],
    # The second never returns: the evaluator ends it.
    "HumanEval/2": [
        "def size(x):\n    return len(x)\n",
        "import os\nimport time\ndef size(x):\n    while True:\n        try:\n            time.sleep(9)\n        except BaseException:\n            pass\n",
    ],
}

if __name__ == "__main__":
    out = Path(sys.argv[1]).resolve()
    work = Path(tempfile.mkdtemp())
    os.environ["XDG_CACHE_HOME"] = str(work)
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = str(work / "tasks.jsonl")
    sys.meta_path.insert(0, Finder())
    (work / "tasks.jsonl").write_text("".join(json.dumps(one) + "\n" for one in TASKS))
    from evalplus.evaluate import evaluate

    for stem, base_only in (("made--model_hf_temp_0.2", False), ("made--model_base", True)):
        samples = work / f"{stem}.jsonl"
        rows = [
            {"task_id": name, "solution": text}
            for name, texts in SOLUTIONS.items()
            for text in texts
        ]
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        evaluate("humaneval", samples=str(samples), base_only=base_only, parallel=1)
        shutil.copy(work / f"{stem}_eval_results.json", out)
    shutil.rmtree(work)
