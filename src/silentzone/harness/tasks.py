"""A task of lm-evaluation-harness as a benchmark: its documents, its prompts and its score."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.errors import BenchmarkError, SilentzoneError
from silentzone.harness import library
from silentzone.harness.checks import check_golds, choice_counts
from silentzone.harness.construction import build_task
from silentzone.harness.limits import time_limit
from silentzone.harness.scores import ScoreRule, pick_score
from silentzone.harness.task_files import find_task_file, refuse_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from silentzone.harness.task_files import TaskFile
    from silentzone.records.harness import HarnessEntry

    Render = Callable[[Sequence[Mapping[str, str]], bool], str]

FEWSHOT_SEED = 1234
"""What lm-evaluation-harness draws examples with: another seed would be other prompts."""
_BUILD_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HarnessItem:
    """One document and the requests that ask it."""

    item_id: str
    cluster_id: str | None
    doc: Any
    target: str
    requests: tuple[Any, ...]
    """Instances of lm-evaluation-harness, in order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HarnessTask:
    """A task that can be put to models."""

    entry: HarnessEntry
    task: Any
    """The object of lm-evaluation-harness."""
    doc_ids: tuple[int, ...]
    output_type: str
    version: str
    n_shot: int
    score: ScoreRule
    file_name: str
    items_sha256: str
    """Over every request, target and cluster in order, and over how they are scored."""
    item_count: int
    chance: float
    """Expected score of guessing: mean of 1 / number of choices; 0 where nothing is chosen."""

    @property
    def is_written(self) -> bool:
        """Whether it is answered in writing."""
        return self.output_type == "generate_until"

    @property
    def can_be_guessed(self) -> bool:
        """Whether an item's score is right or wrong and guessing gives `chance`."""
        metrics = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info")
        return self.chance > 0.0 and self.score.metric in metrics

    @property
    def description(self) -> str:
        """What was asked and which number of it is the score, for people."""
        turned = "" if self.score.higher_is_better else "1 - "
        return (
            f"lm-evaluation-harness task {self.entry.task}, version {self.version}, "
            f"{self.n_shot}-shot; score: {turned}{self.score.metric}, filter {self.score.filter}"
        )

    def items(self, render: Render | None = None) -> tuple[HarnessItem, ...]:
        """Documents with new requests.

        Parameters
        ----------
        render : callable, optional
            Messages, and whether the answer begins after them, to the text of a model's template;
            for a task with ``chat``.
        """
        return _items(self.task, self.entry, self.doc_ids, render)


def load_task(
    entry: HarnessEntry, folder: Path | None, *, items: int | None, seed: int, name: str
) -> HarnessTask:
    """Load a task and check that it can be a benchmark.

    Parameters
    ----------
    entry : HarnessEntry
    folder : Path or None
        Of the task files; None takes the tasks that come with lm-evaluation-harness.
    items : int or None
        How many documents, drawn by the seed and kept in order; None takes all.
    seed : int
        Of the study.
    name : str
        Of the benchmark; enters the seed.

    Raises
    ------
    BenchmarkError
        If there is no such task (did you mean), its file is broken, it carries code that is not
        allowed, its data are not here, a gold answer is impossible, or its score cannot be had
        item by item.
    MissingExtraError
        If lm-evaluation-harness is not installed.
    """
    task_file = find_task_file(entry.task, folder)
    if task_file.kind == "group":
        raise BenchmarkError(
            f"`{entry.task}` is a group of tasks",
            hint="give a [[benchmarks]] section to each of its tasks",
        )
    if not entry.code:
        refuse_code(task_file, entry.task)
    with library.quiet(), time_limit(_BUILD_SECONDS, f"loading the task `{entry.task}`"):
        task = build_task(task_file, entry)
        doc_ids = _draw(len(task.eval_docs), items, seed, name)
        docs = {index: task.eval_docs[index] for index in doc_ids}
        check_golds(task, docs)
        asked = _items(task, entry, doc_ids, None)
        score = pick_score(task, entry, asked[0].doc, len(asked[0].requests))
    return HarnessTask(
        entry=entry,
        task=task,
        doc_ids=doc_ids,
        output_type=task.OUTPUT_TYPE,
        version=str(task.VERSION),
        n_shot=int(task.config.num_fewshot or 0),
        score=score,
        file_name=task_file.path.name,
        items_sha256=_identity(asked, task, entry, score, task_file),
        item_count=len(asked),
        chance=_chance(choice_counts(task, docs)),
    )


def _draw(count: int, items: int | None, seed: int, name: str) -> tuple[int, ...]:
    """Take the first ``items`` of one seeded order, as every benchmark of a study does."""
    if count == 0:
        raise BenchmarkError(f"the task of benchmark `{name}` has no documents")
    name_seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    order = np.random.default_rng([seed, name_seed]).permutation(count)
    return tuple(sorted(int(index) for index in order[:items]))


def _items(
    task: Any,  # noqa: ANN401 - an object of lm-evaluation-harness
    entry: HarnessEntry,
    doc_ids: tuple[int, ...],
    render: Render | None,
) -> tuple[HarnessItem, ...]:
    requests = _requests(task, entry, doc_ids, render)
    found = []
    for position, doc_id in enumerate(doc_ids):
        own = requests[position]
        doc = own[0].doc
        found.append(
            HarnessItem(
                item_id=str(doc_id),
                cluster_id=_cluster(doc, doc_id, entry),
                doc=doc,
                target=_as_text(task.doc_to_target(doc)),
                requests=tuple(sorted(own, key=lambda request: request.idx)),
            )
        )
    return tuple(found)


def _requests(
    task: Any,  # noqa: ANN401
    entry: HarnessEntry,
    doc_ids: tuple[int, ...],
    render: Render | None,
) -> dict[int, list[Any]]:
    """Have lm-evaluation-harness build the requests; by position of the document in the draw."""
    task.set_fewshot_seed(seed=FEWSHOT_SEED)

    def template(messages: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
        assert render is not None, "a template is asked for where there is one"
        return render(messages, add_generation_prompt)

    try:
        with library.quiet():
            task.build_all_requests(
                samples=frozenset(doc_ids),
                apply_chat_template=render is not None,
                fewshot_as_multiturn=render is not None,
                chat_template=None if render is None else template,
            )
    except SilentzoneError:
        raise
    except Exception as error:
        raise BenchmarkError(
            f"the prompts of the task `{entry.task}` cannot be made: "
            f"{type(error).__name__}: {error}",
            hint="`lm_eval validate` and its `--write_out` help to find out why",
        ) from error
    found: dict[int, list[Any]] = {}
    for request in task.instances:
        found.setdefault(int(request.doc_id), []).append(request)
    return found


def _cluster(doc: Any, doc_id: int, entry: HarnessEntry) -> str | None:  # noqa: ANN401
    if entry.cluster is None:
        return None
    if entry.cluster not in doc:
        fields = ", ".join(f"`{field}`" for field in doc)
        raise BenchmarkError(
            f"document {doc_id} of the task `{entry.task}` has no field `{entry.cluster}` "
            "to be its cluster",
            hint=f"it has {fields}",
        )
    value = doc[entry.cluster]
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _as_text(target: object) -> str:
    return target if isinstance(target, str) else json.dumps(target, default=str)


def _identity(
    asked: tuple[HarnessItem, ...],
    task: Any,  # noqa: ANN401
    entry: HarnessEntry,
    score: ScoreRule,
    task_file: TaskFile,
) -> str:
    config = dict(task.dump_config())
    config.pop("metadata", None)  # holds where the file lies
    config.pop("dataset_kwargs", None)
    files = list(task_file.files)
    if task_file.code:  # what a function does is not to be seen in its name
        files += sorted(task_file.path.parent.rglob("*.py"))
    content = {
        "library": library.VERSION,
        "entry": asdict(entry),
        "config": config,
        "score": asdict(score),
        "files": [hashlib.sha256(path.read_bytes()).hexdigest() for path in files],
        "items": [
            [item.item_id, item.cluster_id, item.target, [one.args for one in item.requests]]
            for item in asked
        ],
    }
    text = json.dumps(content, ensure_ascii=True, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    """Give what JSON does not hold as a text that is the same in every process."""
    return str(getattr(value, "__qualname__", value))


def _chance(counts: list[float]) -> float:
    return math.fsum(counts) / len(counts) if counts else 0.0
