"""Base files and llama-perplexity's own numbers, on the tiny models its files were written with.

The models are float32, so the sums of different instructions agree to about 1e-6 nats; a code of
the file counts 2.4e-4 nats, and the tool prints six digits after the point.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from tests.backends.conftest import opened
from tests.golden.imports.llama_perplexity.tiny_models import write_model

from silentzone.backends.base import EngineSettings
from silentzone.measure.base_candidate import against_base
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.windows import WindowPlan
from silentzone.store.base_file import BaseFile, BaseFileWriter

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("llama_cpp_version")]

GOLDEN = Path(__file__).parents[1] / "golden" / "imports" / "llama_perplexity"
SETTINGS = EngineSettings(threads=1, batch_tokens=64, micro_batch_tokens=64)


def _logits(path, base):
    """Logits of a model over the windows of a base file, and whether it adds BOS."""
    with opened(path, SETTINGS) as backend:
        plan = WindowPlan(
            context_length=base.shape.context_length,
            first_scored=base.shape.first_scored,
            add_bos=backend.adds_bos,
        )
        windows = [np.ascontiguousarray(tokens) for tokens in base.tokens]
        found = [one.logits_TV.copy() for one in backend.window_logits(windows, plan)]
        assert backend.adds_bos
    return found


@pytest.mark.parametrize("kind", ["odd", "even"])
def test_our_numbers_are_those_the_tool_printed(kind, tmp_path):
    base = BaseFile(GOLDEN / f"{kind}.base")
    printed = (GOLDEN / f"tiny.{kind}.kld.txt").read_text("utf-8")
    with opened(write_model(tmp_path / "near.gguf", f"{kind}-near"), SETTINGS) as backend:
        columns = against_base(backend, base, 5, lambda _done: None)

    def said(row):
        return float(re.findall(rf"^ *{row} *: *(-?[\d.]+)", printed, re.MULTILINE)[0])

    kld = columns["kl_kept"]
    assert kld.mean() == pytest.approx(said("Mean +KLD"), abs=5e-6)
    assert np.median(kld) == pytest.approx(said("Median +KLD"), abs=5e-6)
    assert kld.max() == pytest.approx(said("Maximum KLD"), abs=2e-5)
    assert np.quantile(kld, 0.99) == pytest.approx(said(r"99\.0% +KLD"), abs=2e-5)
    assert np.exp(columns["candidate_nll"].mean()) == pytest.approx(
        said(r"Mean PPL\(Q\)"), rel=1e-5
    )
    assert np.exp(columns["reference_nll"].mean()) == pytest.approx(
        said(r"Mean PPL\(base\)"), rel=1e-8
    )
    assert 100 * columns["top1_match"].mean() == pytest.approx(said("Same top p"), abs=5e-4)
    assert 100 * columns["delta_p"].mean() == pytest.approx(said("Mean +Δp"), abs=6e-4)


@pytest.mark.parametrize("kind", ["odd", "even"])
def test_our_file_of_the_same_model_is_the_tools(kind, tmp_path):
    base = BaseFile(GOLDEN / f"{kind}.base")
    buffer = io.BytesIO()
    writer = BaseFileWriter(buffer, np.asarray(base.tokens), base.shape.vocabulary_size)
    for logits in _logits(write_model(tmp_path / "ref.gguf", kind), base):
        writer.append(logits)
    writer.finish()
    ours, theirs = buffer.getvalue(), (GOLDEN / f"{kind}.base").read_bytes()
    head = base.shape.rows_offset
    assert ours[:head] == theirs[:head]
    codes = [
        np.frombuffer(content[head:], "<u2").reshape(-1, base.shape.row_codes)
        for content in (ours, theirs)
    ]
    numbers = [np.ascontiguousarray(one[:, :4]).view("<f4") for one in codes]
    np.testing.assert_allclose(numbers[0], numbers[1], atol=2e-5)
    # What pads an odd vocabulary is whatever the tool's memory held.
    kept = [one[:, 4 : 4 + base.shape.vocabulary_size].astype(int) for one in codes]
    assert np.abs(kept[0] - kept[1]).max() <= 1
    assert (kept[0] != kept[1]).mean() < 0.05


@pytest.mark.parametrize("kind", ["odd", "even"])
def test_the_bracket_holds_the_divergence_of_the_whole_logits(kind, tmp_path):
    base = BaseFile(GOLDEN / f"{kind}.base")
    reference = _logits(write_model(tmp_path / "ref.gguf", kind), base)
    near = write_model(tmp_path / "near.gguf", f"{kind}-near")
    with opened(near, SETTINGS) as backend:
        columns = against_base(backend, base, 5, lambda _done: None)
    whole = np.concatenate(
        [
            compare_rows(p, q, base.observed(k), describe_rows(p, base.observed(k))).kl_divergence
            for k, (p, q) in enumerate(zip(reference, _logits(near, base), strict=True))
        ]
    )
    assert (columns["kl_lower"] <= whole + 1e-7).all()
    assert (whole <= columns["kl_upper"] + 1e-7).all()
    assert columns["kl_divergence"].mean() == pytest.approx(whole.mean(), abs=3e-6)
    assert columns["kl_divergence"].max() < 2.0
    assert columns["observed_is_cut"].any()  # the tail is really cut here


def test_the_tool_scores_our_file_as_we_score_the_whole_logits(tmp_path):
    base = BaseFile(GOLDEN / "odd.base")
    printed = (GOLDEN / "tiny.ours.kld.txt").read_text("utf-8")
    reference = _logits(write_model(tmp_path / "ref.gguf", "odd"), base)
    candidate = _logits(write_model(tmp_path / "near.gguf", "odd-near"), base)
    kld, nll = [], []
    for window, (p, q) in enumerate(zip(reference, candidate, strict=True)):
        observed = base.observed(window)
        metrics = compare_rows(p, q, observed, describe_rows(p, observed))
        kld.append(metrics.kl_divergence)
        nll.append(metrics.candidate_nll)
    said = dict(re.findall(r"^(\S+) +(?:KLD|PPL\(Q\)) *: *([\d.]+)", printed, re.MULTILINE))
    # Six digits are printed, and 16 bits move the mean of these 155 positions by 2e-6.
    mean = re.findall(r"^Mean +KLD: +([\d.]+)", printed, re.MULTILINE)
    assert np.concatenate(kld).mean() == pytest.approx(float(mean[0]), abs=5e-6)
    assert np.concatenate(kld).max() == pytest.approx(float(said["Maximum"]), abs=5e-5)
    perplexity = re.findall(r"^Mean PPL\(Q\) *: *([\d.]+)", printed, re.MULTILINE)
    assert np.exp(np.concatenate(nll).mean()) == pytest.approx(float(perplexity[0]), rel=1e-5)
