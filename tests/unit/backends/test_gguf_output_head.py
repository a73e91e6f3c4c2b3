"""The output head of a GGUF file, as the product that rebuilds logits needs it."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from gguf import quants

from silentzone.backends.gguf import output_head
from silentzone.backends.gguf.output_head import load_output_head
from silentzone.errors import ModelFileError

ROWS, WIDTH = 10, 64


def _weights(seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((ROWS, WIDTH)).astype(np.float32)


def _write(path, tensors, kind="F32", **keys):
    writer = gguf.GGUFWriter(str(path), "llama")
    for key, value in keys.items():
        writer.add_float32(f"llama.{key}", value)
    stored = gguf.GGMLQuantizationType[kind]
    for name, values in tensors.items():
        if values.ndim == 1 or kind == "F32":
            writer.add_tensor(name, values)
        elif kind == "F16":
            writer.add_tensor(name, values.astype(np.float16))
        else:
            writer.add_tensor(name, quants.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("kind", "code"),
    [("F32", "f32"), ("F16", "f16"), ("BF16", "bf16"), ("Q8_0", "q8_0"), ("Q4_0", "q8_0"),
     ("Q5_0", "q8_0")],
)  # fmt: skip
def test_a_head_comes_back_with_the_code_of_its_type(tmp_path, monkeypatch, kind, code):
    monkeypatch.setattr(output_head, "_ROWS_AT_ONCE", 3)  # not a divisor of the rows
    weights = _weights(1)
    tensors = {"token_embd.weight": _weights(2), "output.weight": weights}
    head = load_output_head(_write(tmp_path / "m.gguf", tensors, kind))
    assert head is not None
    assert head.row_code == code
    stored = gguf.GGMLQuantizationType[kind]
    expected = quants.dequantize(quants.quantize(weights, stored), stored)
    assert head.weight_VD.dtype == np.float32
    np.testing.assert_array_equal(head.weight_VD, expected)
    assert head.bias_V is None
    assert head.softcap is None


def test_a_tied_head_is_the_embedding(tmp_path):
    head = load_output_head(_write(tmp_path / "m.gguf", {"token_embd.weight": _weights(2)}))
    assert head is not None
    np.testing.assert_array_equal(head.weight_VD, _weights(2))


def test_bias_and_cap_come_along(tmp_path):
    bias = np.arange(ROWS, dtype=np.float32)
    tensors = {
        "token_embd.weight": _weights(2), "output.weight": _weights(1), "output.bias": bias
    }  # fmt: skip
    head = load_output_head(_write(tmp_path / "m.gguf", tensors, final_logit_softcapping=30.0))
    assert head is not None
    assert head.bias_V is not None
    np.testing.assert_array_equal(head.bias_V, bias)
    assert head.softcap == 30.0


@pytest.mark.parametrize("kind", ["Q4_1", "Q5_1"])
def test_a_type_without_an_exact_form_has_no_head(tmp_path, kind):
    tensors = {"token_embd.weight": _weights(2), "output.weight": _weights(1)}
    assert load_output_head(_write(tmp_path / "m.gguf", tensors, kind)) is None


def test_a_scale_of_the_logits_has_no_exact_form(tmp_path):
    tensors = {"token_embd.weight": _weights(2), "output.weight": _weights(1)}
    assert load_output_head(_write(tmp_path / "m.gguf", tensors, logit_scale=0.5)) is None


def test_a_file_without_a_head_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"m\.gguf"):
        load_output_head(_write(tmp_path / "m.gguf", {"other.weight": _weights(1)}))
