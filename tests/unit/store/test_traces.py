"""The reference's trace of one corpus."""

from __future__ import annotations

import json

import numpy as np
import pytest

from silentzone.errors import ShapeError, StorageError, TableError
from silentzone.records.parts import PartKey
from silentzone.store.folder import StudyFolder

KEY = PartKey.of("trace", model="a")
OTHER = PartKey.of("trace", model="b")
HEADER = {
    "form": "hidden",
    "windows": 2,
    "positions": 3,
    "vocabulary": 11,
    "width": 4,
    "row_encoding": "f16",
    "head": {"type": "F16"},
}
ARRAYS = {
    "tokens": np.arange(16, dtype=np.int32).reshape(2, 8),
    "documents": np.array([0, 4], np.int32),
    "nll": np.array([0.5, 1.5, np.inf, 2.0, 3.0, 4.0]),
    "top5": np.arange(30, dtype=np.int32).reshape(6, 5),
}


def rows_of(window):
    return (np.arange(24, dtype=np.uint8) + 24 * window).reshape(3, 8)


def write(folder, key=KEY, arrays=ARRAYS, header=HEADER):
    with folder.trace_writer("wiki.parquet", key, header, 8) as writer:
        for window in range(2):
            writer.append_rows(rows_of(window))
        writer.finish(arrays, {"rebuild_error": {"kld_max": 4e-12}})
    return folder.trace("wiki.parquet")


@pytest.fixture
def written(folder):
    return folder, write(folder).path


def test_everything_comes_back_as_it_was(folder):
    write(folder)
    trace = folder.trace("wiki.parquet")
    assert trace is not None
    assert (trace.form, trace.row_encoding, trace.row_bytes) == ("hidden", "f16", 8)
    assert (trace.window_count, trace.positions_per_window) == (2, 3)
    assert (trace.vocabulary_size, trace.width, trace.key) == (11, 4, KEY)
    assert (trace.head, trace.rebuild_error) == ({"type": "F16"}, {"kld_max": 4e-12})
    np.testing.assert_array_equal(trace.tokens, ARRAYS["tokens"])
    np.testing.assert_array_equal(trace.documents, ARRAYS["documents"])
    np.testing.assert_array_equal(trace.window_rows(1), rows_of(1))
    np.testing.assert_array_equal(trace.window_array("nll", 0), ARRAYS["nll"][:3])
    np.testing.assert_array_equal(trace.arrays["top5"], ARRAYS["top5"])
    assert set(trace.arrays) == {"nll", "top5"}
    assert not trace.rows.flags.writeable


def test_documents_may_be_unknown(folder):
    assert write(folder, arrays={"tokens": ARRAYS["tokens"]}).documents is None


def test_a_window_that_is_not_there_is_refused(folder):
    with pytest.raises(ShapeError, match=r"in 0\.\.1, it is 2"):
        write(folder).window_rows(2)


def test_a_trace_is_visible_only_when_finished(folder):
    with folder.trace_writer("wiki.parquet", KEY, HEADER, 8) as writer:
        writer.append_rows(rows_of(0))
        assert folder.trace("wiki.parquet") is None
        assert not folder.has_trace("wiki.parquet", KEY)
    assert list((folder.root / "traces").iterdir()) == []


def test_a_superseded_trace_comes_back(folder):
    write(folder)
    write(folder, OTHER)
    assert folder.trace("wiki.parquet").key == OTHER
    assert folder.has_trace("wiki.parquet", KEY)
    assert folder.trace("wiki.parquet").key == KEY
    kept = [path.name for path in (folder.root / "superseded/traces/wiki.parquet").iterdir()]
    assert kept == [OTHER.sha256[:8]]


def test_a_finished_trace_is_not_written_again(written):
    with pytest.raises(StorageError, match="finished already"):
        written[0].trace_writer("wiki.parquet", KEY, HEADER, 8)


def test_a_trace_without_all_windows_is_refused(folder):
    with folder.trace_writer("c", KEY, HEADER, 8) as writer:
        writer.append_rows(rows_of(0))
        with pytest.raises(ShapeError, match="2 windows must have 6 rows, it has 3"):
            writer.finish(ARRAYS)
    assert folder.trace("c") is None


@pytest.mark.parametrize("rows", [np.zeros((3, 7), np.uint8), np.zeros((3, 8), np.int8)])
def test_rows_of_another_shape_or_type_are_refused(folder, rows):
    expected = pytest.raises(ShapeError, match=r"shape \(3, 8\)")
    with folder.trace_writer("c", KEY, HEADER, 8) as writer, expected:
        writer.append_rows(rows)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("tokens", np.zeros((3, 8), np.int32)),
        ("tokens", np.zeros((2, 8), np.int64)),
        ("documents", np.zeros((2, 1), np.int32)),
        ("nll", np.zeros(5)),
        ("nll", np.zeros((6, 2, 2))),
        ("nll", np.array([None] * 6)),
        ("nll", np.zeros(6, ">f8")),
        ("../nll", np.zeros(6)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(folder, name, array):
    with pytest.raises(ShapeError, match="of a trace must"):
        write(folder, arrays=ARRAYS | {name: array})
    assert folder.trace("wiki.parquet") is None


def test_a_trace_without_tokens_is_refused(folder):
    with pytest.raises(ShapeError, match="must have an array `tokens`"):
        write(folder, arrays={})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("form", "other", "hidden or logits"),
        ("windows", 0, "positive `windows`"),
        ("positions", 2**50, "positive `positions`"),
        ("vocabulary", "7", "`vocabulary` of type int"),
        ("width", True, "`width` of type int"),
        ("head", None, "`head` of type dict"),
        ("rebuild_error", 3, "`rebuild_error` as a dict"),
    ],
)
def test_an_impossible_header_is_refused(folder, field, value, message):
    with pytest.raises(TableError, match=message):
        folder.trace_writer("c", KEY, HEADER | {field: value}, 8)


def test_a_key_of_another_kind_is_refused(folder):
    with pytest.raises(TableError, match="of the kind of a trace"):
        folder.trace_writer("c", PartKey.of("tokens"), HEADER, 8)


@pytest.mark.parametrize("cause", ["small_disk", "small_files"])
@pytest.mark.parametrize("moment", ["rows", "arrays"])
def test_a_full_disk_leaves_nothing_behind(request, tmp_path, cause, moment):
    place = request.getfixturevalue(cause) or tmp_path
    folder = StudyFolder(place / "study").create()
    row_bytes = 300_000 if moment == "rows" else 8
    header = HEADER | {"windows": 1, "positions": 1}
    rows = np.zeros((1, row_bytes), np.uint8)
    arrays = {"tokens": np.zeros((1, 100_000), np.int32)}
    with folder.trace_writer("c", KEY, header, row_bytes) as writer:
        if moment == "arrays":
            writer.append_rows(rows)
        with pytest.raises(StorageError, match="bytes free there"):
            writer.append_rows(rows) if moment == "rows" else writer.finish(arrays)
    assert [path.name for path in folder.root.rglob("*")] == ["traces"]


def test_a_folder_that_cannot_be_written_is_a_storage_error(folder):
    (folder.root / "traces").write_bytes(b"")
    with pytest.raises(StorageError, match="traces"):
        folder.trace_writer("c", KEY, HEADER, 8)


def edit(path, **changes):
    header = json.loads((path / "trace.json").read_text(encoding="ascii"))
    (path / "trace.json").write_text(json.dumps(header | changes), encoding="ascii")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 2}, "reads version 1"),
        ({"part": None}, "states no protocol"),
        ({"part": {"kind": "trace", "protocol": {"model": "b"}}}, "does not belong"),
        ({"windows": 3}, "not usable"),
        ({"row_bytes": 9}, r"rows\.bin must have 54 bytes, it has 48"),
        ({"form": "x"}, "its header must"),
        ({"arrays": {}}, "lists no tokens"),
        ({"arrays": {"tokens": {}, "../../x": {}}}, r"tokens\.npy must be"),
    ],
)
def test_a_header_that_contradicts_the_files_is_refused(written, changes, message):
    folder, path = written
    edit(path, **changes)
    with pytest.raises(TableError, match=message):
        folder.trace("wiki.parquet")


def test_an_array_is_never_taken_from_outside(written):
    folder, path = written
    header = json.loads((path / "trace.json").read_text(encoding="ascii"))
    edit(path, arrays={"../x": {}} | header["arrays"])
    with pytest.raises(TableError, match="array with the name"):
        folder.trace("wiki.parquet")


@pytest.mark.parametrize("name", ["rows.bin", "tokens.npy", "nll.npy", "trace.json"])
@pytest.mark.parametrize("how", ["cut", "gone", "garbage"])
def test_a_damaged_file_is_refused(written, name, how):
    folder, path = written
    whole = (path / name).read_bytes()
    if how == "gone":
        (path / name).unlink()
    else:
        (path / name).write_bytes(whole[:-3] if how == "cut" else b"garbage" * 3)
    with pytest.raises(TableError, match=name.replace(".", r"\.")):
        folder.trace("wiki.parquet")


def test_a_pickle_in_the_place_of_an_array_is_refused(written):
    folder, path = written
    np.save(path / "nll.npy", np.array([{}] * 6), allow_pickle=True)
    with pytest.raises(TableError, match=r"nll\.npy"):
        folder.trace("wiki.parquet")


# -- along items ------------------------------------------------------------------------------

ALONG_ITEMS = PartKey.of("item_trace", model="a")
ITEM_HEADER = {
    "form": "logits",
    "continuations": 3,
    "rows": 6,
    "vocabulary": 11,
    "width": 11,
    "row_encoding": "f32",
    "head": {"type": "F16"},
}
ITEM_ARRAYS = {
    "item": np.array([0, 0, 4], np.int32),
    "choice": np.array([0, 1, 0], np.int32),
    "length": np.array([3, 1, 2], np.int32),
    "token_id": np.arange(6, dtype=np.int32),
}


def write_items(folder, arrays=ITEM_ARRAYS, key=ALONG_ITEMS):
    with folder.trace_writer("wiki.parquet", key, ITEM_HEADER, 8) as writer:
        writer.append_rows(np.full((4, 8), 1, np.uint8))
        writer.append_rows(np.full((2, 8), 2, np.uint8))
        writer.finish(arrays)
    return folder.item_trace("wiki.parquet")


def test_groups_of_any_length_come_back_as_they_were(folder):
    trace = write_items(folder)
    assert trace is not None
    assert [trace.stretch(group) for group in range(3)] == [slice(0, 3), slice(3, 4), slice(4, 6)]
    np.testing.assert_array_equal(trace.item, [0, 0, 4])
    np.testing.assert_array_equal(trace.choice, [0, 1, 0])
    np.testing.assert_array_equal(trace.arrays["token_id"], np.arange(6))
    np.testing.assert_array_equal(trace.rows[:, 0], [1, 1, 1, 1, 2, 2])
    with pytest.raises(ShapeError, match=r"`continuation` must be in 0\.\.2, it is 3"):
        trace.stretch(3)


def test_a_corpus_and_a_benchmark_of_one_name_do_not_meet(folder):
    write(folder)
    write_items(folder)
    assert folder.trace("wiki.parquet").key == KEY
    assert folder.item_trace("wiki.parquet").key == ALONG_ITEMS
    assert folder.has_trace("wiki.parquet", KEY)
    assert folder.has_trace("wiki.parquet", ALONG_ITEMS)
    assert folder.item_trace("other") is None


def test_a_superseded_trace_along_items_comes_back(folder):
    write_items(folder)
    write_items(folder, key=PartKey.of("item_trace", model="b"))
    assert folder.has_trace("wiki.parquet", ALONG_ITEMS)
    assert folder.item_trace("wiki.parquet").key == ALONG_ITEMS
    assert len(list((folder.root / "superseded/item_traces/wiki.parquet").iterdir())) == 1


@pytest.mark.parametrize("length", [[3, 1, 1], [6, 0, 0], [3, -1, 4]])
def test_lengths_that_do_not_make_up_the_rows_are_refused(folder, length):
    arrays = ITEM_ARRAYS | {"length": np.array(length, np.int32)}
    with pytest.raises(ShapeError, match="`length` must be positive and add up to 6"):
        write_items(folder, arrays)
    assert folder.item_trace("wiki.parquet") is None
    path = write_items(folder).path
    np.save(path / "length.npy", arrays["length"])
    with pytest.raises(TableError, match="`length` must be positive and add up to 6"):
        folder.item_trace("wiki.parquet")


@pytest.mark.parametrize("name", ["item", "choice", "length", "token_id"])
def test_a_trace_along_items_names_every_group(folder, name):
    with pytest.raises(ShapeError, match=f"must have an array `{name}`"):
        write_items(folder, {k: v for k, v in ITEM_ARRAYS.items() if k != name})


def test_a_trace_of_another_kind_in_its_place_is_refused(folder):
    (folder.root / "traces").mkdir()
    write_items(folder).path.rename(folder.root / "traces" / "wiki.parquet")
    with pytest.raises(TableError, match="must be of kind `trace`, it is `item_trace`"):
        folder.trace("wiki.parquet")


def test_a_kind_that_is_no_trace_is_refused(written):
    folder, path = written
    part = PartKey.of("tokens")
    edit(path, part={"kind": "tokens", "protocol": {}}, part_key=part.sha256)
    with pytest.raises(TableError, match="`tokens` is no kind of trace"):
        folder.trace("wiki.parquet")
