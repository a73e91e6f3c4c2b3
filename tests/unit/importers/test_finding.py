"""Which files below the paths of an import are looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from silentzone.errors import InputError
from silentzone.importers.finding import find_bundles

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "model,benchmark,item_id,score\nQ4,quiz,q1,1\n"


def found(*paths: Path) -> list[Path]:
    return [bundle.main for _, bundle in find_bundles(None, paths).bundles]


def test_links_to_folders_are_followed_and_every_folder_once(tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results"
    runs.mkdir()
    results.mkdir()
    (runs / "a.csv").write_text(TABLE)
    (results / "linked").symlink_to(runs)
    (results / "again").symlink_to(runs)
    (runs / "back").symlink_to(results)
    assert found(results) == [results / "again" / "a.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "samples_quiz_2026-01-02T03-04-05.678901.jsonl"
    os.mkfifo(pipe)
    (tmp_path / "a.csv").write_text(TABLE)
    both = find_bundles(None, [tmp_path])
    assert [bundle.main.name for _, bundle in both.bundles] == ["a.csv"]
    assert both.unknown == (pipe,)
    with pytest.raises(InputError, match="neither a file nor a folder"):
        find_bundles(None, [pipe])


def test_a_link_to_nothing_is_not_recognised_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.csv").symlink_to(tmp_path / "nothing.csv")
    (tmp_path / "a.csv").write_text(TABLE)
    assert find_bundles(None, [tmp_path]).unknown == (tmp_path / "b.csv",)
