"""Reports of mlx-quant-fidelity: weights and caches apart, infinities with their reason."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.mlx_quant_fidelity import FORMAT

GOLDEN = Path(__file__).parents[3] / "golden" / "imports" / "mlx_quant_fidelity"


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _changed(tmp_path, change, name="weights.json"):
    report = json.loads((GOLDEN / name).read_text())
    change(report)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    return path


def test_every_number_of_a_report_has_its_key():
    report = json.loads((GOLDEN / "weights.json").read_text())
    imported = _read(GOLDEN / "weights.json")
    (row,) = imported.fidelity
    values = {key: stated.value for key, stated in row.metrics.items()}
    assert values == {
        "kld_mean": report["kl"]["mean"],
        "kld_median": report["kl"]["median"],
        "kld_p99": report["kl"]["p99"],
        "kld_max": report["kl"]["max"],
        "top1_agreement": 1.0 - report["flip_rate"],
        "ppl_reference": 8.0,
        "ppl_candidate": report["perplexity_quant"],
        "ppl_delta": report["perplexity_delta"],
        "ppl_ratio": report["perplexity_quant"] / 8.0,
        "ln_ppl_ratio": pytest.approx(math.log(1.04)),
    }
    assert {stated.standard_error for stated in row.metrics.values()} == {None}
    assert row.metrics["top1_agreement"].method == "1 - flip_rate"


def test_models_and_protocol_of_weights():
    imported = _read(GOLDEN / "weights.json")
    (row,) = imported.fidelity
    reference, model = imported.models
    assert (reference.name, reference.is_reference, reference.file_bytes) == (
        "org/Tiny-bf16", True, 1_600_000,
    )  # fmt: skip
    assert (model.name, model.file_bytes, model.bits_per_weight) == ("org/Tiny-4bit", 400_000, 4.5)
    assert {name: value for name, value in row.full_protocol.items() if value is not None} == {
        "tool": "mlx-quant-fidelity",
        "reference": "org/Tiny-bf16",
        "corpus": "wikitext-2-raw-v1/test",
        "context_length": "17",
        "windows": "6",
        "scored": "all positions",
        "add_bos": "false",
        "direction": "KL(reference||candidate)",
        "estimator": "full vocabulary",
        "lane": "serving",
    }
    assert row.about["verdict"] == "good"
    assert row.about["corpus tokenizer_id"] == "org/Tiny"


def test_a_cache_is_a_lane_and_a_model_of_its_own():
    early, late = (_read(GOLDEN / name).fidelity[0] for name in ("kv.json", "kv-late.json"))
    assert early.model == "org/Tiny-bf16, KV cache 4 bits"
    assert (early.protocol["lane"], early.protocol["scored"]) == ("kv-cache", "all positions")
    assert late.protocol["scored"] == "from index 5"
    assert early.protocol["reference"] == "org/Tiny-bf16"


def test_what_is_infinite_or_nan_is_null_with_its_reason():
    imported = _read(GOLDEN / "infinite.json")
    metrics = imported.fidelity[0].metrics
    assert (metrics["kld_mean"].value, metrics["kld_mean"].status) == (
        None, "the tool wrote an infinite value",
    )  # fmt: skip
    assert metrics["ppl_candidate"].status == "the tool wrote nan"
    assert metrics["ppl_reference"].value == 8.0
    assert "ppl_ratio" not in metrics


def test_a_quantization_that_changed_nothing_is_said():
    assert any("exactly 0" in note for note in _read(GOLDEN / "zero.json").notes)
    assert not any("exactly 0" in note for note in _read(GOLDEN / "weights.json").notes)


def test_a_comparison_gives_what_was_measured_and_names_what_failed():
    imported = _read(GOLDEN / "comparison.json")
    assert [row.model for row in imported.fidelity] == ["org/Tiny-4bit", "org/Tiny-8bit"]
    assert [one.name for one in imported.models] == [
        "org/Tiny-bf16", "org/Tiny-4bit", "org/Tiny-8bit",
    ]  # fmt: skip
    assert imported.notes[0] == "org/Tiny-2bit: the tool has no result of it (not enough memory)"
    with pytest.raises(TableError, match="compares 2 models"):
        _read(GOLDEN / "comparison.json", model="one")


def test_the_user_names_model_corpus_and_reference():
    (row,) = _read(GOLDEN / "kv.json", model="Q4", corpus="wiki", reference="BF16").fidelity
    assert (row.model, row.corpus, row.protocol["reference"]) == ("Q4", "wiki", "BF16")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("kl"), "`kl` must be an object, it is not there"),
        (lambda r: r.update(flip_rate=3.0), "`flip_rate` cannot be right"),
        (lambda r: r.update(perplexity_ref=0.0), "`perplexity_ref` cannot be right"),
        (lambda r: r.update(quant_model_id=None), "`quant_model_id` must be a text"),
        (lambda r: r["corpus"].pop("name"), "`corpus.name` must be a text"),
        (lambda r: r.update(results=[]), "no one of them was measured"),
        (lambda r: r.update(results=[1]), "entry 1 of `results` must be an object"),
        (lambda r: r.update(results={}), "`results` must be a list"),
    ],
)
def test_what_a_report_cannot_say_is_refused_by_place(tmp_path, change, message):
    with pytest.raises(TableError, match=r"report\.json") as caught:
        _read(_changed(tmp_path, change))
    assert message in caught.value.message


def test_every_report_is_found_and_nothing_else():
    found = FORMAT.find(sorted(GOLDEN.iterdir()))
    assert [bundle.main.name for bundle in found] == [
        "comparison.json", "infinite.json", "kv-late.json", "kv.json", "weights.json", "zero.json",
    ]  # fmt: skip
