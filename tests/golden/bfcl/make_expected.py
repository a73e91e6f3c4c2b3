"""Judge made answers with bfcl-eval's decoder and AST checker and write expected.json.

usage: make_expected.py

Needs bfcl-eval 2026.3.23 (see README.md). Nothing of silentzone is imported.
"""

import json
import sys
import types
from importlib.metadata import version
from pathlib import Path


def stand_in(name, *names, **values):
    """A module that only the model handlers need: many SDKs hang on them and none is used here."""
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(dict.fromkeys(names), **values)


class Settings(dict):
    def __missing__(self, model):
        return types.SimpleNamespace(underscore_to_dot=False)


CHECKS, PARSERS = (
    "bfcl_eval.eval_checker.ast_eval.type_convertor.",
    "bfcl_eval.model_handler.parser.",
)
stand_in("bfcl_eval.constants.model_config", MODEL_CONFIG_MAPPING=Settings())
stand_in(CHECKS + "java_type_converter", "java_type_converter")
stand_in(CHECKS + "js_type_converter", "js_type_converter")
stand_in(PARSERS + "java_parser", "parse_java_function_call")
stand_in(PARSERS + "js_parser", "parse_javascript_function_call")

from bfcl_eval.constants.enums import Language
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker
from bfcl_eval.model_handler.utils import default_decode_ast_prompting
from bfcl_eval.utils import is_empty_output, is_function_calling_format_output


def function(name, required, **types_):
    properties = {}
    for parameter, stated in types_.items():
        outer, _, inner = stated.partition(" of ")
        properties[parameter] = {"type": outer} | ({"items": {"type": inner}} if inner else {})
    return {
        "name": name,
        "description": "",
        "parameters": {"type": "dict", "properties": properties, "required": required},
    }


TEA = function(
    "kitchen.brew_tea", ["kind"], kind="string", minutes="integer", grams="float", iced="boolean"
)
WALK = function(
    "plan_walk",
    ["stops"],
    stops="array of string",
    lengths="array of float",
    start="tuple of float",
)
ORDER = function("shop.order", ["basket"], basket="array of dict", address="dict", note="any")

ITEMS = [
    {
        "category": "simple_python",
        "functions": [TEA],
        "calls": [{"kitchen.brew_tea": {"kind": ["Earl Grey", "earl-grey tea"], "minutes": [4], "grams": [2.5, ""], "iced": ["", False]}}],
        "texts": [
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4)]",
            "kitchen.brew_tea(minutes=4, kind='Earl Grey')",
            "[kitchen.brew_tea(kind='EARL grey. Tea', minutes=4, grams=2.5, iced=False)]",
            "[kitchen.brew_tea(kind='Earl Grey')]",
            "[kitchen.brew_tea(minutes=4)]",
            "[kitchen.brew_tea(kind='Assam', minutes=4)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4.0)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes='4')]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=True)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4, grams=2)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4, iced=0)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4, iced=false)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4, iced=True)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4, sugar=1)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=None)]",
            "[brew_tea(kind='Earl Grey', minutes=4)]",
            "[kitchen_brew_tea(kind='Earl Grey', minutes=4)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4), kitchen.brew_tea(kind='Earl Grey', minutes=4)]",
            "[]",
            "",
            "I would brew it for four minutes.",
            "Sure! [kitchen.brew_tea(kind='Earl Grey', minutes=4)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4)] Enjoy!",
            "```\n[kitchen.brew_tea(kind='Earl Grey', minutes=4)]\n```",
            "`kitchen.brew_tea(kind='Earl Grey', minutes=4)`",
            "```python\n[kitchen.brew_tea(kind='Earl Grey', minutes=4)]\n```",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=4)",
            "[kitchen.brew_tea('Earl Grey', minutes=4)]",
            "[kitchen.brew_tea(1, kind='Earl Grey', minutes=4)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=3, minutes=4)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=2 + 2)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=+4)]",
            "[kitchen.brew_tea(kind='Earl Grey', minutes=-4)]",
            "[kitchen.brew_tea(**{'kind': 'Earl Grey', 'minutes': 4})]",
            "{\"name\": \"kitchen.brew_tea\", \"arguments\": {\"kind\": \"Earl Grey\", \"minutes\": 4}}",
        ],
    },
    {
        "category": "multiple",
        "functions": [TEA, WALK],
        "calls": [{"plan_walk": {"stops": [["Old Mill", "lake"], ["lake", "Old Mill"]], "lengths": [[1.0, 2.5], ""], "start": [[3.5, 4.0]]}}],
        "texts": [
            "[plan_walk(stops=['Old Mill', 'lake'], start=(3.5, 4.0))]",
            "[plan_walk(stops=['old mill', 'LAKE '], start=[3.5, 4.0])]",
            "[plan_walk(stops=['lake', 'Old Mill'], start=(3.5, 4.0), lengths=[1.0, 2.5])]",
            "[plan_walk(stops=['lake', 'Old Mill'], start=(3.5, 4.0), lengths=[])]",
            "[plan_walk(stops=['lake', 'Old Mill'], start=(3.5, 4.0), lengths=[2.5, 1.0])]",
            "[plan_walk(stops=['lake', 'Old Mill'], start=(3.5, 4.0), lengths=[1, 2.5])]",
            "[plan_walk(stops=['lake'], start=(3.5, 4.0))]",
            "[plan_walk(stops=('lake', 'Old Mill'), start=(3.5, 4.0))]",
            "[plan_walk(stops='lake', start=(3.5, 4.0))]",
            "[plan_walk(stops=['lake', 1], start=(3.5, 4.0))]",
            "[plan_walk(stops=[lake, 'Old Mill'], start=(3.5, 4.0))]",
            "[plan_walk(stops=['lake', 'Old Mill'], start=(3.5, 4))]",
            "[plan_walk(stops=['lake', 'Old Mill'], start=(4.0, 3.5))]",
            "[plan_walk(stops=['lake', 'Old Mill'])]",
            "[kitchen.brew_tea(kind='lake')]",
        ],
    },
    {
        "category": "simple_python",
        "functions": [ORDER],
        "calls": [{"shop.order": {
            "basket": [[{"item": ["Bread", "loaf"], "count": [2]}, {"item": ["milk"], "count": ["", 1]}]],
            "address": [{"street": ["Mill Lane 3"], "gift": [True, ""]}],
            "note": ["ring twice", ""],
        }}],
        "texts": [
            "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'loaf', 'count': 2}, {'item': 'milk', 'count': 1}], address={'street': 'mill-lane 3', 'gift': True}, note='Ring twice')]",
            "[shop.order(basket=[{'item': 'milk'}, {'item': 'bread', 'count': 2}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread'}, {'item': 'milk'}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread', 'count': '2'}, {'item': 'milk'}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2, 'size': 1}, {'item': 'milk'}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2.0}, {'item': 'milk'}], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}], address={'street': 'Mill Lane 3', 'gift': 1})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}], address={})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}], address='Mill Lane 3')]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}])]",
            "[shop.order(basket=[], address={'street': 'Mill Lane 3'})]",
            "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}], address={'street': 'Mill Lane 3'}, note=5)]",
            "[shop.order(basket=[dict(item='bread', count=2), {'item': 'milk'}], address={'street': 'Mill Lane 3'})]",
        ],
    },
    {
        "category": "parallel",
        "functions": [TEA],
        "calls": [
            {"kitchen.brew_tea": {"kind": ["Assam"], "minutes": [3, ""]}},
            {"kitchen.brew_tea": {"kind": ["Assam"], "minutes": ["", 5]}},
            {"kitchen.brew_tea": {"kind": ["mint", "peppermint"]}},
        ],
        "texts": [
            "[kitchen.brew_tea(kind='Assam', minutes=3), kitchen.brew_tea(kind='Assam', minutes=5), kitchen.brew_tea(kind='mint')]",
            "[kitchen.brew_tea(kind='Peppermint'), kitchen.brew_tea(kind='Assam', minutes=5), kitchen.brew_tea(kind='Assam', minutes=3)]",
            "[kitchen.brew_tea(kind='Assam', minutes=5), kitchen.brew_tea(kind='Assam'), kitchen.brew_tea(kind='mint')]",
            "[kitchen.brew_tea(kind='Assam'), kitchen.brew_tea(kind='Assam', minutes=5), kitchen.brew_tea(kind='mint')]",
            "[kitchen.brew_tea(kind='Assam'), kitchen.brew_tea(kind='Assam', minutes=3), kitchen.brew_tea(kind='mint')]",
            "[kitchen.brew_tea(kind='Assam'), kitchen.brew_tea(kind='Assam'), kitchen.brew_tea(kind='mint')]",
            "[kitchen.brew_tea(kind='Assam', minutes=5), kitchen.brew_tea(kind='Assam', minutes=5), kitchen.brew_tea(kind='mint')]",
            "[kitchen.brew_tea(kind='Assam', minutes=3), kitchen.brew_tea(kind='mint')]",
        ],
    },
    {
        "category": "parallel_multiple",
        "functions": [TEA, WALK],
        "calls": [{"plan_walk": {"stops": [["lake"]]}}, {"kitchen.brew_tea": {"kind": ["mint"]}}],
        "texts": [
            "[plan_walk(stops=['lake']), kitchen.brew_tea(kind='mint')]",
            "kitchen.brew_tea(kind='mint'), plan_walk(stops=['lake'])",
            "[plan_walk(stops=['lake'])]",
            "[plan_walk(stops=['lake']), plan_walk(stops=['lake'])]",
            "[[plan_walk(stops=['lake'])], [kitchen.brew_tea(kind='mint')]]",
            "[plan_walk(stops=['lake'])], [kitchen.brew_tea(kind='mint')]",
        ],
    },
    {
        "category": "irrelevance",
        "functions": [TEA],
        "calls": [],
        "texts": [
            "[]",
            "",
            "None of the functions can do that.",
            "[kitchen.brew_tea(kind='mint')]",
            "Sure: [kitchen.brew_tea(kind='mint')]",
            "```python\n[kitchen.brew_tea(kind='mint')]\n```",
            "[kitchen.brew_tea('mint')]",
            "[repair_roof(with_what='tiles')]",
        ],
    },
]  # fmt: skip


def judge(text, item):
    wants_none = item["category"] == "irrelevance"
    try:
        calls = default_decode_ast_prompting(text)
    except Exception:
        return wants_none
    if wants_none:
        return is_empty_output(calls)
    if not is_function_calling_format_output(calls):
        return False
    found = ast_checker(
        item["functions"], calls, item["calls"], Language.PYTHON, item["category"], "a_model"
    )
    return bool(found["valid"])


items = [{**item, "texts": [[text, judge(text, item)] for text in item["texts"]]} for item in ITEMS]
content = {"bfcl-eval": version("bfcl-eval"), "python": sys.version.split()[0], "items": items}
path = Path(__file__).parent / "expected.json"
path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
