"""Whatever bytes are given, a table is read whole or refused; never a part, never a traceback."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.errors import InputError
from silentzone.importers.cohort_table import read_cohort_table
from silentzone.importers.items_table import read_items_table
from silentzone.importers.kinds import detect_kind
from silentzone.records.cohort_table import CohortTable, ItemsTable

TABLE = (
    b"name,is_reference,bits_per_weight,size_gb,fidelity.kld_mean,score.mmlu,n_items.mmlu\n"
    b"F16,true,16,16,0,0.70,1000\n"
    b'"Q8, ""imatrix""",,8.5,8.5,0.001,0.69,1000\n'
    b"Q4,no,4.5,,0.05,NA,\n"
)
ITEMS = (
    b"model,benchmark,item_id,score,status,confidence,prediction\n"
    b'F16,arc,1,1,ok,0.9,"a, b"\n'
    b"F16,arc,2,0,ok,0.5,b\n"
    b'Q4,arc,1,,timeout,,"c\nd"\n'
    b"Q4,arc,2,1,ok,1e-3,b\n"
)
LINES = (
    b'{"model": "F16", "benchmark": "arc", "item_id": 1, "score": 1, "prediction": "a"}\n'
    b'{"model": "Q4", "benchmark": "arc", "item_id": 1, "score": null, "status": "timeout"}\n'
)


def _parquet() -> bytes:
    columns = {
        "model": ["F16", "F16", "Q4", "Q4"],
        "benchmark": ["arc"] * 4,
        "item_id": ["1", "2", "1", "2"],
        "score": [1.0, 0.0, None, 1.0],
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, write_page_checksum=True)
    return sink.getvalue()


_EDITS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True),
        st.integers(0, 6),
        st.binary(max_size=4)
        | st.sampled_from([b'"', b",", b"\n", b"\r", b";", b"\0", b"nan", b"-", b"\xff", b"1e400"]),
    ),
    min_size=1,
    max_size=4,
)


def _damaged(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Content with stretches replaced: place as a share, length taken out, bytes put in."""
    for share, length, new in edits:
        place = int(share * (len(content) + 1))
        content = content[:place] + new + content[place + length :]
    return content


def _read(content: bytes) -> CohortTable | ItemsTable | None:
    """What the file holds; None where it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content)
        try:
            kind = detect_kind(path)
            return read_cohort_table(path) if kind == "table" else read_items_table(path)
        except InputError as error:
            said = error.message
    assert "table.csv" in said
    assert folder not in said
    return None


def _strict_rows(content: bytes) -> int:
    """Rows below the header, counted without any of our code but the delimiters we know."""
    text = content.decode("utf-8-sig")
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    return len(rows) - 1


def _n_rows(table: CohortTable | ItemsTable) -> int:
    if isinstance(table, CohortTable):
        return len(table.models)
    return sum(len(rows.item_ids) for rows in table.rows)


@given(st.sampled_from([TABLE, ITEMS]), _EDITS)
@settings(max_examples=300, deadline=None)
def test_damaged_text_is_read_whole_or_refused(content, edits):
    damaged = _damaged(content, edits)
    table = _read(damaged)
    if table is not None:
        assert _n_rows(table) == _strict_rows(damaged)


@given(_EDITS)
@settings(max_examples=100, deadline=None)
def test_damaged_json_lines_are_read_whole_or_refused(edits):
    damaged = _damaged(LINES, edits)
    table = _read(damaged)
    if table is not None and damaged.lstrip().startswith(b"{"):
        lines = [line for line in io.StringIO(damaged.decode(), newline=None) if line.strip()]
        assert _n_rows(table) == len(lines)


@given(_EDITS)
@settings(max_examples=150, deadline=None)
def test_damaged_parquet_is_read_whole_or_refused(edits):
    table = _read(_damaged(_parquet(), edits))
    assert table is None or _n_rows(table) == 4


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    _read(content)


_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
_plain_names = _names.filter(lambda name: bool(name.strip(" ")) and name == name.strip(" "))
_shares = st.floats(0.0, 1.0) | st.none()


@given(
    st.lists(
        st.tuples(_plain_names, st.floats(0.0, 1e300) | st.none(), _shares, _shares),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    st.integers(-1, 7),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(deadline=None)
def test_a_written_table_comes_back(rows, reference, delimiter, line_end):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "is_reference", "fidelity.kld_mean", "score.a", "score.b.c"])
    for place, (name, *numbers) in enumerate(rows):
        writer.writerow([name, int(place == reference), *numbers])
    table = _read(text.getvalue().encode())
    assert isinstance(table, CohortTable)
    assert [model.name for model in table.models] == [row[0] for row in rows]
    assert [model.is_reference for model in table.models] == [
        place == reference for place in range(len(rows))
    ]
    for model, (_, kld, first, second) in zip(table.models, rows, strict=True):
        assert model.fidelity.get("kld_mean") == kld
        assert model.scores.get("a") == first
        assert model.scores.get("b.c") == second


_ids = _plain_names.filter(lambda name: len(name) <= 50)


@given(
    st.dictionaries(
        st.tuples(_ids, st.sampled_from(["arc", "piqa"]), _ids),
        st.tuples(_shares, _shares, _ids | st.none()),
        min_size=1,
        max_size=12,
    )
)
@settings(deadline=None)
def test_written_answers_come_back(answers):
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(
        ["model", "benchmark", "item_id", "score", "confidence", "prediction", "status"]
    )
    for key, (score, confidence, prediction) in answers.items():
        status = "skipped" if score is None else "ok"
        writer.writerow([*key, score, confidence, prediction, status])
    table = _read(text.getvalue().encode())
    assert isinstance(table, ItemsTable)
    found = {}
    for rows in table.rows:
        assert rows.confidence is not None
        assert rows.predictions is not None
        for item, score, confidence, prediction in zip(
            rows.item_ids,
            rows.scores.tolist(),
            rows.confidence.tolist(),
            rows.predictions,
            strict=True,
        ):
            key = (rows.model, rows.benchmark, item)
            found[key] = (_none_for_nan(score), _none_for_nan(confidence), prediction)
    assert found == answers


def _none_for_nan(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124 - NaN is what differs from itself
