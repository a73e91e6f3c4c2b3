"""Whatever bytes are given, other tools' items are read whole or refused; never a traceback."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from silentzone.errors import SilentzoneError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools import (
    bfcl,
    evalplus,
    flipeval,
    inspect_log,
    livecodebench,
    llama_eval,
)

if TYPE_CHECKING:
    from silentzone.importers.reading import Format
    from silentzone.records.imported import Imported, ItemAnswers

GOLDEN = Path(__file__).parents[1] / "golden/imports"
BFCL = ("score", "result")
CASES: dict[str, tuple[Format, str]] = {
    "inspect eval": (inspect_log.FORMAT, "inspect/one_scorer.eval"),
    "inspect json": (inspect_log.FORMAT, "inspect/one_scorer.json"),
    "evalplus": (evalplus.FORMAT, "evalplus/made--model_hf_temp_0.2_eval_results.json"),
    "livecodebench": (
        livecodebench.FORMAT,
        "livecodebench/Made-Model-7B/codegeneration_3_0.2_eval_all.json",
    ),
    "llama-eval": (llama_eval.FORMAT, "llama_eval/llama-eval-state.json"),
    "flipeval": (flipeval.FORMAT, "flipeval/made-model.jsonl"),
    **{
        f"bfcl {kind}": (
            bfcl.FORMAT,
            f"bfcl/{kind}/made_model-Q4/non_live/BFCL_v4_simple_python_{kind}.json",
        )
        for kind in BFCL
    },
}
"""Of each format a file that its tool wrote, and which of its files is damaged."""

_PIECES = [b'"', b",", b"\n", b"{", b"}", b"[", b"]", b":", b"\0", b"NaN", b"-1", b"\xff", b"null"]
_EDITS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True),
        st.integers(0, 6),
        st.binary(max_size=4)
        | st.sampled_from([*_PIECES, b"1e400", b"\\ud800", b"true", b"9" * 5]),
    ),
    min_size=1,
    max_size=4,
)


def _read(case: str, content: bytes) -> Imported | None:
    """Read a file of a case with another content; null where it is refused."""
    format_, name = CASES[case]
    original = GOLDEN / name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / original.name
        path.write_bytes(content)
        bundle = Bundle(main=path)
        if case.startswith("bfcl"):
            kind = case.split()[1]
            other = GOLDEN / CASES["bfcl " + BFCL[BFCL.index(kind) - 1]][1]
            pair = (path, other) if kind == "score" else (other, path)
            bundle = Bundle(main=pair[0], companions=pair[1:])
        format_.find([path])
        try:
            return format_.read(bundle, ImportOptions())
        except SilentzoneError:
            return None


def _content(case: str) -> bytes:
    return (GOLDEN / CASES[case][1]).read_bytes()


def _edited(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, n_removed, added in edits:
        start = int(where * len(content))
        content = content[:start] + added + content[start + n_removed :]
    return content


def _facts(answers: ItemAnswers) -> tuple[object, ...]:
    scores = [None if np.isnan(score) else score for score in answers.scores.tolist()]
    return answers.item_ids, answers.repeats.tolist(), scores, answers.statuses


def _check(found: Imported) -> None:
    """What holds of answers from any file."""
    for answers in found.items:
        n_rows = len(answers.item_ids)
        assert n_rows > 0
        assert len(answers.statuses) == len(answers.scores) == len(answers.repeats) == n_rows
        assert len(set(zip(answers.item_ids, answers.repeats.tolist(), strict=True))) == n_rows
        is_ok = np.array([status == "ok" for status in answers.statuses])
        assert np.array_equal(np.isnan(answers.scores), ~is_ok)
        assert ((answers.scores[is_ok] >= 0) & (answers.scores[is_ok] <= 1)).all()
        texts = (*(answers.predictions or ()), *(answers.targets or ()), *answers.item_ids)
        for text in (*texts, *answers.settings.values(), *answers.about.values()):
            (text or "").encode()  # half a surrogate pair cannot be stored
    for note in found.notes:
        note.encode()


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_was_not_damaged_is_read(case):
    found = _read(case, _content(case))

    assert found is not None
    _check(found)


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=150)
@given(edits=_EDITS)
def test_damage_is_refused_or_leaves_whole_answers(case, edits):
    found = _read(case, _edited(_content(case), edits))

    if found is not None:
        _check(found)


@settings(deadline=None, max_examples=400)
@given(edits=_EDITS)
def test_a_damaged_zip_file_has_the_same_answers_or_none(edits):
    content = _content("inspect eval")
    whole = _read("inspect eval", content)
    found = _read("inspect eval", _edited(content, edits))

    assert whole is not None
    assert found is None or _facts(found.items[0]) == _facts(whole.items[0])


def test_a_zip_file_with_one_wrong_bit_in_its_directory_has_the_same_answers_or_none():
    content = _content("inspect eval")
    whole = _read("inspect eval", content)
    assert whole is not None
    n_read = 0
    for place in range(content.index(b"PK\x01\x02"), len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        found = _read("inspect eval", changed)
        if found is not None:
            n_read += 1
            assert _facts(found.items[0]) == _facts(whole.items[0]), place

    assert n_read > 0  # times and versions matter to nobody


@pytest.mark.parametrize("case", CASES)
@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_line_that_is_there_twice_is_refused_or_is_none_of_the_answers(case, data):
    content = _content(case)
    lines = content.splitlines(keepends=True)
    if case == "inspect eval" or len(lines) == 1:
        return
    row = data.draw(st.integers(0, len(lines) - 1))
    whole = _read(case, content)
    found = _read(case, b"".join([*lines[: row + 1], *lines[row:]]))

    assert whole is not None
    assert found is None or [*map(_facts, found.items)] == [*map(_facts, whole.items)]


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_was_cut_off_is_refused(case):
    content = _content(case).rstrip()
    step = max(1, len(content) // 300)
    # A record per line has no end: a cut between two of FlipEval's cannot be seen.
    ends = {place for place, byte in enumerate(content) if byte == ord("\n")}
    unseen = ends | {place + 1 for place in ends} if case == "flipeval" else set()
    for n_bytes in set(range(0, len(content), step)) - unseen:
        assert _read(case, content[:n_bytes]) is None, n_bytes


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["C", "ok", "pass", "\ud800", 10**320, -1, 2**31]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


_NAMES = st.text(max_size=3) | st.sampled_from(["\ud800", "/1", "x" * 2000])


def _paths(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Ways to every value inside a JSON value."""
    children: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [above, *(way for name, one in children for way in _paths(one, (*above, name)))]


@pytest.mark.parametrize("case", [one for one in CASES if one != "inspect eval"])
@settings(deadline=None, max_examples=150)
@given(data=st.data())
@example(data=None)
def test_any_value_in_any_place_is_refused_or_leaves_whole_answers(case, data):
    text = _content(case).decode()
    is_lines = case.startswith("bfcl") or case == "flipeval"
    document = [json.loads(line) for line in text.splitlines()] if is_lines else json.loads(text)
    if data is not None:
        way = data.draw(st.sampled_from(_paths(document)))
        value = data.draw(_JSON)
        if not way:
            document = value
        else:
            parent = document
            for name in way[:-1]:
                parent = parent[name]
            if isinstance(parent, dict) and data.draw(st.booleans()):
                parent[data.draw(_NAMES)] = parent.pop(way[-1])
            else:
                parent[way[-1]] = value
    if is_lines and isinstance(document, list):
        changed = "".join(json.dumps(one) + "\n" for one in document)
    else:
        changed = json.dumps(document)

    found = _read(case, changed.encode())

    if data is None:
        assert found is not None
    if found is not None:
        _check(found)


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_or_leave_whole_answers(content):
    for case in CASES:
        found = _read(case, content)
        if found is not None:
            _check(found)
