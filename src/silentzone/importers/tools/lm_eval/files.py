"""Names of lm-eval's output files: which hold samples, which the results of the same run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from silentzone.importers.reading import Bundle, head_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_DATE = re.compile(r"_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?)$")
_FIRST_ROW = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[?\s*\{\s*\"doc_id\"\s*:")
_SUFFIXES = (".jsonl", ".json")
_PREFIX = "samples_"
_UNDATED_RESULTS = "results.json"


def find_samples(files: Sequence[Path]) -> list[Bundle]:
    """Bundles of a samples file and, where there is one, the results file of its run."""
    return [
        Bundle(main=path, companions=_results_of(path))
        for path in files
        if path.suffix in _SUFFIXES and _holds_samples(path)
    ]


def _holds_samples(path: Path) -> bool:
    head = head_of(path)
    named = path.name.startswith(_PREFIX) and b'"doc_id"' in head
    return named or _FIRST_ROW.match(head) is not None


def _results_of(path: Path) -> tuple[Path, ...]:
    """Results file of the run that wrote the samples; it bears the same date."""
    date = date_of(path)
    pattern = _UNDATED_RESULTS if date is None else f"*_{date}.json"
    try:
        found = sorted(one for one in path.parent.glob(pattern) if not _is_samples_name(one))
    except (OSError, ValueError):
        return ()
    # A results file is `results_DATE.json`, or bears the name given to --output_path.
    found.sort(key=lambda one: not one.name.startswith("results"))
    return tuple(found[:1])


def _is_samples_name(path: Path) -> bool:
    return path.name.startswith(_PREFIX)


def date_of(path: Path) -> str | None:
    """Date in the name of an output file, as lm-eval writes it."""
    found = _DATE.search(path.stem)
    return None if found is None else found[1]


def task_of(path: Path, tasks: Mapping[str, object] | None) -> str:
    """Task whose samples a file holds.

    Parameters
    ----------
    path : Path
    tasks : mapping or None
        Tasks that the results file names. Old versions put the model in front of the task; then
        the longest task that the name ends with is meant.
    """
    name = _DATE.sub("", path.stem).removeprefix(_PREFIX)
    if tasks is None or name in tasks:
        return name
    ends = [task for task in tasks if task and name.endswith(f"_{task}")]
    return max(ends, key=len, default=name)
