"""What a stored ``analysis.json`` says, back as the records it was made from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from silentzone.analysis.contenders import FIXED_SEQUENCE, Contender, DecisionRule
from silentzone.analysis.scores import COMPOSITE, CompositeDifference
from silentzone.analysis.volume_relation import VolumeRelation, relation_of
from silentzone.errors import InputError, TableError
from silentzone.stats.macro import satterthwaite_df
from silentzone.stats.paired import Decomposition
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from silentzone.analysis.as_json import JsonObject

T = TypeVar("T")


class StoredAnalysis:
    """Candidates, rule and relation of a stored analysis.

    Parameters
    ----------
    analysis : mapping
        Content of ``analysis.json``, of any schema so far.

    Raises
    ------
    TableError
        By every method, if an entry it needs is missing or of another type.
    """

    def __init__(self, analysis: Mapping[str, Any]) -> None:
        self._analysis = analysis

    def rule(self) -> DecisionRule:
        """Margins and error of the decision, without its budgets."""
        return self._read("decision", self._rule)

    def contenders(self) -> list[Contender]:
        """Every candidate with its composite and the benchmarks of it."""
        return self._read("candidates, benchmarks and decomposition", self._contenders)

    def klds(self, corpus: str | None = None) -> tuple[str, dict[str, float | None]]:
        """Corpus and mean KLD by candidate; the first corpus unless one is named.

        Raises
        ------
        InputError
            If the study has no such corpus.
        """
        return self._read("fidelity", lambda: self._klds(corpus))

    def relation(self, corpus: str | None = None, benchmark: str = COMPOSITE) -> VolumeRelation:
        """How volume goes with mean KLD among its candidates.

        Raises
        ------
        InputError
            If the study has no such corpus or benchmark.
        """
        name, klds = self.klds(corpus)
        volumes = self._read("decomposition", lambda: self._volumes(benchmark))
        return relation_of(klds, volumes, corpus=name, benchmark=benchmark)

    def _read(self, what: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise TableError(
                f"the stored analysis cannot be read: {what} is missing or damaged "
                f"({type(error).__name__}: {error}).",
                hint="make it again from the stored tables with: silentzone analyze DIR",
            ) from error

    def _rule(self) -> DecisionRule:
        decision = self._analysis["decision"]
        return DecisionRule(
            margin=float(decision["margin"]),
            guard_margin=float(decision["guard_margin"]),
            alpha=float(decision["alpha"]),
            memory_budget_bytes=None,
            method=str(decision.get("method") or FIXED_SEQUENCE),
        )

    def _contenders(self) -> list[Contender]:
        entering = [
            str(one["name"]) for one in self._analysis["benchmarks"] if one["enters_composite"]
        ]
        rows = {
            (str(row["model"]), str(row["benchmark"])): row
            for row in self._analysis["decomposition"]
        }
        return [self._contender(one, entering, rows) for one in self._analysis["candidates"]]

    @staticmethod
    def _contender(
        model: JsonObject, entering: list[str], rows: Mapping[tuple[str, str], JsonObject]
    ) -> Contender:
        name = str(model["name"])
        guards = {
            benchmark: _decomposition(rows[name, benchmark])
            for benchmark in entering
            if (name, benchmark) in rows
        }
        row = rows.get((name, COMPOSITE))
        composite = None
        if row is not None:
            composite = CompositeDifference(
                net=_estimate(row["net"]),
                degrees_of_freedom=_freedom([part.net for part in guards.values()]),
                volume=_estimate(row["volume"]),
                direction=_estimate(row["direction"]),
                n_items=_items(row),
            )
        return Contender(
            name=name,
            file_bytes=model.get("file_bytes"),
            memory_bytes=model.get("memory_bytes"),
            composite=composite,
            guards=guards,
            bits_per_weight=model.get("bits_per_weight"),
        )

    def _klds(self, corpus: str | None) -> tuple[str, dict[str, float | None]]:
        rows = self._analysis["fidelity"]
        corpora = list(dict.fromkeys(str(row["corpus"]) for row in rows))
        if not corpora:
            raise InputError("the study measured no KLD on any corpus.")
        name = corpora[0] if corpus is None else corpus
        if name not in corpora:
            raise InputError(f"the study has no corpus `{name}`; it has {', '.join(corpora)}.")
        return name, {
            str(row["model"]): _value(row["metrics"].get("kld_mean"))
            for row in rows
            if row["corpus"] == name
        }

    def _volumes(self, benchmark: str) -> dict[str, float | None]:
        rows = self._analysis["decomposition"]
        found = list(dict.fromkeys(str(row["benchmark"]) for row in rows))
        if found and benchmark not in found:
            raise InputError(
                f"the study has no benchmark `{benchmark}`; it has {', '.join(found)}."
            )
        return {
            str(row["model"]): _value(row["volume"])
            for row in rows
            if row["benchmark"] == benchmark
        }


def _value(estimate: JsonObject | None) -> float | None:
    value = None if estimate is None else estimate["value"]
    return None if value is None else float(value)


def _estimate(stored: JsonObject) -> Estimate:
    interval = stored["interval"]
    clusters = stored["n_clusters"]
    error = stored["standard_error"]
    return Estimate(
        value=_value(stored),
        standard_error=None if error is None else float(error),
        interval=None if interval is None else (float(interval[0]), float(interval[1])),
        method=str(stored["method"]),
        n_observations=int(stored["n_observations"]),
        n_clusters=None if clusters is None else int(clusters),
        confidence=float(stored["confidence"]),
        cautions=tuple(str(text) for text in stored["cautions"]),
    )


def _items(row: JsonObject) -> int:
    """Items of a row; a cohort table's knows only how many scores are behind its difference."""
    items = row["items"]
    return int(row["net"]["n_observations"] if items is None else items)


def _freedom(nets: list[Estimate]) -> float:
    """Satterthwaite's; large where nobody spoke of clusters, as a table's errors are taken."""
    return math.inf if any(net.n_clusters is None for net in nets) else satterthwaite_df(nets)


def _decomposition(row: JsonObject) -> Decomposition:
    return Decomposition(
        n_items=_items(row),
        harm=int(row["harm"] or 0),
        gain=int(row["gain"] or 0),
        volume=_estimate(row["volume"]),
        direction=_estimate(row["direction"]),
        net=_estimate(row["net"]),
    )
