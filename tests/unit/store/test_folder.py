"""How parts of a study come and go."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from silentzone.errors import ShapeError, StorageError, TableError
from silentzone.records.parts import PartKey
from silentzone.records.tables import CHURN, FLOORS
from silentzone.store import atomic
from silentzone.store import folder as folder_module
from silentzone.store.folder import StudyFolder

FIRST = PartKey.of("churn", seed=1)
SECOND = PartKey.of("churn", seed=2)


def files_of(folder):
    return sorted(
        str(path.relative_to(folder.root))
        for path in folder.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    )


def wide(n):
    """CHURN columns that do not compress."""
    rng = np.random.default_rng(1)
    return {
        "item_id": [rng.bytes(16).hex() for _ in range(n)],
        "perturbation": ["x"] * n,
        "status": ["ok"] * n,
        "score": rng.random(n),
        "score_again": rng.random(n),
        "prediction": [None] * n,
        "prediction_again": [None] * n,
    }


# -- the folder --------------------------------------------------------------------------------


def test_an_empty_or_study_folder_is_accepted(tmp_path):
    StudyFolder(tmp_path).create()
    (tmp_path / "study.toml").write_text("", encoding="ascii")
    (tmp_path / "models").mkdir()
    assert StudyFolder(tmp_path).create().root == tmp_path


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("", encoding="ascii")
    with pytest.raises(StorageError, match="holds other files"):
        StudyFolder(tmp_path).create()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "study").write_text("", encoding="ascii")
    with pytest.raises(StorageError, match="study"):
        StudyFolder(tmp_path / "study").create()


def test_a_folder_that_cannot_be_listed_is_a_storage_error(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        folder.create()


@pytest.mark.parametrize("version", [2, "1", None, True, 1e999])
def test_an_unknown_manifest_version_is_refused_on_opening(folder, version):
    text = json.dumps({"schema_version": version}) if version != 1e999 else "[]"
    (folder.root / "manifest.json").write_text(text, encoding="ascii")
    with pytest.raises(TableError, match="reads version 1") as caught:
        folder.create()
    assert caught.value.hint is not None


def test_a_manifest_comes_back_with_its_version(folder):
    assert not folder.has_manifest()
    folder.write_manifest({"models": ["a"]})
    assert folder.manifest() == {"models": ["a"], "schema_version": 1}


def test_a_folder_without_manifest_is_no_study(folder):
    with pytest.raises(TableError, match="not a study folder"):
        folder.manifest()


@pytest.mark.parametrize("relative", ["/etc/x", "../x", "a/../../x", ""])
def test_a_path_outside_the_folder_is_refused(folder, relative):
    with pytest.raises(TableError, match="inside the study folder"):
        folder.write_json_atomic(relative, {})


def test_a_second_run_is_kept_out(folder):
    with folder.lock(), pytest.raises(StorageError, match="in use by another run"):
        folder.lock().__enter__()


# -- tables ------------------------------------------------------------------------------------


def test_a_table_lies_where_the_layout_says(folder, churn):
    path = folder.write_table(CHURN, "my corpus", "Q4_K_M", churn, FIRST)
    assert path.relative_to(folder.root).as_posix() == (
        "tables/churn/my-corpus-954a6719/Q4_K_M.parquet"
    )


def test_only_the_wanted_key_counts_as_finished(folder, churn):
    assert not folder.has_table(CHURN, "g", "m")
    assert not folder.has_part(CHURN, "g", "m", FIRST)
    folder.write_table(CHURN, "g", "m", churn, FIRST)
    assert folder.has_table(CHURN, "g", "m")
    assert folder.has_part(CHURN, "g", "m", FIRST)
    assert not folder.has_part(CHURN, "g", "m", SECOND)


def test_a_finished_part_is_never_overwritten(folder, churn):
    path = folder.write_table(CHURN, "g", "m", churn, FIRST)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="finished already"):
        folder.write_table(CHURN, "g", "m", wide(5), FIRST)
    assert path.read_bytes() == before


def test_a_superseded_part_comes_back_when_asked_for(folder, churn):
    first = folder.write_table(CHURN, "g", "m", churn, FIRST).read_bytes()
    folder.write_table(CHURN, "g", "m", wide(4), SECOND)
    assert files_of(folder) == [
        f"superseded/churn/g/m/{FIRST.sha256[:8]}.parquet",
        "tables/churn/g/m.parquet",
    ]
    assert folder.has_part(CHURN, "g", "m", FIRST)
    assert folder.table_path(CHURN, "g", "m").read_bytes() == first
    assert files_of(folder) == [
        f"superseded/churn/g/m/{SECOND.sha256[:8]}.parquet",
        "tables/churn/g/m.parquet",
    ]


def test_a_part_lost_between_two_renames_comes_back(folder, churn):
    path = folder.write_table(CHURN, "g", "m", churn, FIRST)
    folder.write_table(CHURN, "g", "m", churn, SECOND)
    path.unlink()
    assert folder.has_part(CHURN, "g", "m", FIRST)
    assert folder.read_table(CHURN, "g", "m").key == FIRST


def test_nothing_superseded_is_ever_overwritten(folder, churn):
    for key in (FIRST, SECOND, FIRST, SECOND):
        if folder.has_table(CHURN, "g", "m"):
            folder.write_table(CHURN, "g", "m", churn, PartKey.of("churn", seed=9))
            folder.table_path(CHURN, "g", "m").unlink()
        folder.write_table(CHURN, "g", "m", churn, key)
    kept = sorted(path.name for path in (folder.root / "superseded/churn/g/m").iterdir())
    first, second = FIRST.sha256[:8], SECOND.sha256[:8]
    assert kept == sorted([f"{first}.parquet", f"{second}.parquet", f"{first}-2.parquet"])


def test_equal_digits_of_another_key_do_not_bring_a_part_back(folder, churn, monkeypatch):
    monkeypatch.setattr(folder_module, "_KEY_DIGITS", 0)
    folder.write_table(CHURN, "g", "m", churn, FIRST)
    folder.write_table(CHURN, "g", "m", churn, SECOND)
    assert not folder.has_part(CHURN, "g", "m", PartKey.of("churn", seed=3))
    assert folder.read_table(CHURN, "g", "m").key == SECOND


def test_a_key_of_another_kind_is_refused(folder, churn):
    with pytest.raises(TableError, match="of kind `floors`, it is `churn`"):
        folder.write_table(FLOORS, "g", "m", churn, FIRST)


def test_a_refused_table_leaves_the_old_one_and_nothing_else(folder, churn):
    folder.write_table(CHURN, "g", "m", churn, FIRST)
    with pytest.raises(ShapeError, match="equally long"):
        folder.write_table(CHURN, "g", "m", churn | {"item_id": ["a"]}, SECOND)
    assert files_of(folder) == ["tables/churn/g/m.parquet"]
    assert folder.has_part(CHURN, "g", "m", FIRST)


@pytest.mark.parametrize("cause", ["small_disk", "small_files"])
def test_a_full_disk_leaves_no_part_and_no_leftover(request, tmp_path, churn, cause):
    place = request.getfixturevalue(cause) or tmp_path
    folder = StudyFolder(place / "study").create()
    folder.write_table(CHURN, "g", "m", churn, FIRST)
    with pytest.raises(StorageError, match=r"m\.parquet.*bytes free") as caught:
        folder.write_table(CHURN, "g", "m", wide(20_000), SECOND)
    assert caught.value.hint is not None
    assert "make room" in caught.value.hint
    assert files_of(folder) == ["tables/churn/g/m.parquet"]
    assert folder.has_part(CHURN, "g", "m", FIRST)


def test_a_rename_that_fails_leaves_no_leftover(folder, churn, monkeypatch):
    def refuse(source, target):
        raise atomic.storage_error(OSError(5, "Input/output error"), target)

    monkeypatch.setattr(atomic, "move", refuse)
    with pytest.raises(StorageError, match="Input/output"):
        folder.write_table(CHURN, "g", "m", churn, FIRST)
    assert files_of(folder) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from silentzone.records.parts import PartKey
from silentzone.store import atomic
from silentzone.store.folder import StudyFolder
folder = StudyFolder(Path(sys.argv[1]))
sizes = dict(windows=2, positions=1, vocabulary=2, width=2)
header = dict(form="logits", row_encoding="f32", head={}, **sizes)
writer = folder.trace_writer("c", PartKey.of("trace", a=1), header, 8)
writer.append_rows(np.zeros((1, 8), np.uint8))
with atomic.partial_file(folder.root / "tables" / "x.parquet") as (file, _):
    file.write(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_never_visible_and_is_removed(folder):
    (folder.root / "tables").mkdir()
    (folder.root / "tables" / "notes.partial").write_bytes(b"the user's own")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder.root)], check=False)
    assert ended.returncode == -9
    assert folder.trace("c") is None
    with folder.lock():
        removed = folder.remove_leftovers()
    assert len(removed) == 2
    assert files_of(folder) == ["tables/notes.partial"]
