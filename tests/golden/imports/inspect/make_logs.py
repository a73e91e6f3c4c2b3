"""Write the Inspect logs of this folder with Inspect itself; see README.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from inspect_ai import Task, eval, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ChatMessageUser, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, Target, accuracy, match, mean, scorer, stderr
from inspect_ai.solver import Generate, TaskState, solver
from inspect_ai.util import LimitExceededError


@scorer(metrics=[accuracy(), stderr()])
def graded():
    """Letters that Inspect knows: correct, partly, not, none."""

    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion.strip()
        letter = {"": "N", target.text: "C"}.get(text, "P" if text[:1] == target.text[:1] else "I")
        return Score(value=letter, answer=text)

    return score


@scorer(metrics={"*": [mean()]})
def facets():
    """Two numbers for one answer."""

    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion.strip()
        same_length = float(len(text) == len(target.text))
        return Score(value={"length": same_length, "exact": text == target.text})

    return score


@solver
def answers():
    """Raise or pass a limit where the question says so, else generate."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if "fail" in state.input_text:
            raise ValueError("this question is meant to fail")
        state = await generate(state)
        if "limit" in state.input_text:
            raise LimitExceededError("token", value=9, limit=8)
        return state

    return solve


QUESTIONS = (
    ("sum-1", "1 + 1 = ?", "2"),
    ("sum-2", "12 + 1 = ?", "13"),
    ("sum-3", "fail + 1 = ?", "4"),
    (4, "2 + 2 = ?", "4"),
    ("sum-5", "limit + 1 = ?", "6"),
)
ANSWERS = ("2", "19", "", "6", "3", "13", "4", "5")
"""Per epoch, in the order of the questions that are answered."""


@task
def sums(kind: str) -> Task:
    """Five sums, one of which raises and one of which passes a limit."""
    samples = [
        # As a message, which gets an id of its own in every run.
        Sample(id=i, input=[ChatMessageUser(content=text)] if i == "sum-2" else text, target=target)
        for i, text, target in QUESTIONS
    ]
    return Task(
        dataset=MemoryDataset(samples, name="made-sums"),
        solver=answers(),
        scorer=[graded(), match(), facets()] if kind == "three" else [graded()],
        epochs=2,
        version=3,
    )


def _output(text: str) -> ModelOutput:
    output = ModelOutput.from_content("mockllm", text)
    # Without a usage, Inspect would count tokens with a file from the network.
    n_tokens = len(text) + 1
    output.usage = ModelUsage(input_tokens=7, output_tokens=n_tokens, total_tokens=7 + n_tokens)
    return output


def run(folder: Path, kind: str) -> str:
    """Run the task with answers from a list; the place of its log."""
    model = get_model("mockllm/model", custom_outputs=[_output(text) for text in ANSWERS])
    log = eval(
        sums(kind),
        model=model,
        log_dir=str(folder),
        log_format="eval",
        fail_on_error=False,
        max_samples=1,
        max_tasks=1,
        display="none",
        log_realtime=False,
    )[0]
    return log.location


def main(out: Path) -> None:
    """Write two logs in both formats, without events and tracebacks (they name folders)."""
    with tempfile.TemporaryDirectory() as name:
        for kind in ("one", "three"):
            log = read_eval_log(run(Path(name), kind))
            log.eval.task_file = "make_logs.py"
            log.eval.model_args = {}
            for sample in log.samples:
                sample.events = []
                if sample.error:
                    sample.error.traceback = sample.error.traceback_ansi = ""
            stem = "one_scorer" if kind == "one" else "three_scorers"
            for suffix in ("eval", "json"):
                write_eval_log(log, str(out / f"{stem}.{suffix}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
