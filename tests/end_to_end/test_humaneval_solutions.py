"""HumanEval's own solutions, whole and broken, in the sandbox."""

from __future__ import annotations

import ast
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from silentzone.benchmarks.sets.humaneval import FILE, read_fields, read_humaneval
from silentzone.execution.programs import ProgramJudge

pytestmark = pytest.mark.slow

# Mutants that HumanEval's own tests do not tell from the solution: a bound that is never met, a
# rule that the tests leave out.
RIGHT_BY_THE_TESTS = {f"HumanEval/{number}" for number in (35, 40, 75, 108, 116, 129, 147)}


@pytest.fixture(scope="module")
def lines(human_eval):
    return read_fields(human_eval / FILE)


@pytest.fixture(scope="module")
def judge_all(sandbox, human_eval):
    """Verdicts of one answer per item."""
    judge = ProgramJudge()
    items = {item.item_id: item for item in read_humaneval(human_eval)}

    def verdicts(answers):
        def one(pair):
            return judge({"text": pair[1], "value": items[pair[0]].gold.value})

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            found = list(pool.map(one, answers.items()))
        return dict(zip(answers, found, strict=True))

    return verdicts


def test_every_solution_passes(judge_all, lines):
    found = judge_all({line["task_id"]: line["canonical_solution"] for line in lines})
    assert len(found) == 164
    assert {name: one["prediction"] for name, one in found.items() if one["score"] != 1.0} == {}


def test_every_solution_passes_as_a_message(sandbox, human_eval, lines):
    judge = ProgramJudge()
    items = read_humaneval(human_eval, answer="chat")
    for item, line in list(zip(items, lines, strict=True))[::16]:
        whole = line["prompt"] + line["canonical_solution"]
        text = f"Here it is:\n\n```python\n{whole}```\n\nIt works."
        assert judge({"text": text, "value": item.gold.value})["prediction"] == "passed"


def test_no_item_passes_that_returns_nothing(judge_all, lines):
    found = judge_all({line["task_id"]: "    return None\n" for line in lines})
    assert [name for name, one in found.items() if one["score"] != 0.0] == []
    assert {one["prediction"] for one in found.values()} <= {
        "wrong answer", "TypeError", "ValueError", "AttributeError",
    }  # fmt: skip


def test_mutated_solutions_fail(judge_all, lines):
    mutants = {line["task_id"]: mutant for line in lines if (mutant := mutated(line))}
    assert len(mutants) == 149
    found = judge_all(mutants)
    assert {name for name, one in found.items() if one["score"] != 0.0} == RIGHT_BY_THE_TESTS


_OPPOSITE = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


class _Mutation(ast.NodeTransformer):
    """Change the first comparison, whole number or sum that there is."""

    def __init__(self) -> None:
        self.is_done = False

    def visit_Compare(self, node):
        kind = _OPPOSITE.get(type(node.ops[0]))
        if self.is_done or kind is None:
            return self.generic_visit(node)
        self.is_done = True
        node.ops[0] = kind()
        return node

    def visit_Constant(self, node):
        if self.is_done or type(node.value) is not int:
            return node
        self.is_done = True
        return ast.copy_location(ast.Constant(node.value + 1), node)

    def visit_BinOp(self, node):
        if self.is_done or not isinstance(node.op, ast.Add | ast.Sub):
            return self.generic_visit(node)
        self.is_done = True
        node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        return node


def mutated(line):
    """Solution with one change; null where none of these fits."""
    tree = ast.parse("def f():\n" + line["canonical_solution"])
    mutation = _Mutation()
    changed = ast.fix_missing_locations(mutation.visit(tree))
    if not mutation.is_done:
        return None
    return ast.unparse(changed).split("\n", 1)[1] + "\n"
