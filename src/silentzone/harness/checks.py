"""Golds of a task that can be met, and how many choices each question has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_SHOWN = 10


def check_golds(task: Any, docs: Mapping[int, Any]) -> None:  # noqa: ANN401 - of the library
    """Refuse a task with a gold answer that nobody could give.

    lm-evaluation-harness logs a warning there and counts the item as wrong.

    Raises
    ------
    BenchmarkError
        Naming task and documents.
    """
    problems = []
    for doc_id, doc in docs.items():
        problem = _problem(task, doc)
        if problem is not None:
            problems.append(f"document {doc_id}: {problem}")
    if not problems:
        return
    shown = "".join(f"\n- {problem}" for problem in problems[:_MOST_SHOWN])
    more = len(problems) - _MOST_SHOWN
    rest = f"\n- and {more} more" if more > 0 else ""
    raise BenchmarkError(f"the task `{task.config.task}` has impossible answers:{shown}{rest}")


def choice_counts(task: Any, docs: Mapping[int, Any]) -> list[float]:  # noqa: ANN401
    """Chance of guessing each document right; empty where nothing is chosen."""
    if task.OUTPUT_TYPE != "multiple_choice":
        return []
    return [len(set(golds(task, doc))) / len(task.doc_to_choice(doc)) for doc in docs.values()]


def golds(task: Any, doc: Any) -> list[int]:  # noqa: ANN401
    """Give the indices of a document's right choices; -1 for a text that is none of them."""
    target = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    choices = task.doc_to_choice(doc)
    found = []
    for gold in target if isinstance(target, list) else [target]:
        if isinstance(gold, str):
            found.append(choices.index(gold) if gold in choices else -1)
        else:
            found.append(int(gold))
    return found


def _problem(task: Any, doc: Any) -> str | None:  # noqa: ANN401
    if task.OUTPUT_TYPE == "multiple_choice":
        return _choice_problem(task, doc)
    if task.OUTPUT_TYPE == "generate_until" and task.config.doc_to_choice is not None:
        target, choices = task.doc_to_target(doc), task.doc_to_choice(doc)
        if not isinstance(target, int) or not 0 <= target < len(choices):
            return f"the answer {target!r} is none of {len(choices)} choices"
    elif task.OUTPUT_TYPE == "loglikelihood" and task.doc_to_target(doc) in {"", None}:
        return "the text to be continued with is empty"
    return None


def _choice_problem(task: Any, doc: Any) -> str | None:  # noqa: ANN401
    choices = task.doc_to_choice(doc)
    if not isinstance(choices, list) or len(choices) < 2:
        return f"it needs two or more choices, it has {choices!r:.100}"
    for index, choice in enumerate(choices):
        if not isinstance(choice, str) or not choice:
            return f"choice {index} is {choice!r}; it must be a text that is not empty"
    target = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    if isinstance(target, list) != bool(task.multiple_target):
        return f"the answer {target!r:.100} is a list here and none in other documents, or not here"
    if not isinstance(target, str | int | list) or isinstance(target, bool) or target == []:
        return f"the answer is {target!r}; it must be the index or the text of a choice"
    for gold in golds(task, doc):
        if not 0 <= gold < len(choices):
            return f"the answer {target!r:.100} is none of its {len(choices)} choices"
    return None
