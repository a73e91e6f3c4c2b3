"""Score made results with bfcl-eval's evaluator and write result/ and score/; see README.md.

usage: make_scores.py OUT
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

OUT = Path(sys.argv[1]).resolve()
WORK = Path(tempfile.mkdtemp())
os.environ["BFCL_PROJECT_ROOT"] = str(WORK)

SDKS = {
    "anthropic",
    "boto3",
    "cohere",
    "datamodel_code_generator",
    "faiss",
    "google",
    "huggingface_hub",
    "mistralai",
    "openai",
    "pydantic",
    "qwen_agent",
    "rank_bm25",
    "sentence_transformers",
    "serpapi",
    "transformers",
    "writerai",
    "html2text",
    "bs4",
    "pandas",
    "torch",
    "botocore",
    "requests",
    "tree_sitter",
    "tree_sitter_java",
    "tree_sitter_javascript",
}


class Anything(types.ModuleType):
    """Stands for the SDK of a model service: bfcl-eval imports all of them, none is used here."""

    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


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


sys.meta_path.insert(0, Finder())
PARSERS = "bfcl_eval.model_handler.parser."
for name, entry in (
    ("java_parser", "parse_java_function_call"),
    ("js_parser", "parse_javascript_function_call"),
):
    sys.modules[PARSERS + name] = types.ModuleType(name)
    setattr(sys.modules[PARSERS + name], entry, None)

import bfcl_eval.constants.eval_config as places

# Made items in the place of the leaderboard's own.
places.PROMPT_PATH = WORK / "data"
places.POSSIBLE_ANSWER_PATH = WORK / "data" / "possible_answer"
places.POSSIBLE_ANSWER_PATH.mkdir(parents=True)

CONFIG = types.SimpleNamespace(
    model_name="made/model-Q4",
    is_fc_model=False,
    underscore_to_dot=False,
    input_price=None,
    output_price=None,
)


class Models(dict):
    def __missing__(self, name):
        return CONFIG


models = types.ModuleType("bfcl_eval.constants.model_config")
models.MODEL_CONFIG_MAPPING = Models()
sys.modules["bfcl_eval.constants.model_config"] = models

from bfcl_eval.eval_checker import eval_runner
from bfcl_eval.model_handler.utils import default_decode_ast_prompting


class Handler:
    """The decoder of prompted models, as the evaluator calls it."""

    def decode_ast(self, result, language, has_tool_call_tag):
        return default_decode_ast_prompting(result, language, has_tool_call_tag)


TEA = {
    "name": "kitchen.brew_tea",
    "description": "",
    "parameters": {
        "type": "dict",
        "properties": {"kind": {"type": "string"}, "minutes": {"type": "integer"}},
        "required": ["kind"],
    },
}
GOLD = [{"kitchen.brew_tea": {"kind": ["Earl Grey"], "minutes": [4, ""]}}]
CATEGORIES = {
    "simple_python": [
        "[kitchen.brew_tea(kind='Earl Grey', minutes=4)]",
        "[kitchen.brew_tea(kind='Assam', minutes=4)]",
        "I would brew some tea.",
        "[kitchen.brew_tea(kind='Earl Grey')]",
        "Error during inference: connection refused",
    ],
    # The last passes: what cannot be decoded calls no function.
    "irrelevance": [
        "No tool fits.",
        "[kitchen.brew_tea(kind='Earl Grey')]",
        "No.",
        "Error during inference: timeout",
    ],
}


def lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


for category, answers in CATEGORIES.items():
    ids = [f"{category}_{number}" for number in range(len(answers))]
    lines(
        places.PROMPT_PATH / f"BFCL_v4_{category}.json",
        [
            {
                "id": one,
                "question": [[{"role": "user", "content": f"Made question {one}"}]],
                "function": [TEA],
            }
            for one in ids
        ],
    )
    if category != "irrelevance":
        lines(
            places.POSSIBLE_ANSWER_PATH / f"BFCL_v4_{category}.json",
            [{"id": one, "ground_truth": GOLD} for one in ids],
        )
    rows = [
        {
            "id": one,
            "result": answer,
            "input_token_count": 40,
            "output_token_count": len(answer) // 4,
            "latency": 0.5,
        }
        for one, answer in zip(ids, answers)
    ]
    group = "non_live"
    results = WORK / "result" / "made_model-Q4" / group / f"BFCL_v4_{category}_result.json"
    lines(results, rows)
    eval_runner.evaluate_task(
        category,
        WORK / "result",
        WORK / "score",
        eval_runner.load_file(results, sort_by_id=True),
        "made_model-Q4",
        Handler(),
        {},
    )
for name in ("result", "score"):
    shutil.copytree(WORK / name, OUT / name, dirs_exist_ok=True)
shutil.rmtree(WORK)
