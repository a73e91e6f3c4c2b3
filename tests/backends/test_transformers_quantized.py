"""Packed weights in transformers, held against the same weights expanded by hand.

Formats whose package is not in the test environment are skipped here by its name; what was tried
by hand stands in docs/transformers.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.backends.packed_models import compress, expand, write_awq, write_fp8, write_gptq
from tests.backends.tiny_models import make_model

from silentzone.backends.base import EngineSettings
from silentzone.backends.transformers.entry import ENGINE
from silentzone.errors import EnvironmentNotReadyError, MeasurementError, ModelFileError
from silentzone.measure.reference import observed_tokens
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.config import ModelLoading
from silentzone.records.windows import WindowPlan

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("transformers_version")]

ON_CPU = ModelLoading(device="cpu", dtype="float32")
SETTINGS = EngineSettings(threads=1, batch_tokens=256, micro_batch_tokens=128, loading=ON_CPU)
PLAN = WindowPlan(context_length=96, first_scored=4, add_bos=False)
TOKENS = np.random.default_rng(3).integers(0, 256, 96).astype(np.int32)
WEIGHTS_ALONE = {
    "W4A16": "4 bit",
    "W4A16_ASYM": "4 bit",
    "W3A16": "3 bit",
    "W8A16": "8 bit",
    "MXFP4A16": "mxfp4",
    "NVFP4A16": "nvfp4",
}
"""Schemes of compressed-tensors, and what a model in each is shown to be made of."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory, transformers_version):
    """Model of which all others here are quants."""
    # initialized narrowly: a wide random model is another one after any rounding
    sizes: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 96, "initializer_range": 0.08}
    return make_model(tmp_path_factory.mktemp("plain") / "model", **sizes)


def opened(path: Any, settings: Any = SETTINGS) -> Any:
    return ENGINE.open(path, ENGINE.read_model(path, path.name), settings)


def logits(path, settings=SETTINGS):
    with opened(path, settings) as backend:
        (part,) = backend.window_logits([TOKENS], PLAN)
        return part.logits_TV.copy()


def mean_kld(first, second):
    observed = observed_tokens(TOKENS, PLAN.first_scored)
    return compare_rows(
        first, second, observed, describe_rows(first, observed)
    ).kl_divergence.mean()


@pytest.mark.parametrize("scheme", WEIGHTS_ALONE)
def test_packed_weights_are_those_expanded_by_hand(plain, tmp_path, scheme):
    pytest.importorskip("compressed_tensors")
    packed = compress(plain, tmp_path / "packed", scheme)
    model = ENGINE.read_model(packed, "packed")
    original = ENGINE.read_model(plain, "plain")
    assert model.parameter_count == original.parameter_count
    assert model.weight_format.startswith(f"compressed-tensors {WEIGHTS_ALONE[scheme]} ")
    assert model.bits_per_weight < original.bits_per_weight
    own, by_hand = logits(packed), logits(expand(packed, tmp_path / "expanded"))
    if scheme == "NVFP4A16":  # compressed-tensors rounds these weights to bfloat16
        assert mean_kld(by_hand, own) < 1e-2 * mean_kld(logits(plain), own)
    else:
        np.testing.assert_array_equal(own, by_hand)
    assert 1e-6 < mean_kld(logits(plain), own) < 1


@pytest.mark.parametrize(("scheme", "largest"), [("W8A8", 127), ("FP8_DYNAMIC", 448)])
def test_activations_are_rounded_too_where_the_settings_say_so(plain, tmp_path, scheme, largest):
    pytest.importorskip("compressed_tensors")
    packed = compress(plain, tmp_path / "packed", scheme)
    weights_alone = logits(expand(packed, tmp_path / "expanded"))
    own = logits(packed)
    assert mean_kld(weights_alone, own) > 1e-6
    assert mean_kld(rounding_logits(tmp_path / "expanded", largest), own) < 1e-10


def rounding_logits(path, largest):
    """Logits of a plain model that rounds what goes into each of its projections."""
    import torch
    from transformers import AutoModelForCausalLM

    def rounded(module, given):
        (states,) = given
        scale = states.abs().amax(-1, keepdim=True) / (largest + (largest == 127) / 2)
        if largest == 127:
            return (torch.clamp(torch.round(states / scale), -128, 127) * scale,)
        return ((states / scale).clamp(-448, 448).to(torch.float8_e4m3fn).float() * scale,)

    model = AutoModelForCausalLM.from_pretrained(path).eval()
    for name, module in model.named_modules():
        if name.endswith("_proj"):
            module.register_forward_pre_hook(rounded)
    with torch.inference_mode():
        found = model(torch.from_numpy(TOKENS[None].astype(np.int64))).logits[0]
    return np.ascontiguousarray(found.numpy()[PLAN.first_scored : -1])


def test_a_model_of_two_widths_is_unpacked_and_counted_as_such(plain, tmp_path):
    pytest.importorskip("compressed_tensors")
    packed = compress(
        plain, tmp_path / "packed", {"down_proj$": "W8A16", "(?<!down)_proj$": "W4A16"}
    )
    model = ENGINE.read_model(packed, "packed")
    assert model.parameter_count == ENGINE.read_model(plain, "plain").parameter_count
    assert "compressed-tensors 4 bit" in model.weight_format
    assert "compressed-tensors 8 bit" in model.weight_format
    np.testing.assert_array_equal(logits(packed), logits(expand(packed, tmp_path / "expanded")))


@pytest.mark.parametrize("kind", ["gptq", "gptq out of order", "awq"])
def test_gptq_and_awq_are_those_expanded_by_hand(plain, tmp_path, kind):
    for module in ("gptqmodel", "optimum"):
        pytest.importorskip(module)
    if kind == "awq":
        packed = write_awq(plain, tmp_path / "packed")
    else:
        packed = write_gptq(plain, tmp_path / "packed", in_order=kind == "gptq")
    own, by_hand = logits(packed), logits(expand(packed, tmp_path / "expanded"))
    # some kernels of gptqmodel multiply in bfloat16
    assert mean_kld(by_hand, own) < 1e-2 * mean_kld(logits(plain), own)
    assert 1e-3 < mean_kld(logits(plain), own) < 1


@pytest.mark.parametrize("write", [write_gptq, write_awq])
def test_what_is_written_by_hand_is_near_what_it_was_written_from(plain, tmp_path, write):
    packed = write(plain, tmp_path / "packed")
    model = ENGINE.read_model(packed, "packed")
    assert model.parameter_count == ENGINE.read_model(plain, "plain").parameter_count
    assert mean_kld(logits(plain), logits(expand(packed, tmp_path / "expanded"))) < 1


def test_8_bit_floats_are_expanded_on_a_processor_and_it_is_said(plain, tmp_path):
    packed = write_fp8(plain, tmp_path / "packed")
    np.testing.assert_array_equal(logits(packed), logits(expand(packed, tmp_path / "expanded")))
    assert 1e-6 < mean_kld(logits(plain), logits(packed)) < 1e-1
    assert ENGINE.run_as is not None
    told = dict(ENGINE.run_as(packed, SETTINGS))
    assert told["activations"] == "not rounded: fp8 is expanded on a processor"
    assert "activations" not in dict(ENGINE.run_as(plain, SETTINGS))


def test_weights_that_would_be_loaded_without_their_scales_are_refused(plain, tmp_path):
    """Of an older tool: the method has the name, and the scales have another."""
    from safetensors.torch import load_file, save_file

    packed = write_fp8(plain, tmp_path / "packed")
    tensors = {
        name.replace("weight_scale_inv", "weight_scale"): values
        for name, values in load_file(packed / "model.safetensors").items()
    }
    save_file(tensors, packed / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match=r"no use of 14 tensors that scale .*weight_scale"):
        opened(packed)


def test_a_quantization_that_transformers_does_not_know_is_refused(plain, tmp_path):
    packed = write_fp8(plain, tmp_path / "packed", quant_method="modelopt")
    with pytest.raises(ModelFileError, match=r"`modelopt`, which transformers .* does not know"):
        opened(packed)


def test_hqq_is_refused_as_what_transformers_cannot_load(plain, tmp_path):
    packed = write_fp8(plain, tmp_path / "packed", quant_method="hqq")
    with pytest.raises(ModelFileError, match=r"`hqq`, which .* by name and cannot load"):
        opened(packed)


@pytest.mark.parametrize("method", ["fbgemm_fp8", "eetq", "spqr", "vptq", "higgs"])
def test_what_runs_on_a_gpu_only_is_refused_on_a_processor(plain, tmp_path, method):
    packed = write_fp8(plain, tmp_path / "packed", quant_method=method)
    with pytest.raises(EnvironmentNotReadyError, match="on a GPU only") as caught:
        opened(packed)
    assert "a machine with a GPU" in str(caught.value.hint)


def test_a_model_that_cannot_be_run_in_its_type_is_refused_with_the_way_out(plain, tmp_path):
    pytest.importorskip("compressed_tensors")
    packed = compress(plain, tmp_path / "packed", "NVFP4")
    with pytest.raises(MeasurementError, match="cannot run `packed`") as caught:
        opened(packed)
    assert "bfloat16" in str(caught.value.hint)
    in_bfloat16 = replace(SETTINGS, loading=replace(ON_CPU, dtype="bfloat16"))
    assert 1e-6 < mean_kld(logits(plain), logits(packed, in_bfloat16)) < 1
