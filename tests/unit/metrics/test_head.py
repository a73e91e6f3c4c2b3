"""Stored hidden states and the logits rebuilt from them."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
from gguf import quants

from silentzone.metrics.head import ROW_CODES, OutputHead, decode_rows, encode_rows, row_bytes

CODES = ["f32", "f16", "bf16", "q8_0", "q8_K"]
WIDTH = 512


def _states(rows=5):
    rng = np.random.default_rng(3)
    states = (rng.standard_normal((rows, WIDTH)) * 4).astype(np.float32)
    states[1, :256] = 0.0  # a block without any value
    return states


def _decoded(states, code):
    return decode_rows(encode_rows(states, code), code, states.shape[1])


@pytest.mark.parametrize(
    ("code", "expected"),
    [("f32", 2048), ("f16", 1024), ("bf16", 1024), ("q8_0", 544), ("q8_K", 520)],
)
def test_a_row_takes_the_bytes_its_code_says(code, expected):
    assert row_bytes(code, WIDTH) == expected
    encoded = encode_rows(_states(), code)
    assert encoded.shape == (5, expected)
    assert encoded.dtype == np.uint8


@pytest.mark.parametrize("code", CODES)
def test_what_was_stored_is_stored_again_without_change(code):
    once = _decoded(_states(), code)
    assert once.dtype == np.float32
    if code == "q8_0":  # the scale is rounded to float16 after the values were divided by it
        np.testing.assert_allclose(_decoded(once, code), once, rtol=1e-3)
    else:
        np.testing.assert_allclose(_decoded(once, code), once, rtol=2e-7)


# Largest error of one value: half a unit of the last place, or half a step of the block's scale;
# in q8_0 the scale itself is off by up to 2**-11.
@pytest.mark.parametrize(
    ("code", "relative", "of_the_block"),
    [("f32", 0, 0), ("f16", 2**-11, 0), ("bf16", 2**-8, 0), ("q8_0", 2**-11, 1 / 253),
     ("q8_K", 1e-6, 1 / 253)],
)  # fmt: skip
def test_rounding_stays_within_what_the_code_can_hold(code, relative, of_the_block):
    states = _states()
    block = 32 if code == "q8_0" else 256
    largest = np.abs(states.reshape(5, -1, block)).max(axis=2).repeat(block, axis=1)
    error = np.abs(_decoded(states, code) - states)
    assert (error <= relative * np.abs(states) + of_the_block * largest).all()
    assert (error.max() > 0) == (code != "f32")


def test_bf16_is_what_gguf_makes_of_it():
    states = _states()
    kind = gguf.GGMLQuantizationType.BF16
    np.testing.assert_array_equal(encode_rows(states, "bf16"), quants.quantize(states, kind))
    np.testing.assert_array_equal(
        _decoded(states, "bf16"), quants.dequantize(quants.quantize(states, kind), kind)
    )


def test_q8_0_is_what_gguf_makes_of_it_but_for_halves():
    """ggml's vector code rounds halves to even and multiplies by 127 / max, its plain code not."""
    states = _states(200)
    kind = gguf.GGMLQuantizationType.Q8_0
    theirs = quants.quantize(states, kind).reshape(200, WIDTH // 32, 34)
    ours = encode_rows(states, "q8_0")
    count = WIDTH // 32
    np.testing.assert_array_equal(ours[:, : 2 * count].reshape(200, count, 2), theirs[:, :, :2])
    values = ours[:, 2 * count :].view(np.int8).reshape(200, count, 32).astype(int)
    expected = theirs[:, :, 2:].view(np.int8).astype(int)
    assert np.abs(values - expected).max() <= 1
    assert (values != expected).mean() < 1e-3


def test_q8_0_rounds_halves_to_even():
    states = np.zeros((1, 32), np.float32)
    states[0, :4] = [127.0, 0.5, 1.5, -2.5]
    values = encode_rows(states, "q8_0")[0, 2:].view(np.int8)
    assert values[:4].tolist() == [127, 0, 2, -2]


def test_q8_k_gives_the_largest_value_the_scale_of_minus_127():
    states = np.zeros((1, 256), np.float32)
    states[0, :3] = [2.0, -4.0, 1.0]
    encoded = encode_rows(states, "q8_K")
    assert encoded[0, 4:].view(np.int8)[:3].tolist() == [64, -127, 32]
    scale = encoded[0, :4].view(np.float32)[0]
    assert scale == pytest.approx(4 / 127, rel=1e-6)
    np.testing.assert_allclose(decode_rows(encoded, "q8_K", 256)[0, 1], -4.0, rtol=1e-6)


def test_f16_overflows_to_infinity_without_a_word():
    states = np.array([[1e6, -1e6]], np.float32)
    np.testing.assert_array_equal(_decoded(states, "f16"), [[np.inf, -np.inf]])


def test_every_head_type_is_one_that_gguf_knows_and_every_code_can_be_stored():
    for type_name, code in ROW_CODES.items():
        assert type_name in gguf.GGMLQuantizationType.__members__
        assert row_bytes(code, 256) > 0


def _logits(head, states):
    out = np.empty((len(states), len(head.weight_VD)), np.float32)
    head.logits(states, out)
    return out


def test_logits_are_the_product_with_bias_and_cap():
    rng = np.random.default_rng(4)
    weight = rng.standard_normal((7, 16)).astype(np.float32)
    bias = rng.standard_normal(7).astype(np.float32)
    states = rng.standard_normal((3, 16)).astype(np.float32)
    plain = states.astype(np.float64) @ weight.T.astype(np.float64)
    cases = [
        (OutputHead(row_code="f32", weight_VD=weight), plain),
        (OutputHead(row_code="f32", weight_VD=weight, bias_V=bias), plain + bias),
        (OutputHead(row_code="f32", weight_VD=weight, softcap=2.0), 2 * np.tanh(plain / 2)),
        (
            OutputHead(row_code="f32", weight_VD=weight, bias_V=bias, softcap=2.0),
            2 * np.tanh((plain + bias) / 2),
        ),
    ]
    for head, expected in cases:
        np.testing.assert_allclose(_logits(head, states), expected, rtol=1e-5, atol=1e-5)


def test_a_cap_bounds_the_logits():
    head = OutputHead(row_code="f32", weight_VD=np.full((5, 4), 1e3, np.float32), softcap=30.0)
    assert _logits(head, np.ones((2, 4), np.float32)).max() == 30.0
