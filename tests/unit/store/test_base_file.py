"""Base files: what llama-perplexity wrote, what we write, and what is no such file."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest

from silentzone.errors import ShapeError, TableError
from silentzone.metrics.divergence import log_softmax
from silentzone.store.base_file import BaseFile, BaseFileWriter, BaseShape, encode_rows

GOLDEN = Path(__file__).parents[2] / "golden" / "imports" / "llama_perplexity"
KINDS = [("odd", 259), ("even", 260)]


@pytest.fixture
def written(tmp_path):
    """Write logits of whole windows as a base file; gives the opened file."""

    def write(logits, tokens, clip=16.0):
        buffer = io.BytesIO()
        writer = BaseFileWriter(buffer, tokens, logits.shape[-1], clip)
        for window in logits:
            writer.append(window)
        writer.finish()
        path = tmp_path / "own.base"
        path.write_bytes(buffer.getvalue())
        assert len(buffer.getvalue()) == writer.shape.total_bytes
        return BaseFile(path)

    return write


def _made(vocabulary, context=9, windows=3, spread=3.0):
    generator = np.random.default_rng(vocabulary)
    shape = BaseShape(context_length=context, vocabulary_size=vocabulary, windows=windows)
    logits = spread * generator.standard_normal((windows, shape.positions, vocabulary))
    tokens = generator.integers(0, vocabulary, (windows, context)).astype(np.int32)
    return logits.astype(np.float32), tokens


@pytest.mark.parametrize(("kind", "vocabulary"), KINDS)
def test_the_tools_own_perplexity_comes_out(kind, vocabulary):
    base = BaseFile(GOLDEN / f"{kind}.base")
    assert base.shape == BaseShape(context_length=64, vocabulary_size=vocabulary, windows=5)
    assert base.clip_nats == 16.0
    nll = []
    for window in range(5):
        observed = base.observed(window)
        log_probs = base.reference(window).log_probs_TV
        nll.append(-log_probs[np.arange(31), observed])
    printed = re.findall(r"Mean PPL\(base\) *: *([\d.]+)", _log(kind))
    # Six decimals of it: an index that is off by one would give another number altogether.
    assert np.exp(np.mean(np.concatenate(nll), dtype=np.float64)) == pytest.approx(
        float(printed[0]), rel=1e-8
    )


def _log(kind):
    return (GOLDEN / f"tiny.{kind}.kld.txt").read_text("utf-8")


@pytest.mark.parametrize(("kind", "vocabulary"), KINDS)
def test_our_coding_of_what_was_decoded_is_the_tools(tmp_path, kind, vocabulary):
    base = BaseFile(GOLDEN / f"{kind}.base")
    coded = np.concatenate([encode_rows(base.reference(w).log_probs_TV) for w in range(5)])
    raw = np.fromfile(GOLDEN / f"{kind}.base", "<u2", offset=base.shape.rows_offset)
    stored = raw.reshape(coded.shape)[:, 4 : 4 + vocabulary].astype(int)
    assert np.abs(coded[:, 4 : 4 + vocabulary] - stored).max() <= 1


@pytest.mark.parametrize("vocabulary", [5, 6, 257, 258])
@pytest.mark.parametrize("clip", [16.0, 24.0])
def test_what_is_written_is_read_within_half_a_step(written, vocabulary, clip):
    logits, tokens = _made(vocabulary)
    base = written(logits, tokens, clip)
    np.testing.assert_array_equal(base.tokens, tokens)
    for window in range(3):
        reference = base.reference(window)
        whole = log_softmax(logits[window])
        off = np.abs(reference.log_probs_TV - whole)
        known = ~reference.is_cut_TV
        allowed = np.broadcast_to(reference.resolution[:, None] + 3e-6, off.shape)
        assert (off[known] <= allowed[known]).all()
        cap = np.broadcast_to(reference.log_cap[:, None] + 3e-6, off.shape)
        assert (whole[reference.is_cut_TV] <= cap[reference.is_cut_TV]).all()
        np.testing.assert_array_equal(base.observed(window), tokens[window, 5:])


@pytest.mark.parametrize(("clip", "spread"), [(16.0, 8.0), (24.0, 8.0), (24.0, 3.5)])
def test_the_clip_is_told_by_the_range(written, clip, spread):
    logits, tokens = _made(257, spread=spread)
    assert written(logits, tokens, clip).clip_nats == clip


def test_no_clip_where_no_row_reaches_it(written):
    logits, tokens = _made(257, spread=1.0)
    base = written(logits, tokens)
    assert base.clip_nats is None
    assert base.deepest_nats == pytest.approx(float(np.ptp(logits, axis=-1).max()), rel=1e-5)
    assert not base.reference(0).is_cut_TV.any()


def test_a_flat_row_and_an_impossible_token(written):
    logits, tokens = _made(6)
    logits[0, 0] = 1.5
    logits[1, 1, 3] = -np.inf
    base = written(logits, tokens)
    np.testing.assert_allclose(base.reference(0).log_probs_TV[0], -np.log(6.0), rtol=1e-6)
    assert base.reference(1).is_cut_TV[1, 3]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_not_written(bad):
    logits, _ = _made(6)
    logits[0, 1, 2] = bad
    with pytest.raises(ShapeError, match="must be finite"):
        encode_rows(logits[0])


def test_rows_that_are_missing_are_noticed():
    logits, tokens = _made(6)
    writer = BaseFileWriter(io.BytesIO(), tokens, 6)
    writer.append(logits[0])
    with pytest.raises(ShapeError, match="12 rows, 4 were written"):
        writer.finish()
    with pytest.raises(ShapeError, match="the logits have 5 entries"):
        writer.append(logits[0][:, :5])


def _opened(tmp_path, content):
    path = tmp_path / "bad.base"
    path.write_bytes(content)
    return BaseFile(path)


@pytest.fixture
def whole():
    return (GOLDEN / "odd.base").read_bytes()


def test_a_cut_file_is_refused_with_the_rows_found(tmp_path, whole):
    row = 2 * 264
    head = len(whole) - 155 * row
    for content, found in (
        (whole[:-1], "154 of 155 rows (4 of 5 windows)"),
        (whole[: head + 40 * row + 17], "40 of 155 rows (1 of 5 windows)"),
        (whole[:head], "0 of 155 rows"),
    ):
        with pytest.raises(TableError, match=re.escape(found)):
            _opened(tmp_path, content)
    with pytest.raises(TableError, match="inside its tokens"):
        _opened(tmp_path, whole[: head - 1])
    with pytest.raises(TableError, match="inside its header"):
        _opened(tmp_path, whole[:15])


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (8, 0, "0 as context length"),
        (8, -64, "-64 as context length"),
        (12, 2**31 - 1, "as vocabulary size"),
        (12, 4, "4 as vocabulary size"),
        (16, 0, "0 as windows"),
        (16, 4, "a file of 4 windows"),
        (16, 6, "is cut: it has"),
        (12, 257, "has 83140 bytes, a file of|outside the vocabulary"),
        (20, 259, "window 0 has a token outside the vocabulary of 259"),
        (20, -1, "outside the vocabulary"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, whole, place, value, message):
    changed = bytearray(whole)
    changed[place : place + 4] = int(value).to_bytes(4, "little", signed=True)
    with pytest.raises(TableError, match=message):
        _opened(tmp_path, bytes(changed))


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, np.nan), (0, -1e-3), (0, 1e-2), (4, np.inf), (4, 3.0), (4, -10.0)],
)
def test_rows_that_no_program_wrote_are_refused(tmp_path, whole, place, value):
    changed = bytearray(whole)
    start = len(whole) - 155 * 2 * 264 + 3 * 2 * 264 + place
    changed[start : start + 4] = np.float32(value).tobytes()
    with pytest.raises(TableError, match=r"row 3 of window 0"):
        _opened(tmp_path, bytes(changed)).reference(0)


def test_what_is_no_base_file_is_refused(tmp_path):
    for content in (b"", b"_logits", b"GGUF" * 50):
        with pytest.raises(TableError, match=r"no base file|inside its header"):
            _opened(tmp_path, content)
    with pytest.raises(TableError, match="cannot be read"):
        BaseFile(tmp_path / "missing.base")
