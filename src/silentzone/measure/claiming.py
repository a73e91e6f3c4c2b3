"""What one worker of several that share a study measures: what it could claim."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.errors import StorageError
from silentzone.store.claims import DONE, FAILED, ClaimBoard
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from silentzone.measure.jobs import ModelJob
    from silentzone.measure.parts import Part

_KEY_DIGITS = 8


def claim_name(model: str, parts: Sequence[Part]) -> str:
    """Name under which parts of a model are claimed together; see ``parts.claim_units``."""
    keys = "".join(part.key.sha256 for part in parts)
    digest = hashlib.sha256(keys.encode("ascii")).hexdigest()[:_KEY_DIGITS]
    return f"{model}, {parts[0].title}, {digest}"


@contextlib.contextmanager
def claimed(
    job: ModelJob, parts: Sequence[Part], failures: Sequence[dict[str, Any]]
) -> Iterator[bool]:
    """Claim parts for as long as it is measured; always granted where nobody shares.

    Parameters
    ----------
    job : ModelJob
    parts : sequence of Part
        One of ``parts.claim_units``, finished parts among them or not.
    failures : sequence of dict
        Grows while the body runs; what was added became of these parts.

    Yields
    ------
    bool
        Whether to measure. If the body raises, the claim stays: who started this worker knows why.
    """
    if job.claims is None:
        yield True
        return
    folder, member = job.claims
    board, name = ClaimBoard(Path(folder), member), claim_name(job.model.name, parts)
    if not board.take(name):
        yield False
        return
    study, known = StudyFolder(Path(job.study)), len(failures)
    missing = [part for part in parts if not part.is_finished(study, job.model.name)]
    try:
        yield True
    except StorageError:
        # A claim can be lost while its holder lives, asleep for long: then another has done it.
        if not all(part.is_finished(study, job.model.name) for part in missing):
            raise
    failed = failures[known:]
    facts = {
        "model": job.model.name,
        "parts": [part.title for part in missing],
        "cost": sum(part.cost for part in missing),
        "failures": list(failed),
    }
    board.settle(name, FAILED if failed else DONE, facts)
