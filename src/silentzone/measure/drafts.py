"""What a candidate may try out first: the reference's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.measure.protocol import generations_key
from silentzone.records.tables import GENERATIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.measure.jobs import BenchmarkJob, ModelJob
    from silentzone.records.models import BackendInfo
    from silentzone.store.folder import StudyFolder


def reference_drafts(
    folder: StudyFolder, job: ModelJob, benchmark: BenchmarkJob, engine: BackendInfo
) -> dict[tuple[str, int], NDArray[np.int32]]:
    """Tokens of the reference's answers by item and repeat, where the benchmark is drafted.

    None for the reference itself, and none where its texts are not there: answers are then
    written plainly. A draft decides no token, whatever it is.
    """
    entry, reference = benchmark.generation, job.reference
    if entry is None or not entry.drafted or entry.temperature or job.is_reference:
        return {}
    key = generations_key(reference, benchmark, engine)
    if not folder.has_part(GENERATIONS, benchmark.name, reference.name, key):
        return {}
    table = folder.read_table(GENERATIONS, benchmark.name, reference.name)
    repeats, _ = table.integers("repeat")
    items, tokens_of = table.strings("item_id"), table.integer_lists("token_ids")
    rows = zip(items, repeats.tolist(), tokens_of, strict=True)
    return {
        (item, repeat): np.array(tokens, np.int32)
        for item, repeat, tokens in rows
        if item is not None and tokens is not None
    }
