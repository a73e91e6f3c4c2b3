"""The fidelity of the same files on the same windows, against llama-perplexity's own numbers.

The tool stores the reference's log-probabilities in 16 bits, in steps of up to 2.4e-4 nats, and
clips what lies 16 nats below the largest; here the reference's logits are rebuilt. Two further
differences, between the kernels of two builds and between two regular batch sizes, are far
smaller. The tolerances below are for the three together, and every printed number has six digits
after the point (probabilities: five).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from tests.backends.conftest import opened, reference_trace

from silentzone.analysis.fidelity import fidelity_of_columns
from silentzone.backends.gguf.output_head import load_output_head
from silentzone.measure.candidate import TraceReader, measure_candidate
from silentzone.stats.clusters import ClusterPartition
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from silentzone.stats.results import Estimate
    from silentzone.store.traces import ReferenceTrace

pytestmark = [pytest.mark.engine, pytest.mark.slow]

GOLDEN = Path(__file__).parent.parent / "golden" / "llama_perplexity"


def instructions() -> str:
    """Vector instructions the engine was built with here; AVX2 where it cannot be asked."""
    try:
        import llama_cpp
    except ImportError:
        return "avx2"  # the tests below are skipped, or fail where the engine is required
    info = llama_cpp.llama_print_system_info().decode()
    return "avx512" if "AVX512 = 1" in info else "avx2"


# Wider vectors add in another order: the mean KLD of Q8_0 moves by several per cent.
EXPECTED = json.loads((GOLDEN / f"expected.{instructions()}.json").read_text(encoding="utf-8"))

LARGEST_RELATIVE_KLD = 0.005
LARGEST_ABSOLUTE_KLD = 2e-5
LARGEST_PERCENTILE_SHARE = 0.015
LARGEST_PERCENTILE_KLD = 1e-4
LARGEST_RELATIVE_PPL = 2e-5
LARGEST_LN_RATIO = 1.5e-5
LARGEST_TOP1_DIFFERENCE = 0.004
LARGEST_DELTA_P = 1e-4

PAIRS = [
    pytest.param(entry["reference"], entry["candidate"], entry["printed"])
    for entry in EXPECTED["comparisons"]
    if entry["reference"] != entry["candidate"]
]


class Measured(NamedTuple):
    """One reference, measured here."""

    trace: ReferenceTrace
    columns: dict[str, dict[str, Any]]
    """By candidate, then by column of the tokens table."""
    metrics: dict[str, dict[str, Estimate]]
    """By candidate, then by key."""


@pytest.fixture(scope="module")
def measured(smollm2_as, made_text_file, settings, tmp_path_factory):
    """Every comparison of the golden, measured here."""
    found = {}
    for reference in EXPECTED["base_files"]:
        folder = StudyFolder(tmp_path_factory.mktemp("study") / reference)
        trace = reference_trace(smollm2_as(reference), made_text_file, folder, settings)
        head = load_output_head(smollm2_as(reference))
        columns = {
            entry["candidate"]: _positions(smollm2_as(entry["candidate"]), trace, head, settings)
            for entry in EXPECTED["comparisons"]
            if entry["reference"] == reference
        }
        clusters = ClusterPartition.of(next(iter(columns.values()))["window"], unit="window")
        metrics = {name: fidelity_of_columns(values, clusters) for name, values in columns.items()}
        found[reference] = Measured(trace, columns, metrics)
    return found


def _positions(path, trace, head, settings):
    with opened(path, settings) as backend:
        columns = measure_candidate(
            backend, TraceReader(trace, head), trace.window_count, lambda _done, _total: None
        )
    assert set(columns["status"].tolist()) == {"ok"}
    return {
        name: np.asarray(values, dtype=np.float64)
        for name, values in columns.items()
        if name not in {"status", "document"}
    }


def _value(measured, reference, candidate, key):
    return measured[reference].metrics[candidate][key].value


def test_the_text_and_the_files_are_those_of_the_golden(smollm2_as, made_text_file):
    assert hashlib.sha256(made_text_file.read_bytes()).hexdigest() == EXPECTED["text_sha256"]
    # The quantizer rounds alike on every machine; if this fails, the numbers below may still hold.
    for name, sha256 in EXPECTED["models"].items():
        with smollm2_as(name).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == sha256, name


def test_the_windows_are_those_of_the_tool(measured):
    for reference, base_file in EXPECTED["base_files"].items():
        trace = measured[reference].trace
        assert trace.header["tokens_sha256"] == base_file["tokens_sha256"]
        assert trace.tokens.shape == (base_file["windows"], base_file["context_length"])


@pytest.mark.parametrize(("reference", "candidate", "printed"), PAIRS)
def test_mean_kld_agrees(measured, reference, candidate, printed):
    assert _value(measured, reference, candidate, "kld_mean") == pytest.approx(
        printed["kld_mean"], rel=LARGEST_RELATIVE_KLD, abs=LARGEST_ABSOLUTE_KLD
    )


@pytest.mark.parametrize(("reference", "candidate", "printed"), PAIRS)
def test_quantiles_of_kld_agree(measured, reference, candidate, printed):
    kld = measured[reference].columns[candidate]["kl_divergence"]
    fractions = {"kld_p999": 0.999, "kld_p99": 0.99, "kld_p95": 0.95, "kld_p90": 0.9}
    fractions |= {"kld_median": 0.5, "kld_p10": 0.1, "kld_min": 0.0, "kld_max": 1.0}
    for key, fraction in fractions.items():
        wanted = pytest.approx(
            printed[key], rel=LARGEST_PERCENTILE_SHARE, abs=LARGEST_PERCENTILE_KLD
        )
        assert np.quantile(kld, fraction) == wanted, key
        if key in measured[reference].metrics[candidate]:
            assert _value(measured, reference, candidate, key) == wanted, key


@pytest.mark.parametrize(("reference", "candidate", "printed"), PAIRS)
def test_perplexities_agree(measured, reference, candidate, printed):
    for key in ("ppl_reference", "ppl_candidate", "ppl_ratio"):
        value = _value(measured, reference, candidate, key)
        assert value == pytest.approx(printed[key], rel=LARGEST_RELATIVE_PPL), key
    ratio = _value(measured, reference, candidate, "ln_ppl_ratio")
    assert ratio == pytest.approx(printed["ln_ppl_ratio"], abs=LARGEST_LN_RATIO)
    delta = _value(measured, reference, candidate, "ppl_delta")
    assert delta == pytest.approx(
        printed["ppl_delta"], abs=2 * LARGEST_RELATIVE_PPL * printed["ppl_candidate"]
    )


@pytest.mark.parametrize(("reference", "candidate", "printed"), PAIRS)
def test_top1_agreement_agrees(measured, reference, candidate, printed):
    value = _value(measured, reference, candidate, "top1_agreement")
    assert value == pytest.approx(printed["top1_agreement"], abs=LARGEST_TOP1_DIFFERENCE)


@pytest.mark.parametrize(("reference", "candidate", "printed"), PAIRS)
def test_changes_of_the_observed_tokens_probability_agree(measured, reference, candidate, printed):
    for key in ("delta_p_mean", "delta_p_rms"):
        value = _value(measured, reference, candidate, key)
        assert value == pytest.approx(printed[key], abs=LARGEST_DELTA_P), key
    delta_p = measured[reference].columns[candidate]["delta_p"]
    fractions = {"delta_p_min": 0.0, "delta_p_p5": 0.05, "delta_p_median": 0.5}
    fractions |= {"delta_p_p95": 0.95, "delta_p_max": 1.0}
    for key, fraction in fractions.items():
        value = np.quantile(delta_p, fraction)
        assert value == pytest.approx(printed[key], abs=2 * LARGEST_DELTA_P), key


def test_a_model_against_itself_is_nearer_zero_than_16_bits_allow(measured):
    for entry in EXPECTED["comparisons"]:
        name = entry["reference"]
        if name == entry["candidate"]:
            assert 0.0 <= _value(measured, name, name, "kld_mean") <= 1e-6
            assert _value(measured, name, name, "kld_max") < entry["printed"]["kld_max"]
            assert _value(measured, name, name, "top1_agreement") == 1.0
