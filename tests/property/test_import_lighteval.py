"""Details and results with any damage: read whole or refused; never a part, never a traceback."""

from __future__ import annotations

import copy
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.errors import TableError
from silentzone.importers.reading import ImportOptions
from silentzone.importers.registry import FORMATS

FORMAT = FORMATS["lighteval"]
OUT = Path(__file__).parents[1] / "golden" / "imports" / "lighteval" / "out"
DATE = "2026-11-26T04-08-56.686310"
TASKS = ("own_choices", "own_lengths", "own_written")
RESULTS = (OUT / "results" / "house" / "dummy-a" / f"results_{DATE}.json").read_bytes()
FOLDER = OUT / "details" / "house" / "dummy-a" / DATE
DETAILS = {task: (FOLDER / f"details_{task}--0_{DATE}.parquet").read_bytes() for task in TASKS}
ROWS = {task: pq.read_table(io.BytesIO(content)).to_pylist() for task, content in DETAILS.items()}

_EDITS = st.lists(
    st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.integers(0, 8), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=6), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def _damaged(content, edits):
    for share, length, new in edits:
        place = int(share * (len(content) + 1))
        content = content[:place] + new + content[place + length :]
    return content


def _read(task, details, results=RESULTS):
    """Answers in these files; null where they are refused."""
    said = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"details_{task}|0_{DATE}.parquet"
        path.write_bytes(details)
        (Path(folder) / f"results_{DATE}.json").write_bytes(results)
        (bundle,) = FORMAT.find([path])
        try:
            imported = FORMAT.read(bundle, ImportOptions())
        except TableError as error:
            said = error.message
    if said:
        assert folder not in said
        return None
    (answers,) = imported.items
    n_items = len(answers.item_ids)
    assert len(set(answers.item_ids)) == n_items
    columns = (
        *(answers.scores, answers.statuses, answers.repeats, answers.predictions),
        *(answers.margin, answers.confidence, answers.choice_log_likelihoods),
        *(answers.targets, answers.prompt_sha256, answers.output_tokens),
    )
    assert all(column is None or len(column) == n_items for column in columns)
    for score, status in zip(answers.scores.tolist(), answers.statuses, strict=True):
        assert (status == "ok") == (0.0 <= score <= 1.0)
    return answers


@pytest.mark.parametrize("task", TASKS)
def test_the_files_themselves_are_read(task):
    assert _read(task, DETAILS[task]) is not None


@given(st.sampled_from(TASKS), _EDITS)
@settings(max_examples=200)
def test_damaged_details_are_read_whole_or_refused(task, edits):
    answers = _read(task, _damaged(DETAILS[task], edits))
    assert answers is None or len(answers.item_ids) == len(ROWS[task])


@given(_EDITS)
@settings(max_examples=100)
def test_damaged_results_are_read_or_refused(edits):
    _read("own_choices", DETAILS["own_choices"], _damaged(RESULTS, edits))


@given(st.sampled_from(TASKS), st.data())
@settings(max_examples=200)
def test_any_value_in_any_place_is_read_or_refused(task, data):
    rows = copy.deepcopy(ROWS[task])
    column = data.draw(st.sampled_from(sorted(rows[0])))
    name = data.draw(st.sampled_from(["", *sorted(rows[0][column])]))
    value = data.draw(_VALUES)
    for row in rows:  # a column of a Parquet file is of one kind
        if name:
            row[column][name] = value
        else:
            row[column] = value
    sink = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pylist(rows), sink)
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
        return  # Parquet cannot hold it
    _read(task, sink.getvalue())


@given(st.data())
@settings(max_examples=100)
def test_any_value_anywhere_in_the_results_is_read_or_refused(data):
    content = json.loads(RESULTS)
    part = content
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [key for key, value in sorted(part.items()) if isinstance(value, dict) and value]
        if not inner:
            break
        part = part[data.draw(st.sampled_from(inner))]
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(_VALUES)
    _read("own_choices", DETAILS["own_choices"], json.dumps(content).encode())
