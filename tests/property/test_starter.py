"""Whatever files and metadata are called, the written study is the one that was meant."""

from __future__ import annotations

import shlex
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.studies.gguf_folder import write_model

from silentzone.studies.config import load_config
from silentzone.studies.progress import SilentProgress
from silentzone.studies.starter import (
    Commands,
    StarterText,
    comment,
    write_starter,
    written_path,
)
from silentzone.studies.survey import survey_folder

HOSTILE = [
    '"]\n[engine]\nbackend = "fake', "a\nb", "''' \"\"\"", "~root", "~", "tab\there", "ünïcödé",
    "\u202eevil", "#", "back\\slash", "\x1b[2J", "a b", "C" * 200, "[candidates]", "*?", "日本",
    "\u2028line", "-o", "x-00001-of-00001",
]  # fmt: skip
names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40
)
COMMANDS = Commands(run="silentzone run", fetch_text="silentzone init")


def written(folder: Path, stems: list[str], text: str | None = None) -> tuple[list[Path], Path]:
    kinds = ["F16", "Q8_0", "Q4_0"]
    paths = []
    for kind, stem in zip(kinds, stems, strict=True):
        paths.append(folder / f"{stem}.gguf")
        safe = write_model(folder / "made", kind, texts={"general.name": stem})
        safe.rename(paths[-1])
    chosen = None
    if text is not None:
        (folder / text).write_text("words")
        chosen = StarterText(path=folder / text, name="text")
    survey = survey_folder(folder, SilentProgress())
    target = folder / "study.toml"
    write_starter(target, survey, chosen, COMMANDS, replace=True)
    return paths, target


def check(stems: list[str], text: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        paths, target = written(Path(name).resolve(), stems, text)
        config = load_config(target)
        assert [
            Path(config.reference.path),
            *(Path(one.path) for one in config.candidates),
        ] == paths
        assert config.engine.backend == "llama_cpp"
        assert set(tomllib.loads(target.read_text("utf-8"))) <= {
            "study", "reference", "candidates", "corpora", "benchmarks", "decision",
        }  # fmt: skip
        for line in target.read_text("utf-8").split("\n"):
            assert line.isprintable()


@pytest.mark.parametrize("stem", HOSTILE)
def test_hostile_names_known_beforehand(stem):
    check([stem, f"{stem}x", "plain"], text=f"{stem[:50]}.txt")


@given(st.lists(names, min_size=3, max_size=3, unique_by=str.casefold))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_hostile_names(stems):
    if any(stem.startswith(".") or len(stem.encode()) > 200 for stem in stems):
        return
    check(stems)


@given(st.text(max_size=300))
def test_a_comment_is_one_line_whatever_it_says(text):
    line = comment(text)
    assert len(line.splitlines()) == 1
    assert tomllib.loads(f"{line}\nseed = 1") == {"seed": 1}


def test_a_path_outside_the_folder_of_the_study_is_absolute(tmp_path):
    inside, outside = tmp_path / "here" / "a.gguf", tmp_path / "b.gguf"
    assert written_path(inside, tmp_path / "here") == "a.gguf"
    assert written_path(outside, tmp_path / "here") == str(outside)


def test_shell_lines_survive_the_shell():
    import subprocess

    from silentzone.cli.output import shell_line

    words = [*HOSTILE, "it's", "\udcff"]
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {shell_line(*words)}"],  # noqa: S607
        capture_output=True, check=True, timeout=20,
    )  # fmt: skip
    assert done.stdout.split(b"\0")[:-1] == [
        word.encode("utf-8", "surrogateescape") for word in words
    ]
    assert shlex.split(shell_line("a b", "c")) == ["a b", "c"]
