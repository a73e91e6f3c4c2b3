"""What a study folder holds of some of its candidates: those of one lane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.benchmarks import Benchmarks, judge_benchmarks
from silentzone.analysis.churn import ChurnRows, read_churn
from silentzone.analysis.floors import Floor, floor_as_json, model_floor
from silentzone.analysis.identities import model_as_json
from silentzone.analysis.item_divergence import with_divergence
from silentzone.analysis.items import BenchmarkScores, read_benchmark
from silentzone.analysis.positions import (
    NON_FINITE,
    CorpusPositions,
    ModelPositions,
    read_corpus,
    read_floors,
)
from silentzone.analysis.scores import require_benchmark_name
from silentzone.records.models import lane_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.remarks import Remarks
    from silentzone.store.current import CurrentParts


def of_lane(models: Sequence[JsonObject], lane: str) -> list[JsonObject]:
    """Models of the manifest that are of one lane, largest file first."""
    own = [one for one in models if lane_of(one) == lane]
    return sorted(own, key=lambda one: (-(one["file_bytes"] or 0), one["name"]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Every table of some candidates and the reference, read and laid side by side."""

    parts: CurrentParts
    manifest: JsonObject
    models: list[JsonObject]
    """The candidates, as the manifest holds them."""
    positions: list[CorpusPositions]
    """Every corpus with at least one of them."""
    benchmarks: Benchmarks
    floors: dict[str, dict[str, Floor]]
    """By corpus and model, the reference included."""

    @staticmethod
    def read(
        parts: CurrentParts,
        manifest: JsonObject,
        models: list[JsonObject],
        *,
        rng_seed: int,
        unfinished: str,
    ) -> Measured:
        """Read what was measured of some candidates.

        Parameters
        ----------
        parts : CurrentParts
        manifest : dict
        models : list of dict
            Candidates of the manifest, of one lane, in the order in which they are listed.
        rng_seed : int
        unfinished : str
            The audit's rule for answers that were cut off.

        Raises
        ------
        ProtocolMismatchError
            If tables that must agree were measured under different protocols: also where two of
            the candidates are of different lanes.
        """
        names = [str(one["name"]) for one in models]
        found = (
            read_corpus(parts, str(one["name"]), names, rng_seed) for one in manifest["corpora"]
        )
        return Measured(
            parts=parts,
            manifest=manifest,
            models=models,
            positions=[corpus for corpus in found if corpus is not None],
            benchmarks=_benchmarks(parts, manifest, names, unfinished),
            floors=_floors(parts, manifest, (parts.reference, *names)),
        )

    @property
    def names(self) -> list[str]:
        """Names of the candidates."""
        return [str(one["name"]) for one in self.models]

    def context_length(self, corpus: str) -> int | None:
        """Tokens of a window of a corpus."""
        for one in self.manifest["corpora"]:
            if one["name"] == corpus:
                length: int | None = one["plan"]["context_length"]
                return length
        return None

    def churn(self) -> dict[tuple[str, str], ChurnRows]:
        """Items asked again, by benchmark and model, the reference included."""
        found = {}
        for scores in self.benchmarks.scores:
            for model in (self.benchmarks.reference, *scores.candidates):
                rows = read_churn(self.parts, scores.benchmark, model)
                if rows is not None:
                    found[scores.benchmark, model] = rows
        return found

    def models_as_json(self) -> list[JsonObject]:
        """Give the candidates as ``analysis.json`` holds them."""
        names = zip(self.names, self.models, strict=True)
        return [
            model_as_json(one, missing=self._missing(name), gaps=self._not_finite(name))
            for name, one in names
        ]

    def fidelity_rows(self) -> list[JsonObject]:
        """Rows of ``fidelity``: every candidate on every corpus."""
        by_corpus = {corpus.corpus: corpus.models for corpus in self.positions}
        rows = []
        for corpus in (str(one["name"]) for one in self.manifest["corpora"]):
            for name in self.names:
                own = by_corpus.get(corpus, {}).get(name)
                fidelity = {} if own is None else own.fidelity
                metrics = {key: estimate_as_json(value) for key, value in fidelity.items()}
                rows.append(
                    {
                        "model": name,
                        "corpus": corpus,
                        "status": "not measured" if own is None else _status(own),
                        "metrics": metrics,
                        "floor": floor_as_json(self.floors[corpus][name]),
                    }
                )
        return rows

    def count_missing(self, remarks: Remarks) -> None:
        """Count candidates that a part is missing of; name those whose logits are no numbers."""
        parts: dict[str, int] = {}
        for name in self.names:
            for part in self._missing(name):
                parts[part] = parts.get(part, 0) + 1
        for part, count in parts.items():
            remarks.exclude(f"candidates on {part}", count, "not measured")
        remarks.cautions.extend(
            f"{name}: {gap}" for name in self.names for gap in self._not_finite(name)
        )

    def _not_finite(self, name: str) -> tuple[str, ...]:
        """Say where a candidate's logits are no numbers: what is measured there is of the rest."""
        counts = [
            (own.excluded.get(NON_FINITE, 0), len(own.usable), f"positions of {corpus.corpus}")
            for corpus in self.positions
            if (own := corpus.models.get(name)) is not None
        ]
        counts += [
            (scores.excluded.get(name, {}).get(NON_FINITE, 0), len(scores.item_ids),
             f"items of {scores.benchmark}")
            for scores in self.benchmarks.scores
        ]  # fmt: skip
        return tuple(
            f"its logits are NaN or infinite at {count:,} of {total:,} {where}"
            for count, total, where in counts
            if count
        )

    def _missing(self, name: str) -> tuple[str, ...]:
        """Parts a candidate has no table for."""
        manifest = self.manifest
        measured = {corpus.corpus for corpus in self.positions if name in corpus.models}
        answered = {one.benchmark for one in self.benchmarks.scores if name in one.candidates}
        wanted = [(f"corpus {one['name']}", one["name"] in measured) for one in manifest["corpora"]]
        wanted += [
            (f"benchmark {one['name']}", one["name"] in answered) for one in manifest["benchmarks"]
        ]
        return tuple(part for part, is_there in wanted if not is_there)


def _status(own: ModelPositions) -> str:
    return "partial" if own.excluded.get(NON_FINITE) else "complete"


def _benchmarks(
    parts: CurrentParts, manifest: JsonObject, names: list[str], unfinished: str
) -> Benchmarks:
    reference = str(manifest["reference"]["name"])
    found: dict[str, BenchmarkScores | None] = {}
    for one in manifest["benchmarks"]:
        name = str(one["name"])
        require_benchmark_name(name, "study.toml")
        scores = read_benchmark(parts, name, reference, names, unfinished)
        found[name] = None if scores is None else with_divergence(parts, scores, reference)
    chances = {str(one["name"]): float(one["chance"]) for one in manifest["benchmarks"]}
    return judge_benchmarks(found, chances, reference, names)


def _floors(
    parts: CurrentParts, manifest: JsonObject, models: tuple[str, ...]
) -> dict[str, dict[str, Floor]]:
    """Floor of every model on every corpus; the first corpus stands in for what one lacks.

    Where every corpus was to be measured, one without any floor failed, and nothing stands in.
    """
    corpora = [str(one["name"]) for one in manifest["corpora"]]
    if not corpora:
        return {}
    asked = manifest["config"].get("floor")
    is_first_only = isinstance(asked, dict) and asked.get("corpora") == "first"
    own = {
        corpus: {model: read_floors(parts, corpus, model) for model in models} for corpus in corpora
    }
    first = corpora[0]
    return {
        corpus: {
            model: model_floor(
                own[corpus][model],
                own[first][model] if is_first_only or own[corpus][model] else {},
                first,
            )
            for model in models
        }
        for corpus in corpora
    }
