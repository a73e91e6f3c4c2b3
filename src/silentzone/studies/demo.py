"""``silentzone demo``: a whole study on a small embedded model, from nothing to the report."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.corpora.continuation import continuation_items
from silentzone.corpora.text import load_text
from silentzone.errors import AssetUnavailableError, SilentzoneError, StorageError
from silentzone.records.config import (
    BenchmarkEntry,
    CorpusEntry,
    DecisionEntry,
    EngineEntry,
    FloorEntry,
    StudyConfig,
)
from silentzone.store.atomic import replace_file
from silentzone.store.folder import StudyFolder
from silentzone.studies.asset_table import ASSETS
from silentzone.studies.assets import fetch_asset, missing_asset_bytes
from silentzone.studies.cache import cache_root, free_bytes
from silentzone.studies.cohort import chosen_recipes, make_cohort, missing_bytes, usable_threads
from silentzone.studies.config import dump_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from silentzone.records.items import ChoiceItem
    from silentzone.studies.cohort import Cohort
    from silentzone.studies.progress import Progress
    from silentzone.studies.run import StudyOutcome

SEED = 1
BENCHMARKS = ("piqa", "social_iqa")
"""Built-in sets this small model answers above chance; it does not on the others."""
CONTINUATION = "continuation"
MODEL, ITEMS, WIKITEXT, SPEECHES = "smollm2", "benchmark-items", "wikitext-2", "state-of-the-union"

_CONTINUATION_POOL = 600
_TOKENS_PER_SECOND_AND_THREAD = 160
_TOKENS_PER_ITEM = {"piqa": 44, "social_iqa": 41, CONTINUATION: 141}
_ALONG_CHOICES = 1.18
"""Cost of an item that is compared with the reference along its choices; asked again it is not."""
_CHOICES_SHARE = 0.5
"""Part of an item's tokens that are its choices'."""
_SECONDS_PER_MODEL = 3
_MODEL_WIDTH = 576
_BYTES_PER_POSITION = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSize:
    """How much is measured: everything that decides how long the demonstration takes."""

    windows: tuple[tuple[int, int], ...]
    """(context length, windows) for each text."""
    items: Mapping[str, int]
    """By benchmark: those in which this model shows signal, more of the cheaper ones."""
    floor: FloorEntry

    @property
    def positions(self) -> int:
        """Scored positions of one text: the second half of each window."""
        return sum(context * windows // 2 for context, windows in self.windows)

    @property
    def choice_tokens(self) -> float:
        """Tokens of all choices of all items, roughly."""
        return _CHOICES_SHARE * sum(
            items * _TOKENS_PER_ITEM[name] for name, items in self.items.items()
        )


QUICK = DemoSize(
    windows=((128, 3), (256, 1)),
    items={"piqa": 48, "social_iqa": 16, CONTINUATION: 4},
    floor=FloorEntry(windows=1, corpora="first", token_by_token_positions=8, items=2),
)
FULL = DemoSize(
    windows=((256, 6), (512, 3)),
    items={"piqa": 100, "social_iqa": 140, CONTINUATION: 24},
    floor=FloorEntry(windows=1, corpora="first", token_by_token_positions=32, items=4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMaterial:
    """What could be fetched; a null is a part the study goes without."""

    model: Path
    has_benchmark_items: bool
    wikitext: Path | None
    speeches: Path | None
    continuation: Path | None
    """Items made from the speeches."""
    lacking: tuple[str, ...]
    """One sentence per part that could not be had."""


def run_demo(out: Path, *, quick: bool, progress: Progress, command: str) -> StudyOutcome:
    """Fetch, quantize, measure, analyze and report, without any file of the user's.

    Parameters
    ----------
    out : Path
        Folder of the study; one that is there is continued.
    quick : bool
        A first look: fewer candidates, windows and items.
    progress : Progress
        Told every step, and what the study has to go without.
    command : str
        The command line, for the record.

    Returns
    -------
    StudyOutcome

    Raises
    ------
    AssetUnavailableError
        If the model cannot be had, or no text at all. Any other part is gone without.
    StorageError
        If the disk has too little room, or the folder cannot be written.
    MissingExtraError
        If llama-cpp-python is not installed.
    """
    from silentzone.studies.run import run_study

    size = QUICK if quick else FULL
    root = cache_root()
    threads = usable_threads()
    folder = StudyFolder(out).create()
    demand_room(out, root, quick=quick, progress=progress)
    n_models = len(chosen_recipes(quick=quick)) + 1
    progress.note(
        f"{n_models} models; about {estimated_minutes(size, n_models, threads):.0f} minutes "
        f"with {threads} threads once everything is fetched"
    )
    material = gather(root, progress)
    cohort = make_cohort(material.model, root, quick=quick, threads=threads, progress=progress)
    config = demo_config(material, cohort, size, threads=threads)
    with folder.lock():
        replace_file(folder.root / "study.toml", dump_config(config).encode())
    outcome = run_study(config, out, progress=progress, command=command)
    lacking = (*material.lacking, *cohort.left_out)
    return replace(outcome, failures=(*lacking, *outcome.failures))


def gather(root: Path, progress: Progress) -> DemoMaterial:
    """Fetch everything; what cannot be had is said, and only the model is indispensable.

    Raises
    ------
    AssetUnavailableError
        If the model or both texts cannot be had.
    """
    model = fetch_asset(MODEL, cache=root, progress=progress)
    found: dict[str, Path | None] = {}
    reasons: list[AssetUnavailableError] = []
    sentences: list[str] = []
    for name, lacking in (
        (WIKITEXT, "its text"),
        (SPEECHES, "its text and the continuation items made from it"),
        (ITEMS, f"the benchmarks {', '.join(BENCHMARKS)}"),
    ):
        try:
            found[name] = fetch_asset(name, cache=root, progress=progress)
        except AssetUnavailableError as error:
            found[name] = None
            reasons.append(error)
            sentences.append(f"{error.message} The study goes without {lacking}.")
            progress.note(f"caution: {sentences[-1]}")
    if found[WIKITEXT] is None and found[SPEECHES] is None:
        raise reasons[0]
    speeches, continuation = found[SPEECHES], None
    if speeches is not None:
        try:
            continuation = continuation_file(speeches, root / "benchmarks")
        except SilentzoneError as error:
            sentences.append(f"no continuation items: {error.message}")
            progress.note(f"caution: {sentences[-1]}")
    return DemoMaterial(
        model=model,
        has_benchmark_items=found[ITEMS] is not None,
        wikitext=found[WIKITEXT],
        speeches=speeches,
        continuation=continuation,
        lacking=tuple(sentences),
    )


def continuation_file(speeches: Path, folder: Path) -> Path:
    """Write items made from the speeches, in the form of a user's own benchmark.

    Returns
    -------
    Path
        JSONL file; its name changes with the text, so that a finished one is never wrong.

    Raises
    ------
    CorpusError
        If the text gives no items.
    StorageError
        If the file cannot be written.
    """
    text = load_text(speeches, "files")
    key = hashlib.sha256(f"{text.sha256} {SEED} {_CONTINUATION_POOL}".encode()).hexdigest()[:12]
    items = continuation_items(
        text, items=_CONTINUATION_POOL, rng=np.random.default_rng([SEED, _CONTINUATION_POOL])
    )
    path = folder / f"{CONTINUATION}-{key}.jsonl"
    replace_file(path, "".join(map(_item_line, items)).encode())
    return path


def _item_line(item: ChoiceItem) -> str:
    fields = {
        "item_id": item.item_id,
        "prompt": item.prompt,
        "choices": [choice.removeprefix(" ") for choice in item.choices],
        "target": item.gold,
        "cluster": item.cluster_id,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def demo_config(
    material: DemoMaterial, cohort: Cohort, size: DemoSize, *, threads: int
) -> StudyConfig:
    """Lay out the study that the fetched material allows."""
    texts = (
        ("wikitext", material.wikitext, "headings"),
        ("speeches", material.speeches, "files"),
    )
    corpora = tuple(
        CorpusEntry(
            name=f"{name}-{context_length}",
            path=str(path),
            context_length=context_length,
            windows=windows,
            select="spread",
            documents=documents,
        )
        for name, path, documents in texts
        if path is not None
        for context_length, windows in size.windows
    )
    benchmarks = [
        BenchmarkEntry(name=name, items=size.items[name])
        for name in BENCHMARKS
        if material.has_benchmark_items
    ]
    if material.continuation is not None:
        benchmarks.append(
            BenchmarkEntry(
                name=CONTINUATION,
                items=size.items[CONTINUATION],
                path=str(material.continuation),
            )
        )
    return StudyConfig(
        name="silentzone demo",
        seed=SEED,
        reference=cohort.reference,
        candidates=cohort.candidates,
        corpora=corpora,
        benchmarks=tuple(benchmarks),
        # A few hundred items cannot resolve a hundredth; the budget leaves out what is near F16.
        decision=DecisionEntry(
            margin=0.03, guard_margin=0.1, memory_budget_gb=0.25, context_length=2048
        ),
        engine=EngineEntry(threads=1, workers=threads),
        floor=size.floor,
    )


def estimated_minutes(size: DemoSize, n_models: int, threads: int) -> float:
    """Minutes of measuring, at the speed of an ordinary processor of the last years."""
    windowed = sum(context * (windows + size.floor.windows) for context, windows in size.windows)
    tokens = 2.0 * windowed
    tokens += sum(
        (_ALONG_CHOICES * items + size.floor.items) * _TOKENS_PER_ITEM[name]
        for name, items in size.items.items()
    )
    seconds = tokens / (_TOKENS_PER_SECOND_AND_THREAD * threads) + _SECONDS_PER_MODEL
    return n_models * seconds / 60


def demand_room(out: Path, root: Path, *, quick: bool, progress: Progress) -> None:
    """Say how much disk the demonstration needs, and stop if it is not there.

    Raises
    ------
    StorageError
        Naming the folder, what is needed and what is free.
    """
    size = QUICK if quick else FULL
    fetched = sum(missing_asset_bytes(name, root) for name in (MODEL, ITEMS, WIKITEXT, SPEECHES))
    source = next(file for file in ASSETS[MODEL].files if file.path == ASSETS[MODEL].result)
    cached = fetched + missing_bytes(root, source.sha256, quick=quick)
    n_models = len(chosen_recipes(quick=quick)) + 1
    # Two texts and the choices: a table per model, and the reference's states in float32.
    rows = 2 * size.positions + size.choice_tokens
    study = rows * (n_models * _BYTES_PER_POSITION + 4 * _MODEL_WIDTH)
    progress.note(
        f"disk: {cached / 1e6:.0f} MB more in the cache `{root}`, {study / 1e6:.0f} MB in `{out}`"
    )
    needs = [(root, cached), (out, study)]
    if _device(root) == _device(out):
        needs = [(root, cached + study)]
    for place, needed in needs:
        free = free_bytes(place.absolute())
        if free is not None and free < needed:
            raise StorageError(
                f"`{place}` needs {needed / 1e6:.0f} MB and has {free / 1e6:.0f} MB free.",
                hint="make room, or set SILENTZONE_CACHE to a folder on a larger disk"
                + ("" if quick else "; --quick needs less"),
            )


def _device(path: Path) -> int | None:
    """File system that holds a path, whether or not the path exists yet."""
    for place in (path.absolute(), *path.absolute().parents):
        try:
            return place.stat().st_dev
        except OSError:
            continue
    return None
