"""The audit of whatever a user has: a study folder, a cohort table, an items table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from silentzone.analysis.answers import Settings
from silentzone.analysis.flip_details import study_flips
from silentzone.analysis.imported import imported_flips, numbers_of_imports
from silentzone.analysis.study import analyze_study
from silentzone.analysis.tables import Numbers, analyze_tables
from silentzone.errors import InputError
from silentzone.importers.cohort_table import read_cohort_table
from silentzone.importers.items_table import read_items_table
from silentzone.importers.kinds import detect_kind
from silentzone.store.import_folder import ImportFolder
from silentzone.studies.progress import measured_step
from silentzone.studies.proof import hold_against_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from silentzone.store.folder import StudyFolder
    from silentzone.studies.progress import Progress

DEFAULT_SEED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What a user asks beside the files; null and empty take what the study was run with."""

    seed: int | None = None
    reference: str | None = None
    decision: Mapping[str, Any] | None = None
    """Fields of ``DecisionEntry`` to set otherwise."""
    audit: Mapping[str, Any] | None = None
    """Fields of ``AuditEntry`` to set otherwise."""
    command: str = ""

    def changed(self, settings: Settings) -> Settings:
        """Put what the user asks in the place of what was there.

        A margin above the guard margin that was there takes the guard margin along.

        Raises
        ------
        InputError
            If a guard margin below the margin is asked for.
        """
        asked = self.decision or {}
        decision = replace(settings.decision, **asked)
        if decision.guard_margin < decision.margin:
            if "guard_margin" in asked:
                raise InputError(
                    f"`--guard-margin` ({decision.guard_margin:g}) must not be below the margin "
                    f"({decision.margin:g}): one benchmark would be held to more than their mean.",
                )
            decision = replace(decision, guard_margin=decision.margin)
        return Settings(decision=decision, audit=replace(settings.audit, **(self.audit or {})))


def study_among(paths: Sequence[Path]) -> Path | None:
    """Give the study folder if one is named; null for tables.

    Raises
    ------
    InputError
        If a study is named beside something else.
    TableError
        If a path is none of the three kinds.
    """
    kinds = [detect_kind(path) for path in paths]
    if "study" not in kinds:
        return None
    if len(paths) > 1:
        raise InputError(
            "a study folder is analysed by itself; it was named beside other files.",
            hint="give the folder alone, or tables alone",
        )
    return paths[0]


def audit_study(
    folder: StudyFolder, study_seed: int, request: AuditRequest, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Analyse a study folder anew; the analysis, and the answers that changed."""
    settings = request.changed(Settings.of_config(folder.manifest()["config"]))
    seed = study_seed if request.seed is None else request.seed
    with measured_step(progress, "analyze", "Analysing") as on_share:
        analysis = analyze_study(folder, rng_seed=seed, settings=settings, on_share=on_share)
    return analysis, study_flips(folder, settings.audit.unfinished)


def imports_among(paths: Sequence[Path]) -> Path | None:
    """Give the folder of imported results if one is named; null for anything else.

    Raises
    ------
    InputError
        If it is named beside something else.
    """
    found = [path for path in paths if ImportFolder(path).exists()]
    if found and len(paths) > 1:
        raise InputError(
            f"`{found[0].name}` holds imported results, which are analysed by themselves; it was "
            "named beside other files.",
            hint="import the others into the same folder: silentzone import items FILE --into "
            f"{found[0]}",
        )
    return found[0] if found else None


def audit_imports(
    folder: Path, request: AuditRequest, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Analyse what was imported into a folder; the analysis, and the answers that changed.

    Raises
    ------
    InputError
        If no reference is known and items are to be compared with one.
    ProtocolMismatchError
        If a model was asked something else than the reference.
    TableError
        If the folder is damaged.
    """
    imports = ImportFolder(folder)
    document = imports.document()
    numbers = numbers_of_imports(imports, request.reference)
    if numbers.items is not None and numbers.reference is not None:
        said = hold_against_reference(imports, document, numbers.reference)
        items = replace(numbers.items, notes=(*numbers.items.notes, *said))
        numbers = replace(numbers, items=items)
    analysis = _audited(numbers, request, progress)
    sources = [one for entry in document.items for one in entry.sources]
    sources += [one for entry in document.fidelity for one in entry.sources]
    formats = Counter(form for form, _ in {(one.format, one.sha256) for one in sources})
    analysis["source"] = {
        "kind": "imported results",
        "files": [
            f"{count} {'file' if count == 1 else 'files'} of {form}"
            for form, count in sorted(formats.items())
        ],
    }
    unfinished = request.changed(Settings()).audit.unfinished
    return analysis, imported_flips(imports, numbers, unfinished)


def audit_tables(
    paths: Sequence[Path], request: AuditRequest, progress: Progress
) -> dict[str, Any]:
    """Analyse a cohort table, an items table, or one of each.

    Raises
    ------
    InputError
        If two tables of one kind are named, or the tables cannot be analysed.
    TableError
        If a file is damaged or of another layout.
    """
    by_kind: dict[str, Path] = {}
    for path in paths:
        kind = detect_kind(path)
        if kind in by_kind:
            raise InputError(
                f"`{by_kind[kind].name}` and `{path.name}` are both "
                f"{'items tables' if kind == 'items' else 'cohort tables'}; one of each is read.",
                hint="put the rows into one file",
            )
        by_kind[kind] = path
    table, items = by_kind.get("table"), by_kind.get("items")
    numbers = Numbers(
        table=None if table is None else read_cohort_table(table),
        items=None if items is None else read_items_table(items),
        reference=request.reference,
    )
    return _audited(numbers, request, progress)


def _audited(numbers: Numbers, request: AuditRequest, progress: Progress) -> dict[str, Any]:
    seed = DEFAULT_SEED if request.seed is None else request.seed
    with measured_step(progress, "analyze", "Analysing") as on_share:
        return analyze_tables(
            numbers,
            rng_seed=seed,
            settings=request.changed(Settings()),
            command=request.command,
            on_share=on_share,
        )
