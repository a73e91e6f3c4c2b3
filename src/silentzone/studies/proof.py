"""What imported answers were asked, and whether they may be held against a reference's.

Import holds a model against the reference known by then. A reference that is named later, on
analysis, was never held against the others, so the same proof is asked for again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from silentzone.analysis.imported import override_sentence
from silentzone.errors import ProtocolMismatchError
from silentzone.importers.comparability import Asked, align
from silentzone.records.imported import IMPORTED_ITEMS

if TYPE_CHECKING:
    from silentzone.store.import_document import ImportDocument, ItemsEntry
    from silentzone.store.import_folder import ImportFolder

_EVIDENCE: Final = replace(
    IMPORTED_ITEMS,
    columns=tuple(
        one
        for one in IMPORTED_ITEMS.columns
        if one.name in {"item_id", "prompt_sha256", "target_sha256"}
    ),
)
"""What is read of a table with millions of rows."""


def asked_of(folder: ImportFolder, entry: ItemsEntry) -> Asked:
    """Give what a model that was imported was asked of a benchmark.

    Raises
    ------
    TableError
        If its table is missing or damaged.
    """
    table = folder.read(_EVIDENCE, entry.table, (entry.benchmark, entry.model))
    prompts, targets = table.texts("prompt_sha256"), table.texts("target_sha256")
    return Asked(
        model=entry.model,
        benchmark=entry.benchmark,
        settings=entry.settings,
        item_ids=table.texts("item_id"),
        prompts=None if prompts.is_empty else prompts,
        targets=None if targets.is_empty else targets,
        files=frozenset(one.sha256 for one in entry.sources),
    )


def hold_against_reference(
    folder: ImportFolder, document: ImportDocument, reference: str
) -> list[str]:
    """Prove that every model was asked what the reference was.

    What was accepted on import of either of two models is accepted between them as well.

    Parameters
    ----------
    folder : ImportFolder
    document : ImportDocument
        The folder's.
    reference : str
        Model that the answers are to be held against.

    Returns
    -------
    list of str
        Differences that were accepted, but not against this reference, in words.

    Raises
    ------
    ProtocolMismatchError
        If a model was asked something else than the reference.
    TableError
        If a table is missing or damaged.
    """
    said = []
    for own in (one for one in document.items if one.model == reference):
        held = asked_of(folder, own)
        for entry in document.items:
            if entry.benchmark != own.benchmark or entry is own:
                continue
            accepted = {one["field"] for one in (*own.overrides, *entry.overrides)}
            try:
                found = align(held, asked_of(folder, entry), accepted)
            except ProtocolMismatchError as error:
                raise ProtocolMismatchError(
                    error.message,
                    hint="import the files again into a new folder with --reference "
                    f"{reference}, where --accept lets them differ and records it, or name "
                    "another reference",
                ) from error
            recorded = {(one["field"], one["against"]) for one in entry.overrides}
            said += [
                override_sentence(
                    entry, {"field": one.field, "against": reference, "held": one.held,
                            "new": one.new}
                )
                for one in found.overrides
                if (one.field, reference) not in recorded
            ]  # fmt: skip
    return said
