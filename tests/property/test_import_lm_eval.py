"""Samples and results with any damage: read whole or refused; never a part, never a traceback."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.errors import TableError
from silentzone.importers.reading import ImportOptions
from silentzone.importers.registry import FORMATS
from silentzone.importers.tools.lm_eval.hashes import indented

FORMAT = FORMATS["lm-eval"]
GOLDEN = Path(__file__).parents[1] / "golden" / "imports" / "lm_eval"
DATE = "2026-11-26T03-36-54.428862"
TASKS = ("pick", "letters", "fill", "count", "vote", "ends", "texts")
RESULTS = (GOLDEN / "run-f16" / f"results_{DATE}.json").read_bytes()
SAMPLES = {
    task: (GOLDEN / "run-f16" / f"samples_{task}_{DATE}.jsonl").read_bytes() for task in TASKS
}
OLD = (GOLDEN / "version-0.4.2" / "pretrained__dummy_pick.jsonl").read_bytes()

_EDITS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True),
        st.integers(0, 60),
        st.binary(max_size=4)
        | st.sampled_from(
            [b'"', b",", b"\n", b"{", b"}", b"[", b"]", b"NaN", b"null", b"9" * 400, b"\\ud800"]
        ),
    ),
    min_size=1,
    max_size=4,
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["0", "1", "nan", "-inf", "True", "none", "acc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _damaged(content, edits):
    for share, length, new in edits:
        place = int(share * (len(content) + 1))
        content = content[:place] + new + content[place + length :]
    return content


def _read(task, samples, results=None):
    """Answers in these files; null where they are refused."""
    said = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples_{task}_{DATE}.jsonl"
        path.write_bytes(samples)
        if results is not None:
            (Path(folder) / f"results_{DATE}.json").write_bytes(results)
        bundles = FORMAT.find(sorted(Path(folder).iterdir()))
        if not bundles:
            return None
        try:
            imported = FORMAT.read(bundles[0], ImportOptions(filter="strict"))
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
    )
    assert all(column is None or len(column) == n_items for column in columns)
    for score, status in zip(answers.scores.tolist(), answers.statuses, strict=True):
        assert (status == "ok") == (0.0 <= score <= 1.0)
    return answers


@pytest.mark.parametrize("task", TASKS)
def test_the_files_themselves_are_read(task):
    assert (_read(task, SAMPLES[task], RESULTS) is None) == (task == "texts")


@given(st.sampled_from(TASKS), _EDITS)
@settings(max_examples=200)
def test_damaged_samples_beside_their_results_are_whole_or_refused(task, edits):
    answers = _read(task, _damaged(SAMPLES[task], edits), RESULTS)
    if answers is not None:
        whole = _read(task, SAMPLES[task], RESULTS)
        assert answers.item_ids == whole.item_ids
        assert answers.prompt_sha256 == whole.prompt_sha256
        assert abs(answers.scores.mean() - whole.scores.mean()) < 1e-9 or "non_finite" in (
            answers.statuses
        )


@given(st.sampled_from(TASKS), _EDITS)
@settings(max_examples=100)
def test_damaged_samples_alone_lose_no_row_that_is_there(task, edits):
    damaged = _damaged(SAMPLES[task], edits)
    answers = _read(task, damaged)
    if answers is not None and not damaged.lstrip().startswith(b"["):
        rows = [json.loads(line) for line in damaged.decode("utf-8-sig").splitlines() if line]
        own = [row for row in rows if row.get("filter") == answers.settings["filter"]]
        assert len(answers.item_ids) == len(own)


@given(_EDITS)
@settings(max_examples=100)
def test_a_damaged_array_is_read_whole_or_refused(edits):
    damaged = _damaged(OLD, edits)
    answers = _read("pick", damaged)
    if answers is not None and damaged.lstrip().startswith(b"["):
        assert len(answers.item_ids) == len(json.loads(damaged))


@given(_EDITS)
@settings(max_examples=100)
def test_damaged_results_are_read_or_refused(edits):
    _read("pick", SAMPLES["pick"], _damaged(RESULTS, edits))


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(content, begins_like_samples):
    _read("pick", b'{"doc_id": ' * begins_like_samples + content, content)


@given(st.sampled_from(TASKS), st.data())
@settings(max_examples=300)
def test_any_value_in_any_place_is_read_or_refused(task, data):
    rows = [json.loads(line) for line in SAMPLES[task].splitlines()]
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.sampled_from(rows))
        row[data.draw(st.sampled_from(sorted(row)))] = data.draw(_JSON)
    _read(task, "\n".join(map(json.dumps, rows)).encode())


@given(st.data())
@settings(max_examples=200)
def test_any_value_anywhere_in_the_results_is_read_or_refused(data):
    content = copy.deepcopy(_PARSED)
    part = content
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [key for key, value in sorted(part.items()) if isinstance(value, dict) and value]
        if not inner:
            break
        part = part[data.draw(st.sampled_from(inner))]
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(_JSON)
    _read("pick", SAMPLES["pick"], json.dumps(content).encode())


_PARSED = json.loads(RESULTS)


@given(_JSON)
def test_documents_are_hashed_as_lm_eval_writes_them(value):
    value = json.loads(json.dumps(value))
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)
