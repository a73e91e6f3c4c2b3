"""The same claims on the CPU through the twin and, where there is a GPU, through its kernel."""

from __future__ import annotations

import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from silentzone.errors import MissingExtraError, ShapeError
from silentzone.gpu import hopper
from silentzone.gpu.compare import compare_hidden
from silentzone.gpu.projection import Projection
from silentzone.metrics import divergence

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")
_NO_GPU = torch is None or not torch.cuda.is_available()
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(_NO_GPU, reason="torch sees no CUDA GPU")),
]
CASES = {
    # spread of the logits, noise of the candidate, share of hidden values moved by one step of bf16
    "quantized": (3.0, 5e-2, 0.0),
    "near the baseline": (3.0, 0.0, 0.07),
    "sharp rows": (12.0, 0.0, 0.1),
    "unrelated": (3.0, 3.0, 0.0),
}


def _pair(device, spread=3.0, noise=0.05, share=0.0, *, positions=96, width=64, vocabulary=20011):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    hidden, weight = draw(positions, width), draw(vocabulary, width) * spread / width**0.5
    changed = weight + noise * spread / width**0.5 * draw(vocabulary, width)
    moved = (hidden + noise * draw(positions, width)).bfloat16().view(torch.int16)
    moved += (torch.rand(positions, width, generator=generator) < share).short()
    observed = torch.randint(0, vocabulary, (positions,), generator=generator)
    # bf16 values on both devices, so that both see the same numbers
    kind = torch.bfloat16 if device == "cuda" else torch.float32

    def move(tensor):
        return tensor.bfloat16().to(kind).to(device)

    return (
        Projection(move(hidden), move(weight)),
        Projection(move(moved.view(torch.bfloat16)), move(changed)),
        observed.to(device),
    )


def _log_probs(model, size=None):
    hidden = model.hidden_TD.double().cpu().numpy()
    logits = hidden @ model.weight_VD.double().cpu().numpy().T
    if model.bias_V is not None:
        logits = logits + model.bias_V.double().cpu().numpy()
    logits = logits * model.scale
    if model.softcap is not None:
        logits = np.tanh(logits / model.softcap) * model.softcap
    return divergence.log_softmax(logits[:, :size])


def _value(tensor):
    return tensor.cpu().numpy()


def _agrees(result, reference, candidate, observed, size=None, tolerance=1e-4):
    """All metrics against the NumPy oracle in float64."""
    p, q = _log_probs(reference, size), _log_probs(candidate, size)
    rows, seen = np.arange(len(p)), observed.cpu().numpy()
    exact = divergence.kl_divergence(p, q)
    assert _value(result.kl_divergence).mean() == pytest.approx(exact.mean(), rel=tolerance)
    np.testing.assert_allclose(_value(result.kl_divergence), exact, rtol=1e-2, atol=1e-8)
    np.testing.assert_allclose(_value(result.reference_nll), -p[rows, seen], atol=3e-5)
    np.testing.assert_allclose(_value(result.candidate_nll), -q[rows, seen], atol=3e-5)
    np.testing.assert_allclose(
        _value(result.delta_p), np.exp(q[rows, seen]) - np.exp(p[rows, seen]), atol=1e-5
    )
    np.testing.assert_allclose(_value(result.reference_entropy), divergence.entropy(p), atol=3e-5)
    np.testing.assert_allclose(_value(result.candidate_entropy), divergence.entropy(q), atol=3e-5)
    np.testing.assert_array_equal(_value(result.reference_top1), p.argmax(1))
    np.testing.assert_array_equal(_value(result.candidate_top1), q.argmax(1))
    assert _value(result.is_finite).all()


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_every_metric_agrees_with_float64(device, case):
    positions = 192 if device == "cpu" else 1024
    reference, candidate, observed = _pair(device, *CASES[case], positions=positions)
    _agrees(
        compare_hidden(reference, [candidate], observed)[0],
        reference,
        candidate,
        observed,
        tolerance=3e-4 if device == "cpu" and case == "sharp rows" else 1e-4,
    )


@needs_torch
def test_the_twin_in_float64_is_exact():
    reference, candidate, observed = _pair("cpu", *CASES["sharp rows"], positions=20)
    result = compare_hidden(reference, [candidate], observed, dtype=torch.float64)[0]
    exact = divergence.kl_divergence(_log_probs(reference), _log_probs(candidate))
    np.testing.assert_allclose(_value(result.kl_divergence), exact, rtol=1e-9, atol=1e-15)


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("changes", [{"softcap": 8.0}, {"scale": 0.25}, {"bias": True}, {}])
def test_details_of_the_head_and_padding_are_honoured(device, changes):
    reference, candidate, observed = _pair(device, vocabulary=3000)
    size, changes = 2901, dict(changes)
    if changes.pop("bias", False):
        changes["bias_V"] = torch.linspace(-2, 2, 3000, device=device)
    reference, candidate = replace(reference, **changes), replace(candidate, **changes)
    observed = observed % size
    result = compare_hidden(reference, [candidate], observed, vocabulary=size)[0]
    _agrees(result, reference, candidate, observed, size)


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_a_model_does_not_diverge_from_itself(device):
    reference, _, observed = _pair(device, vocabulary=1000)
    result = compare_hidden(reference, [reference], observed)[0]
    assert _value(result.kl_divergence) == pytest.approx(0.0, abs=1e-12)
    assert _value(result.top1_match).all()


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("positions", [1, 131, 300])
def test_several_candidates_are_each_as_alone(device, positions):
    reference, first, observed = _pair(device, positions=positions, vocabulary=5003)
    _, second, _ = _pair(device, *CASES["near the baseline"], positions=positions, vocabulary=5003)
    _, third, _ = _pair(device, 3.0, 1.0, positions=positions, vocabulary=5003)
    candidates = [first, second, third, first]
    together = compare_hidden(reference, candidates, observed)
    for candidate, result in zip(candidates, together, strict=True):
        alone = compare_hidden(reference, [candidate], observed)[0]
        for field in fields(alone):
            np.testing.assert_allclose(
                _value(getattr(result, field.name)),
                _value(getattr(alone, field.name)),
                rtol=1e-4,
                atol=1e-6,
            )


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_a_candidate_may_be_wider_than_the_reference(device):
    reference, candidate, observed = _pair(device, vocabulary=3000)
    candidate = Projection(
        torch.cat([candidate.hidden_TD, candidate.hidden_TD[:, :24]], 1),
        torch.cat([candidate.weight_VD, 0.05 * candidate.weight_VD[:, 40:]], 1),
    )
    result = compare_hidden(reference, [candidate], observed)[0]
    _agrees(result, reference, candidate, observed)


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_an_excluded_token_makes_the_divergence_infinite(device):
    reference, candidate, observed = _pair(device, vocabulary=1000)
    bias = torch.zeros(1000, device=device)
    bias[int(compare_hidden(reference, [candidate], observed)[0].reference_top1[0])] = -torch.inf
    result = compare_hidden(reference, [replace(candidate, bias_V=bias)], observed)[0]
    assert np.isposinf(_value(result.kl_divergence)[0])
    assert _value(result.is_finite).all()


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_a_row_that_is_not_finite_is_marked_and_harms_no_other(device):
    reference, candidate, observed = _pair(device, vocabulary=1000)
    broken = candidate.hidden_TD.clone()
    broken[5, 3] = torch.nan
    result = compare_hidden(reference, [replace(candidate, hidden_TD=broken)], observed)[0]
    assert np.flatnonzero(~_value(result.is_finite)).tolist() == [5]
    whole = compare_hidden(reference, [candidate], observed)[0]
    kept = np.arange(len(broken)) != 5
    np.testing.assert_array_equal(
        _value(result.kl_divergence)[kept], _value(whole.kl_divergence)[kept]
    )


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_among_equal_tokens_the_lowest_is_the_most_likely(device):
    reference, candidate, observed = _pair(device, vocabulary=1000)
    twice = torch.cat([reference.weight_VD, reference.weight_VD])
    doubled = replace(reference, weight_VD=twice)
    result = compare_hidden(doubled, [replace(candidate, weight_VD=twice)], observed)[0]
    assert (_value(result.reference_top1) < 1000).all()
    assert (_value(result.candidate_top1) < 1000).all()


@needs_torch
@pytest.mark.skipif(_NO_GPU, reason="torch sees no CUDA GPU")
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize(("vocabulary", "positions"), [(262_144, 1000), (151_939, 1000), (97, 1)])
def test_the_kernel_keeps_its_precision_at_large_vocabularies(kind, vocabulary, positions):
    reference, candidate, observed = _pair(
        "cuda", *CASES["near the baseline"], positions=positions, width=128, vocabulary=vocabulary
    )
    reference, candidate = (
        Projection(one.hidden_TD.to(getattr(torch, kind)), one.weight_VD.to(getattr(torch, kind)))
        for one in (reference, candidate)
    )
    if not hopper.supports(reference, [candidate]):
        pytest.skip("the fused kernel needs a Hopper GPU")
    fused = compare_hidden(reference, [candidate], observed)[0]
    exact = compare_hidden(reference, [candidate], observed, dtype=torch.float64)[0]
    assert float(fused.kl_divergence.mean()) == pytest.approx(
        float(exact.kl_divergence.mean()), rel=1e-4
    )
    assert bool((fused.reference_top1 == exact.reference_top1).all())
    assert bool(((fused.reference_nll - exact.reference_nll).abs() < 3e-5).all())


@needs_torch
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, c, o: (r, c, o[:-1]), "`observed` has shape"),
        (lambda r, c, o: (r, c, o + 5000), "outside the vocabulary of 500"),
        (
            lambda r, c, o: (r, replace(c, weight_VD=c.weight_VD[:-1]), o),
            "candidate 1 has 499 rows",
        ),
        (lambda r, c, o: (r, replace(c, hidden_TD=c.hidden_TD[:-1]), o), "has 95 positions"),
        (lambda r, c, o: (r, replace(c, hidden_TD=c.hidden_TD[:, :9]), o), "do not fit together"),
        (lambda r, c, o: (replace(r, bias_V=torch.zeros(3)), c, o), "bias of the reference"),
        (lambda r, c, o: (replace(r, softcap=0.0), c, o), "must be positive"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    reference, candidate, observed = change(*_pair("cpu", vocabulary=500))
    with pytest.raises(ShapeError, match=message):
        compare_hidden(reference, [candidate], observed)


@needs_torch
@pytest.mark.parametrize(("size", "message"), [(501, "fewer than the vocabulary"), (0, "at least")])
def test_an_impossible_vocabulary_is_refused(size, message):
    reference, candidate, observed = _pair("cpu", vocabulary=500)
    with pytest.raises(ShapeError, match=message):
        compare_hidden(reference, [candidate], observed, vocabulary=size)


def test_without_torch_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="needs torch"):
        compare_hidden(None, [], None)  # type: ignore[arg-type]


@pytest.mark.parametrize("positions", [1, 300, 2500, 8192, 32_768])
@pytest.mark.parametrize("vocabulary", [97, 32_000, 262_144])
@pytest.mark.parametrize("width", [128, 1280, 10_240])
def test_a_plan_deals_out_every_tile_once_and_no_stretch_is_empty(positions, vocabulary, width):
    plan = hopper.choose_plan(positions, vocabulary, width, processors=132, columns=192)
    tiles = -(-vocabulary // plan.columns)
    assert (plan.stretches - 1) * plan.tiles_per < tiles <= plan.stretches * plan.tiles_per
    assert plan.group >= 1
    assert plan.group % plan.cluster == 0
