"""Importing other tools' results: find, read, hold against what is there, store."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from silentzone.errors import InputError
from silentzone.importers.finding import find_bundles
from silentzone.importers.registry import format_named
from silentzone.records.imported import PROTOCOL_FIELDS
from silentzone.records.near_names import near_names
from silentzone.store.import_document import grouped_notes
from silentzone.studies.import_outcome import ImportOutcome, ImportRequest, group_sentences
from silentzone.studies.intake import intake_into

if TYPE_CHECKING:
    from silentzone.importers.finding import Found
    from silentzone.importers.reading import Bundle
    from silentzone.studies.progress import Progress


def import_results(request: ImportRequest, progress: Progress) -> ImportOutcome:
    """Import results into a folder, all of them or none unless the request keeps going.

    Raises
    ------
    InputError
        If nothing is recognised, or an option cannot be right.
    TableError
        If a file is damaged, or a result is there already.
    ProtocolMismatchError
        If two models were not asked the same.
    StorageError
        If the folder holds something else or cannot be written.
    """
    wanted = None if request.format is None else format_named(request.format)
    _check_statements(request)
    found = find_bundles(wanted, request.paths)
    _check_options(request, found)
    outcome = ImportOutcome(folder=request.into, unknown=[str(path) for path in found.unknown])
    with intake_into(request, outcome) as intake:
        intake.name_reference()
        total = sum(_size(bundle) for _, bundle in found.bundles)
        progress.begin("import", f"Importing {_count(len(found.bundles))}", float(total), "B")
        done, state = 0, "failed"
        try:
            for one, bundle in found.bundles:
                intake.take(one, bundle)
                done += _size(bundle)
                progress.advance("import", float(done))
            intake.require_use()
            state = "done"
        finally:
            progress.end("import", state)
        intake.miss_reference()
        if intake.left_out and not intake.took_something:
            raise intake.left_out[0]
    outcome.notes = grouped_notes(outcome.notes)
    outcome.groups = group_sentences(intake.document)
    return outcome


def _count(results: int) -> str:
    return "1 result" if results == 1 else f"{results:,} results"


def _size(bundle: Bundle) -> int:
    try:
        return bundle.main.stat().st_size
    except OSError:
        return 0


def _check_statements(request: ImportRequest) -> None:
    unknown = [name for name in request.stated if name not in PROTOCOL_FIELDS]
    if unknown:
        raise InputError(
            f"`--set` names `{unknown[0]}`, which is no field of a protocol.",
            hint=near_names(unknown[0], PROTOCOL_FIELDS),
        )


def _check_options(request: ImportRequest, found: Found) -> None:
    """Refuse an option that no format at hand looks at; a reference is looked at by all."""
    formats = dict.fromkeys(one for one, _ in found.bundles)
    taken = {name for one in formats for name in one.options} | {"reference"}
    given = [
        one.name
        for one in fields(request.options)
        if getattr(request.options, one.name) is not None and one.name not in taken
    ]
    if given:
        names = ", ".join(f"`{one.name}`" for one in formats)
        raise InputError(
            f"`--{given[0]}` means nothing to {names}.",
            hint="`silentzone import --list` names the options of every format",
        )
