"""Bundle after bundle into one document: renamed, held against what is there, stored."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.errors import (
    InputError,
    NothingToCompareError,
    ProtocolMismatchError,
    SilentzoneError,
    TableError,
)
from silentzone.importers.comparability import IDS, PROMPT, TARGET, Alignment, Asked, align
from silentzone.records.imported import ModelFacts
from silentzone.records.near_names import near_names
from silentzone.store.compact import compact_texts
from silentzone.store.import_document import FidelityEntry, ImportDocument, ItemsEntry
from silentzone.store.import_folder import ImportFolder
from silentzone.studies.import_outcome import fidelity_said, items_said
from silentzone.studies.proof import asked_of, hold_against_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from silentzone.importers.reading import Bundle, Format, ImportOptions
    from silentzone.records.imported import FidelityRow, Imported, ItemAnswers
    from silentzone.studies.import_outcome import ImportOutcome, ImportRequest

_FIRST: Final = "the first of this benchmark"


@contextlib.contextmanager
def intake_into(request: ImportRequest, outcome: ImportOutcome) -> Iterator[Intake]:
    """Open the folder of an import; what the body took counts after it, or nothing of it does.

    Raises
    ------
    TableError
        If the folder's document is damaged.
    StorageError
        If the folder holds something else or cannot be written.
    """
    folder = ImportFolder(request.into).create()
    with folder.lock():
        intake = Intake(folder, request, outcome)
        try:
            yield intake
        except BaseException:
            folder.remove_unnamed(folder.document())
            raise
        if intake.took_something:
            folder.commit(intake.document)


def _read(one: Format, bundle: Bundle, options: ImportOptions) -> Imported:
    imported = one.read(bundle, options)
    if not imported.items and not imported.fidelity and not imported.chance:
        raise NothingToCompareError(f"`{bundle.main.name}` holds no result.")
    return imported


def _renamed_note(note: str, names: Mapping[str, str]) -> str:
    """Give a note on a model under the name that the model has here."""
    subject, colon, rest = note.partition(": ")
    return f"{names[subject]}: {rest}" if colon and subject in names else note


class Intake:
    """Reads bundle after bundle and adds what they hold to a document."""

    def __init__(
        self, folder: ImportFolder, request: ImportRequest, outcome: ImportOutcome
    ) -> None:
        self.document: ImportDocument = folder.document()
        self.took_something = False
        self.left_out: list[NothingToCompareError] = []
        """Files that are whole and have nothing to compare."""
        self._met: dict[str, None] = {}
        """Names of models as the files have them."""
        self._folder = folder
        self._request = request
        self._outcome = outcome

    def take(self, one: Format, bundle: Bundle) -> None:
        """Read a bundle and add it, whole or not at all."""
        before = self.document, len(self._outcome.items), len(self._outcome.fidelity)
        try:
            imported = self._renamed(_read(one, bundle, self._request.options))
            self._add_models(imported.models)
            for answers in imported.items:
                self._add_items(answers)
            for row in imported.fidelity:
                self._add_fidelity(row)
            self._add_chance(imported.chance)
        except NothingToCompareError as error:
            self.left_out.append(error)
            self._note([f"`{bundle.main.name}`: left out: {error.message}"])
            return
        except SilentzoneError as error:
            if not self._request.keeps_going:
                raise
            self.document = before[0]
            del self._outcome.items[before[1] :], self._outcome.fidelity[before[2] :]
            self._outcome.refused.append(f"{bundle.main}: {error.with_hint}")
            return
        self.took_something = True
        stated = self._request.stated
        self._note(imported.notes)
        self._note([note for name, note in imported.left_open.items() if name not in stated])

    def name_reference(self) -> None:
        """Mark the model that the user names, if results of it are there already.

        Raises
        ------
        InputError
            If another model is marked.
        ProtocolMismatchError
            If it was asked something else than the models that are there.
        """
        name = self._request.options.reference
        if name is None or name == self.document.reference or name not in self.document.names():
            return
        self._add_models([ModelFacts(name=name, is_reference=True)])
        hold_against_reference(self._folder, self.document, name)

    def require_use(self) -> None:
        """Refuse a name or a field that was given for nothing, where all files were read.

        Raises
        ------
        InputError
            If a model that was to be renamed is in no file, a stated protocol has no row, or an
            accepted field is in no answers.
        """
        if self._outcome.refused:
            return
        strangers = self._request.renamed.keys() - self._met.keys()
        if strangers:
            raise InputError(
                f"`--rename` names `{sorted(strangers)[0]}`, and no file has a model of that name.",
                hint=near_names(sorted(strangers)[0], self._met),
            )
        if self._request.stated and not self._outcome.fidelity:
            raise InputError(
                "`--set` states how fidelity was measured, and these files hold none.",
                hint="what answers to items differ in is let pass with --accept",
            )
        self._require_accepted()

    def _require_accepted(self) -> None:
        """Refuse an accepted field that no answers have: a misspelt one would let nothing pass."""
        if not self._request.accepted:
            return
        if not self._outcome.items:
            raise InputError(
                "`--accept` lets answers to items differ, and these files hold none.",
                hint="how fidelity was measured is stated with --set",
            )
        settings = {name for one in self.document.items for name in one.settings}
        known = [PROMPT, TARGET, IDS, *sorted(settings)]
        unknown = sorted(self._request.accepted.difference(known))
        if unknown:
            raise InputError(
                f"`--accept` names `{unknown[0]}`, in which no answers can differ.",
                hint=near_names(unknown[0], known),
            )

    def miss_reference(self) -> None:
        """Say so where the user names a reference that nothing was imported of."""
        name = self._request.options.reference
        if name is not None and name not in self.document.names():
            self._outcome.notes.append(
                f"the reference `{name}` is not among the models so far "
                f"({near_names(name, sorted(self.document.names()))}); name it again where its own "
                "results are imported"
            )

    def _note(self, notes: Sequence[str]) -> None:
        self._outcome.notes += [one for one in notes if one not in self._outcome.notes]
        kept = [*self.document.notes, *notes]
        self.document = replace(self.document, notes=tuple(dict.fromkeys(kept)))

    # -- names -----------------------------------------------------------------------------

    def _renamed(self, imported: Imported) -> Imported:
        names, reference = self._request.renamed, self._request.options.reference

        def name(old: str) -> str:
            self._met[old] = None
            return names.get(old, old)

        fidelity = []
        for row in imported.fidelity:
            protocol = self._filled(row)
            if protocol.get("reference"):
                protocol["reference"] = name(str(protocol["reference"]))
            fidelity.append(replace(row, model=name(row.model), protocol=protocol))
        models = [
            replace(one, name=name(one.name), is_reference=name(one.name) == reference)
            if reference
            else replace(one, name=name(one.name))
            for one in imported.models
        ]
        items = tuple(replace(one, model=name(one.model)) for one in imported.items)
        named = [one.model for one in items] + [one.model for one in fidelity]
        others = dict.fromkeys(named).keys() - {one.name for one in models}
        models += [
            ModelFacts(name=other, is_reference=other == reference) for other in sorted(others)
        ]
        return replace(
            imported,
            items=items,
            fidelity=tuple(fidelity),
            models=tuple(models),
            notes=tuple(_renamed_note(note, names) for note in imported.notes),
            left_open={
                field: _renamed_note(note, names) for field, note in imported.left_open.items()
            },
        )

    def _filled(self, row: FidelityRow) -> dict[str, str | None]:
        """Fill what the file leaves open with what the user states."""
        protocol = dict(row.full_protocol)
        for name, value in self._request.stated.items():
            said = protocol[name]
            if said is not None and said != value:
                raise ProtocolMismatchError(
                    f"`{name}` of `{row.model}` on `{row.corpus}` is {said} in the file, not "
                    f"{value}; --set fills only what a file leaves open.",
                )
            protocol[name] = value
        return protocol

    # -- what is there ---------------------------------------------------------------------

    def _add_models(self, models: Sequence[ModelFacts]) -> None:
        known = {one.name: one for one in self.document.models}
        for one in models:
            old = known.get(one.name, one)
            for what in ("file_bytes", "bits_per_weight"):
                held, new = getattr(old, what), getattr(one, what)
                if None not in {held, new} and held != new and not self._request.replaces:
                    raise TableError(
                        f"`{what}` of `{one.name}` is {new:g} here and {held:g} in what was "
                        "imported before.",
                        hint="give the other model another --model, or let this one count: "
                        "--replace",
                    )
            known[one.name] = ModelFacts(
                name=one.name,
                file_bytes=old.file_bytes if one.file_bytes is None else one.file_bytes,
                bits_per_weight=(
                    old.bits_per_weight if one.bits_per_weight is None else one.bits_per_weight
                ),
                is_reference=old.is_reference or one.is_reference,
            )
        marked = [name for name, one in known.items() if one.is_reference]
        if len(marked) > 1:
            raise InputError(
                f"`{marked[1]}` is named as the reference, and `{marked[0]}` was before.",
                hint="one folder holds one cohort; import the other one into a folder of its own",
            )
        self.document = replace(self.document, models=tuple(known.values()))

    def _add_chance(self, chance: Mapping[str, float]) -> None:
        held = self.document.chance
        for name, value in chance.items():
            if held.get(name, value) != value and not self._request.replaces:
                raise TableError(
                    f"the score of guessing on `{name}` is {value:g} here and {held[name]:g} in "
                    "what was imported before.",
                    hint="let this one count: --replace",
                )
        self.document = replace(self.document, chance={**held, **chance})

    def _add_items(self, answers: ItemAnswers) -> None:
        others = [one for one in self.document.items if one.benchmark == answers.benchmark]
        own = next((one for one in others if one.model == answers.model), None)
        if own is not None and not self._request.replaces:
            raise TableError(
                f"answers of `{answers.model}` to `{answers.benchmark}` are there already, from "
                f"`{own.sources[0].name if own.sources else 'an unknown file'}`.",
                hint="name another --model or --benchmark, or let these count: --replace",
            )
        others = [one for one in others if one is not own]
        found = self._aligned(answers, others)
        statuses = Counter(answers.statuses)
        entry = ItemsEntry(
            model=answers.model,
            benchmark=answers.benchmark,
            table=self._folder.write_items(answers),
            rows=len(answers.item_ids),
            items=compact_texts(answers.item_ids).n_distinct,
            scored=int(np.isfinite(answers.scores).sum()),
            statuses={name: count for name, count in statuses.items() if name != "ok"},
            settings=dict(answers.settings),
            about=dict(answers.about),
            sources=answers.sources,
            proof=_FIRST if not found else found[0].proof,
            overrides=tuple(
                {"field": o.field, "against": o.against, "held": o.held, "new": o.new}
                for one in found
                for o in one.overrides
            ),
        )
        kept = tuple(one for one in self.document.items if one is not own)
        self.document = replace(self.document, items=(*kept, entry))
        self._outcome.items.append(items_said(entry, found))

    def _aligned(self, answers: ItemAnswers, others: Sequence[ItemsEntry]) -> list[Alignment]:
        """Hold answers against the reference's or, where they are the reference's, all others."""
        reference = self.document.reference
        if answers.model != reference:
            anchor = [one for one in others if one.model == reference] or list(others[:1])
            others = anchor
        new = Asked(
            model=answers.model,
            benchmark=answers.benchmark,
            settings=answers.settings,
            item_ids=answers.item_ids,
            prompts=answers.prompt_sha256,
            targets=answers.target_sha256,
            files=frozenset(one.sha256 for one in answers.sources),
        )
        return [align(asked_of(self._folder, one), new, self._request.accepted) for one in others]

    def _add_fidelity(self, row: FidelityRow) -> None:
        protocol = row.full_protocol
        same = [
            one
            for one in self.document.fidelity
            if (one.model, one.corpus, one.protocol) == (row.model, row.corpus, protocol)
        ]
        clash = [one for one in same if set(one.metrics) & set(row.metrics)]
        if clash and not self._request.replaces:
            both = sorted(set(clash[0].metrics) & set(row.metrics))[0]
            raise TableError(
                f"`{both}` of `{row.model}` on `{row.corpus}` is there already, measured in the "
                f"same way: {clash[0].metrics[both].value} there, {row.metrics[both].value} here.",
                hint="name another --model or --corpus, or let this one count: --replace",
            )
        entry = FidelityEntry(
            model=row.model,
            corpus=row.corpus,
            protocol=protocol,
            metrics=dict(row.metrics),
            about=dict(row.about),
            sources=row.sources,
            positions=self._folder.write_positions(row),
            windows=self._folder.write_windows(row),
            stated_by_user=tuple(self._request.stated),
        )
        kept = tuple(one for one in self.document.fidelity if one not in clash)
        self.document = replace(self.document, fidelity=(*kept, entry))
        self._outcome.fidelity.append(fidelity_said(entry))
