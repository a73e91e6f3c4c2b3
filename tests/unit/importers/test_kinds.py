from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from silentzone.errors import InputError
from silentzone.importers.kinds import detect_kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("name,fidelity.kld_mean\n", "table"),
        ("name;score.x\n", "table"),
        ("\ufeffname\tscore.x\n", "table"),
        ("score.x\n", "table"),
        ("model,benchmark,item_id,score\n", "items"),
        ("item_id,score\n", "items"),
        ('\n{"model": "a", "item_id": 1, "score": 0}\n', "items"),
    ],
)
def test_the_header_tells_the_two_layouts_apart(tmp_path, content, kind):
    path = tmp_path / "any.name"
    path.write_text(content)
    assert detect_kind(path) == kind


def test_a_parquet_file_is_told_by_its_columns(tmp_path):
    path = tmp_path / "answers"
    pq.write_table(pa.table({"item_id": ["1"], "score": [1.0]}), path)
    assert detect_kind(path) == "items"


def test_a_folder_is_a_study_if_it_has_a_manifest(tmp_path):
    with pytest.raises(InputError, match=r"is a folder without `manifest\.json`") as caught:
        detect_kind(tmp_path)
    assert caught.value.hint is not None
    (tmp_path / "manifest.json").touch()
    assert detect_kind(tmp_path) == "study"


@pytest.mark.parametrize("content", ["name,kld,mmlu\n", '{"name": 1, "kld": 2, "mmlu": 3}'])
def test_anything_else_is_refused_with_its_columns_and_both_layouts(tmp_path, content):
    path = tmp_path / "other.csv"
    path.write_text(content)
    with pytest.raises(InputError, match="its columns are: `name`, `kld`, `mmlu`") as caught:
        detect_kind(path)
    assert caught.value.hint is not None
    assert "fidelity.kld_mean" in caught.value.hint
    assert "item_id" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"{\n", "line 1: this is not JSON"),
        (b"[1]\n", "line 1: this is JSON, but no object"),
        (b"PAR1 and no more", "may be damaged"),
        (b"\x00\x01", "is binary data"),
        (b"_logits_\x00\x02", "is a base file of llama-perplexity"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, content, message):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        detect_kind(path)


def test_a_path_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="`gone` cannot be read: No such file"):
        detect_kind(tmp_path / "gone")
    with pytest.raises(InputError, match="cannot be read"):
        detect_kind(tmp_path / "nul\0byte")
