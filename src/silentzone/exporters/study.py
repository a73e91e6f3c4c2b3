"""What a study says, as the writers ask for it: models, numbers on corpora, scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from silentzone.errors import InputError, TableError
from silentzone.records.imported import protocol_groups, shown_corpus
from silentzone.store.answers import Raw, check, finite, rows
from silentzone.store.folder import StudyFolder
from silentzone.store.import_folder import ImportFolder
from silentzone.store.names import ANALYSIS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HINT = "make it again from the stored tables: silentzone analyze DIR"


_OWN_PROTOCOL = {
    "direction": "KL(reference||candidate)",
    "estimator": "full vocabulary",
    "lane": "serving",
}
"""How a study of ours measures; its tables say nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of a study, unrounded."""

    value: float | None
    standard_error: float | None = None
    method: str = ""
    n_observations: int | None = None


MISSING = Number(value=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Reference or candidate."""

    name: str
    is_reference: bool
    file_bytes: int | None
    bits_per_weight: float | None
    raw: Raw
    """Its entry in ``analysis.json``."""


class Study:
    """One folder: its answers, read when they are first asked for, and its stored tables.

    Parameters
    ----------
    root : Path
        Folder of a study, or one that ``silentzone analyze TABLE --out`` made.
    """

    def __init__(self, root: Path) -> None:
        self.folder = StudyFolder(root)

    @cached_property
    def answers(self) -> Raw:
        """Content of ``analysis.json``.

        Raises
        ------
        TableError
            If there is none, or it is damaged or of another schema version.
        """
        if not (self.folder.root / ANALYSIS).is_file():
            raise TableError(
                f"`{self.folder.root}` holds no {ANALYSIS}, so there is nothing to export yet.",
                hint=f"make it from the stored tables: silentzone analyze {self.folder.root}",
            )
        return check(self.folder.read_json(ANALYSIS))

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The reference, where one is named, then the candidates, largest file first."""
        reference = self.answers["reference"]
        found = [*(() if reference is None else (reference,)), *rows(self.answers, "candidates")]
        models = tuple(_model(raw, is_reference=raw is reference) for raw in found)
        if len({model.name for model in models}) < len(models):
            raise TableError(f"`{ANALYSIS}` has two models of one name.", hint=_HINT)
        return models

    @property
    def reference(self) -> Model | None:
        """The model that the others are held against, where one is named."""
        return next((model for model in self.models if model.is_reference), None)

    @cached_property
    def corpora(self) -> dict[str, Raw]:
        """What is said of each corpus, by name, in the study's order."""
        return {_name(row, "corpora"): row for row in rows(self.answers, "corpora")}

    @cached_property
    def benchmarks(self) -> dict[str, Raw]:
        """What is said of each benchmark, by name, in the study's order."""
        return {_name(row, "benchmarks"): row for row in rows(self.answers, "benchmarks")}

    @cached_property
    def fidelity(self) -> dict[tuple[str, str], Raw]:
        """Fidelity by model and corpus."""
        return {
            (_name(row, "fidelity", "model"), _name(row, "fidelity", "corpus")): row
            for row in rows(self.answers, "fidelity")
        }

    @cached_property
    def scores(self) -> dict[tuple[str, str], Raw]:
        """Scores by model and benchmark; the macro mean is the benchmark ``composite``."""
        return {
            (_name(row, "scores", "model"), _name(row, "scores", "benchmark")): row
            for row in rows(self.answers, "scores")
        }

    def metric(self, model: str, corpus: str, key: str) -> Number:
        """Give a fidelity metric; its value is null where it was not measured."""
        metrics = self.fidelity.get((model, corpus), {}).get("metrics")
        return number(metrics.get(key)) if isinstance(metrics, Mapping) else MISSING

    def score(self, model: str, benchmark: str) -> Number:
        """Give a score as a proportion; its value is null where it was not measured."""
        return number(self.scores.get((model, benchmark), {}).get("score"))

    def protocol(self, model: str, corpus: str) -> Mapping[str, str | None]:
        """Say what the fidelity of a model on a corpus was measured as, as far as it is known."""
        if self.answers["source"].get("kind") == "study":
            return _OWN_PROTOCOL
        return self._imported_protocols.get((model, corpus), {})

    def measured_against(self, model: str, corpus: str) -> str | None:
        """Name what a model's fidelity was measured against: as its file says, else the reference.

        Other people's files name a reference of their own, which need not be the one that answers
        are held against here.
        """
        stated = self.protocol(model, corpus).get("reference")
        if stated is not None:
            return stated
        return None if self.reference is None else self.reference.name

    @cached_property
    def _imported_protocols(self) -> dict[tuple[str, str], Mapping[str, str | None]]:
        imported = ImportFolder(self.folder.root)
        entries = imported.document().fidelity if imported.exists() else ()
        found = {}
        for corpus in dict.fromkeys(one.corpus for one in entries):
            own = [one for one in entries if one.corpus == corpus]
            groups, labels = protocol_groups([one.protocol for one in own])
            for one, group in zip(own, groups, strict=True):
                found[one.model, shown_corpus(corpus, labels[group])] = one.protocol
        return found

    def candidate_asked(self, asked: str | None) -> Model:
        """Give the candidate to export: the one asked for, or the only one.

        Raises
        ------
        InputError
            If there is no such candidate, or none is asked for among several.
        """
        candidates = [model for model in self.models if not model.is_reference]
        names = [model.name for model in candidates]
        if asked is None and len(names) != 1:
            raise InputError(
                "this format is about one candidate: name it with --model.",
                hint=_listed(names, "candidate"),
            )
        return candidates[0 if asked is None else _place(asked, names, "candidate")]

    def corpus_asked(self, asked: str | None) -> tuple[str, tuple[str, ...]]:
        """Give the corpus to export, and a note where others are left out.

        The one asked for; else the one the study's first sentence speaks of; else the first.

        Raises
        ------
        InputError
            If there is no such corpus, or none at all.
        """
        names = list(self.corpora)
        if asked is not None:
            return names[_place(asked, names, "corpus")], ()
        if not names:
            raise InputError(
                f"`{self.folder.root}` has no fidelity to export: it names no corpus.",
                hint="export another format, such as items-table",
            )
        headline = self.answers["headline"].get("corpus")
        chosen = headline if headline in names else names[0]
        others = [name for name in names if name != chosen]
        if not others:
            return chosen, ()
        return chosen, (
            f"this is corpus `{chosen}`; `--corpus` chooses another ({', '.join(others)})",
        )


def number(raw: object) -> Number:
    """Give an Estimate of ``analysis.json``; null where it is none."""
    if not isinstance(raw, Mapping):
        return MISSING
    count = finite(raw.get("n_observations"))
    return Number(
        value=finite(raw.get("value")),
        standard_error=finite(raw.get("standard_error")),
        method=str(raw.get("method") or ""),
        # A number that was taken over stands for no observation that is known here.
        n_observations=int(count) if count else None,
    )


def _model(raw: Raw, *, is_reference: bool) -> Model:
    size = finite(raw.get("file_bytes"))
    return Model(
        name=_name(raw, "candidates"),
        is_reference=is_reference,
        file_bytes=None if size is None else int(size),
        bits_per_weight=finite(raw.get("bits_per_weight")),
        raw=raw,
    )


def _name(row: Raw, section: str, field: str = "name") -> str:
    name = row.get(field)
    if not isinstance(name, str):
        raise TableError(f"a row of `{section}` in `{ANALYSIS}` has no `{field}`.", hint=_HINT)
    return name


def _place(name: str, names: list[str], what: str) -> int:
    if name not in names:
        raise InputError(f"there is no {what} `{name}` to export.", hint=_listed(names, what))
    return names.index(name)


def _listed(names: Iterable[str], what: str) -> str:
    found = ", ".join(names)
    return f"it has: {found}" if found else f"it has no {what} at all"
