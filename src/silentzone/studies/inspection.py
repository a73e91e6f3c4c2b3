"""What the models of a study are, found out before anything is measured."""

from __future__ import annotations

import contextlib
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.corpora.text import load_text
from silentzone.errors import ConfigError, SilentzoneError
from silentzone.studies.encodings import Encodings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from silentzone.backends.registry import Engine
    from silentzone.records.config import ModelEntry, StudyConfig
    from silentzone.records.models import ModelRef
    from silentzone.studies.engines import Engines
    from silentzone.studies.progress import Progress


_FIRST_SHARD = re.compile(r"(.+-)00001(-of-(\d{5})\.gguf)", re.DOTALL)


@dataclass(slots=True, kw_only=True, eq=False)
class InspectedModel:
    """One model of the study and what became of it so far."""

    entry: ModelEntry
    ref: ModelRef
    memory_bytes: int | None
    cautions: list[str] = field(default_factory=list)
    status: str = "complete"
    failure: str | None = None

    def fail(self, cause: str, *, status: str = "failed") -> None:
        """Record why the model, or a part of it, was not measured."""
        self.status = status
        self.failure = cause if self.failure is None else f"{self.failure}; {cause}"

    def to_json(self) -> dict[str, Any]:
        """Give the model as the manifest holds it."""
        return {
            **asdict(self.ref),
            "lane": self.ref.lane,
            "path_name": Path(self.entry.path).name,
            "note": self.entry.note,
            "memory_bytes": self.memory_bytes,
            "cautions": self.cautions,
            "status": self.status,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cohort:
    """The inspected models; those that cannot be used are among ``unusable``."""

    reference: InspectedModel
    candidates: tuple[InspectedModel, ...]
    unusable: tuple[dict[str, str], ...]
    """Failures (model, part, cause) of files that could not even be read."""

    @property
    def usable(self) -> tuple[InspectedModel, ...]:
        """Candidates that can be measured against the reference."""
        return tuple(model for model in self.candidates if model.status != "failed")


def inspect_models(config: StudyConfig, engines: Engines, progress: Progress) -> Cohort:
    """Read and hash every model, and check that it can stand beside the reference.

    Parameters
    ----------
    config : StudyConfig
    engines : Engines
        Tells which engine runs each model.
    progress : Progress

    Raises
    ------
    ModelFileError
        If the reference cannot be used. A candidate that cannot is recorded, not raised.
    """
    entries = (config.reference, *config.candidates)
    reading = _Reading(progress, [_file_bytes(Path(entry.path)) for entry in entries])
    reference = _inspect(config.reference, config, engines, reading)
    if reference.ref.is_quantized:
        reference.cautions.append(
            f"the reference is itself quantized ({reference.ref.weight_format}): distances are "
            "from this file, not from the model as it was trained"
        )
    encodings = Encodings(_texts(config))
    candidates: list[InspectedModel] = []
    unusable: list[dict[str, str]] = []
    for entry in config.candidates:
        try:
            candidate = _inspect(entry, config, engines, reading)
            engines.info(entry)  # an engine that is not installed costs this candidate alone
        except SilentzoneError as error:
            unusable.append({"model": entry.name, "part": "file", "cause": error.message})
            progress.note(f"{entry.name}: {error.with_hint}")
        else:
            _check_tokens(candidate, reference, engines, encodings)
            _compare_weights(candidate, reference.ref, engines)
            if candidate.failure is not None:
                progress.note(f"{entry.name}: {candidate.failure}")
            candidates.append(candidate)
    _mark_duplicates([reference, *candidates])
    reading.end()
    return Cohort(reference=reference, candidates=tuple(candidates), unusable=tuple(unusable))


class _Reading:
    """How much of the files has been read and hashed, whatever becomes of each."""

    def __init__(self, progress: Progress, sizes: list[int]) -> None:
        self._progress = progress
        self._left = list(sizes)
        self._before = 0
        self.refs: dict[tuple[str, Path], ModelRef] = {}
        """Models read so far, by engine and path."""
        progress.begin("inspect", "Reading models", float(sum(sizes)), "B")

    @contextlib.contextmanager
    def next_file(self) -> Iterator[Callable[[int], None]]:
        """Count one file; it counts as read afterwards, even one that was refused."""
        done = 0

        def on_bytes(count: int) -> None:
            nonlocal done
            done += count
            self._progress.advance("inspect", float(self._before + done))

        try:
            yield on_bytes
        finally:
            self._before += self._left.pop(0)
            self._progress.advance("inspect", float(self._before))

    def end(self) -> None:
        """Say that all have been read."""
        self._progress.end("inspect", "done")


def _file_bytes(path: Path) -> int:
    """Bytes of a model, of all its shards where it has several; 0 where that is not known."""
    first = _FIRST_SHARD.fullmatch(path.name)
    names = (
        [path.name]
        if first is None
        else [f"{first[1]}{number:05d}{first[2]}" for number in range(1, int(first[3]) + 1)]
    )
    total = 0
    for name in names:
        with contextlib.suppress(OSError):
            total += path.with_name(name).stat().st_size
    return total


def _inspect(
    entry: ModelEntry, config: StudyConfig, engines: Engines, reading: _Reading
) -> InspectedModel:
    named, entry = entry.path, engines.located(entry)
    engine, path = engines.of(entry), Path(entry.path)
    with reading.next_file() as on_bytes:
        cache = _cache_types(entry, engine)
        # one file may stand for several candidates
        known = reading.refs.get((engine.name, path))
        ref = known or replace(
            engine.read_model(path, entry.name, on_bytes=on_bytes), run_as=engines.run_as(entry)
        )
        reading.refs[engine.name, path] = ref
    rounded = None
    if entry.cache_k is not None and engine.cache_rounded_by is not None:
        rounded = engine.cache_rounded_by(entry.cache_k)
    run_as = ref.run_as if rounded is None else (*ref.run_as, ("cache_rounded_by", rounded))
    memory, obstacle = engine.memory_bytes(path, config.decision.context_length, **cache)
    model = InspectedModel(
        entry=entry,
        ref=replace(
            ref, name=entry.name, cache_k=entry.cache_k, cache_v=entry.cache_v, run_as=run_as
        ),
        memory_bytes=memory,
    )
    if named != entry.path:
        # the folder of a snapshot is named after its commit
        origin = ("hub", f"{named.removeprefix('hub:')} at {path.name}")
        model.ref = replace(model.ref, provenance=(*model.ref.provenance, origin))
    if obstacle is not None:
        model.cautions.append(f"memory need not known: {obstacle}")
    activations = dict(ref.run_as).get("activations")
    if activations is not None:
        model.cautions.append(f"activations are {activations}; where its own kernels run they are")
    return model


def _cache_types(entry: ModelEntry, engine: Engine) -> dict[str, str]:
    """Give the types in which a candidate's keys and values are cached, where they are named."""
    named = {"cache_k": entry.cache_k, "cache_v": entry.cache_v}
    asked = {key: kind for key, kind in named.items() if kind is not None}
    for key, kind in asked.items():
        if kind not in engine.cache_types:
            raise ConfigError(
                f"`{key}` of `{entry.name}` is `{kind}`, which the backend `{engine.name}` does "
                "not have",
                hint="it has: " + (", ".join(engine.cache_types) or "none but its own"),
            )
    if engine.caches_alike and entry.cache_k != entry.cache_v:
        raise ConfigError(
            f"`cache_k` of `{entry.name}` is {_quoted(entry.cache_k)} and `cache_v` is "
            f"{_quoted(entry.cache_v)}; the backend `{engine.name}` caches keys and values alike",
            hint="give both the same type",
        )
    return asked


def _quoted(kind: str | None) -> str:
    return "left out" if kind is None else f"`{kind}`"


def _check_tokens(
    candidate: InspectedModel, reference: InspectedModel, engines: Engines, encodings: Encodings
) -> None:
    """Refuse a candidate of other tokens; where files cannot tell, its encodings do."""
    ref, other = candidate.ref, reference.ref
    if ref.vocabulary_size != other.vocabulary_size:
        candidate.fail(
            f"`{ref.name}` has {ref.vocabulary_size} vocabulary entries and the reference "
            f"`{other.name}` has {other.vocabulary_size}; they cannot be compared"
        )
        return
    is_elsewhere = engines.is_elsewhere(candidate.entry)
    if ref.tokenizer_sha256 == other.tokenizer_sha256 and not is_elsewhere:
        return
    own, home = engines.of(candidate.entry), engines.of(reference.entry)
    # of two GGUF files in llama.cpp all that decides an encoding is in the hash
    is_told_by_files = own.encode is None or (own.name == home.name == "llama_cpp")
    if is_told_by_files or home.encode is None:
        candidate.fail(
            f"`{ref.name}` has another tokenizer than the reference `{other.name}` (tokens, "
            "merges or flags in the metadata differ); they cannot be compared position by position"
        )
        return
    try:
        text = encodings.difference(
            (own, Path(candidate.entry.path), ref.tokenizer_sha256),
            (home, Path(reference.entry.path), other.tokenizer_sha256),
        )
    except SilentzoneError as error:
        candidate.fail(error.message)
        return
    if text is not None:
        candidate.fail(
            f"`{ref.name}` in {own.name} encodes {text} otherwise than the reference "
            f"`{other.name}` in {home.name}; they cannot be compared position by position"
        )
        return
    # what encodes alike is one tokenizer, whatever files it lies in
    candidate.ref = replace(ref, tokenizer_sha256=other.tokenizer_sha256)


def _compare_weights(candidate: InspectedModel, reference: ModelRef, engines: Engines) -> None:
    """Note which engine runs a candidate and how, and whether that is all that is varied."""
    ref = candidate.ref
    told = candidate.entry.same_weights
    is_same = ref.sha256 == reference.sha256 if told is None else told
    own = engines.of(candidate.entry).name if engines.is_elsewhere(candidate.entry) else None
    candidate.ref = replace(ref, engine=own, has_reference_weights=is_same)
    attention, usual = (dict(one.run_as).get("attention") for one in (ref, reference))
    if own is None and None not in {attention, usual} and attention != usual:
        candidate.cautions.append(
            f"its attention is `{attention}` and the reference's `{usual}`: distances hold both "
            "the weights and that"
        )


def _texts(config: StudyConfig) -> dict[str, str]:
    """Texts of the study's corpora; one that cannot be read is told of elsewhere."""
    found = {}
    for corpus in config.corpora:
        with contextlib.suppress(SilentzoneError):
            found[f"corpus `{corpus.name}`"] = load_text(Path(corpus.path), corpus.documents).text
    return found


def _mark_duplicates(models: list[InspectedModel]) -> None:
    by_content: dict[tuple[str | None, ...], list[InspectedModel]] = {}
    for model in models:
        content = (model.ref.sha256, model.ref.cache_k, model.ref.cache_v, model.ref.engine)
        by_content.setdefault(content, []).append(model)
    for same in by_content.values():
        for model in same:
            others = ", ".join(other.ref.name for other in same if other is not model)
            if others:
                model.cautions.append(f"has the same content as {others}")
