"""Logs and base files with any damage: read whole, told as cut, or refused; never a traceback."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.errors import TableError
from silentzone.importers.perplexity_print import Printed, block_row
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.registry import FORMATS
from silentzone.store.base_file import BaseFile

FORMAT = FORMATS["llama-perplexity"]
FOLDER = Path(__file__).parents[1] / "golden" / "imports" / "llama_perplexity"
LOGS = [
    (FOLDER / name).read_bytes()
    for name in (
        "smollm2.kld.stdout.txt",
        "smollm2.ppl.stdout.txt",
        "tiny.ppl-rows.txt",
        "tiny.stride.txt",
        "tiny.nan.txt",
        "tiny.few.txt",
    )
]
_EDITS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True),
        st.integers(0, 60),
        st.binary(max_size=4)
        | st.sampled_from([b"nan", b"inf", b"\n", b"\r", b"-", b".", b"9" * 400, b"\xff", b"[1]"]),
    ),
    min_size=1,
    max_size=4,
)


def _damaged(content, edits):
    for share, length, new in edits:
        place = int(share * (len(content) + 1))
        content = content[:place] + new + content[place + length :]
    return content


def _read(content):
    """Import of a log of these bytes; null where it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.log"
        path.write_bytes(content)
        FORMAT.find([path])
        try:
            return FORMAT.read(Bundle(main=path), ImportOptions())
        except TableError:
            return None


def _check(imported):
    """What holds of every import: no NaN, no value without a reason for its absence."""
    (row,) = imported.fidelity
    for stated in row.metrics.values():
        assert (stated.value is None) == (stated.status != "ok")
        assert stated.value is None or math.isfinite(stated.value)
        assert stated.standard_error is None or stated.standard_error > 0.0
    lengths = {len(values) for values in (row.windows or {}).values()}
    assert lengths <= {int(row.protocol["windows"] or 0)}
    return row


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(LOGS), _EDITS)
def test_damage_is_refused_or_read_whole(content, edits):
    imported = _read(_damaged(content, edits))
    if imported is not None:
        _check(imported)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LOGS), st.floats(0.0, 1.0, exclude_max=True))
def test_a_log_cut_anywhere_gives_fewer_values_but_no_others(content, share):
    imported = _read(content[: int(share * len(content))])
    if imported is None:
        return
    row = _check(imported)
    whole = _read(content).fidelity[0]
    windows = {name: len(values) for name, values in (row.windows or {}).items()}
    for key, stated in row.metrics.items():
        has_end = "running mean" not in stated.method
        if stated.value is not None and has_end and not windows:
            assert stated.value == whole.metrics[key].value
    is_short = row.protocol["windows"] != whole.protocol["windows"]
    lacks = [key for key, one in whole.metrics.items() if one.value != row.metrics[key].value]
    if is_short or lacks:
        assert any(
            word in note
            for note in imported.notes
            for word in ("is cut", "no final result", "ends after")
        )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_line_is_a_row_or_none(line):
    block_row(line)
    block_row(f"Mean    KLD:{line}")


@settings(max_examples=200, deadline=None)
@given(st.decimals(-10_000, 10_000, places=6))
def test_a_printed_number_is_that_number(number):
    printed = Printed(f"{number:.6f}")
    assert printed.value == float(number)
    assert printed.per_cent == float(number / 100)


BASES = [(FOLDER / f"{kind}.base").read_bytes() for kind in ("odd", "even")]


def _open_base(content):
    """Distributions of all windows of a base file of these bytes; null where it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.base"
        path.write_bytes(content)
        try:
            base = BaseFile(path)
            return base.shape, [base.reference(window) for window in range(base.shape.windows)]
        except TableError:
            return None


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BASES), _EDITS)
def test_a_damaged_base_file_is_refused_or_holds_distributions(content, edits):
    found = _open_base(_damaged(content, edits))
    if found is None:
        return
    shape, windows = found
    for reference in windows:
        assert reference.log_probs_TV.shape == (shape.positions, shape.vocabulary_size)
        assert np.isfinite(reference.log_probs_TV).all()
        assert np.exp(reference.log_probs_TV).max() < 1.01


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(BASES), st.floats(0.0, 1.0, exclude_max=True))
def test_a_base_file_cut_anywhere_is_refused(content, share):
    assert _open_base(content[: int(share * len(content))]) is None


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(BASES), st.binary(min_size=1, max_size=2000))
def test_a_base_file_with_more_in_it_is_refused(content, more):
    assert _open_base(content + more) is None


TASKS = [
    (FOLDER / f"smollm2.{name}.txt").read_bytes()
    for name in ("hellaswag", "winogrande", "multiple-choice")
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TASKS), _EDITS)
def test_damaged_tasks_are_refused_or_have_their_items(content, edits):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.log"
        path.write_bytes(_damaged(content, edits))
        try:
            imported = FORMATS["llama-perplexity-tasks"].read(Bundle(main=path), ImportOptions())
        except TableError:
            return
    (answers,) = imported.items
    ok = np.array([status == "ok" for status in answers.statuses])
    assert np.isin(answers.scores[ok], (0.0, 1.0)).all()
    assert np.isnan(answers.scores[~ok]).all()
    assert len(set(answers.item_ids)) == len(answers.item_ids)
    assert len(answers.scores) == 6 or any("items of" in note for note in imported.notes)
