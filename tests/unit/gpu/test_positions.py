"""Every stored metric from hidden states: the CPU's kernel and float64 as oracles.

Hidden states and heads are multiples of small powers of two, so float32 products are exact in any
order and both sides see the very same logits. Seen on these draws: mean divergences are off by at
most 1e-8 of themselves near the baseline (KLD 1.5e-6), 4e-8 at sharp rows, 1e-7 elsewhere.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

from silentzone.errors import ConfigError, MissingExtraError, ShapeError
from silentzone.gpu import cuda_rows, positions
from silentzone.gpu.positions import PositionMetrics, compare_positions
from silentzone.gpu.projection import Projection
from silentzone.metrics import divergence, kernels
from silentzone.records.tables import POSITION_METRICS

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
    # spread of the logits, share of the candidate's hidden values moved, and by how much
    "quantized": (3.0, 0.5, 1 / 8),
    "near the baseline": (3.0, 0.15, 1 / 512),
    "sharp rows": (24.0, 0.1, 1 / 512),
    "unrelated": (3.0, 1.0, 4.0),
}
SMALL = 2 << 20


def _grid(values, step):
    return torch.round(values / step) * step


def _pair(device="cpu", case="quantized", *, rows=64, width=32, vocabulary=5003):
    spread, share, step = CASES[case]
    generator = torch.Generator().manual_seed(3)
    hidden = _grid(torch.randn(rows, width, generator=generator), 1 / 8)
    scale = spread / width**0.5
    weight = _grid(torch.randn(vocabulary, width, generator=generator) * scale, 1 / 32)
    chosen = torch.rand(rows, width, generator=generator) < share
    moved = hidden + step * chosen * torch.randint(-1, 2, hidden.shape, generator=generator)
    observed = torch.randint(0, vocabulary, (rows,), generator=generator)
    weight = weight.to(device)
    return (
        Projection(hidden.to(device), weight),
        Projection(moved.to(device), weight),
        observed.to(device),
    )


def _logits(model, size=None):
    """As float32: the products are exact, the head's details are those of the code under test."""
    z = model.hidden_TD.cpu().double() @ model.weight_VD.cpu().double().T
    if model.bias_V is not None:
        z = z + model.bias_V.cpu().double()
    z = z * model.scale
    if model.softcap is not None:
        z = (z / model.softcap).tanh() * model.softcap
    return np.ascontiguousarray(z[:, :size].float().numpy())


def _kernel(reference, candidate, observed):
    """All columns as the CPU's compiled sweeps give them for rows of logits."""
    seen = observed.cpu().numpy().astype(np.int32)
    rows = kernels.describe_rows(reference, seen)
    found = kernels.compare_rows(reference, candidate, seen, rows)
    own = {
        "reference_nll": rows.nll,
        "reference_entropy": rows.entropy,
        "reference_top1_probability": rows.top1_probability,
    }
    names = [field.name for field in fields(PositionMetrics)]
    return {name: own[name] if name in own else getattr(found, name) for name in names}


def _values(result):
    return {name.name: getattr(result, name.name).cpu().numpy() for name in fields(result)}


def _agree(result, expected, *, rtol=2e-5, atol=5e-6):
    for name, value in _values(result).items():
        if expected[name].dtype.kind == "f":
            # single rows carry the float32 exponentials of both sides; the mean is held below
            np.testing.assert_allclose(value, expected[name], rtol, atol, err_msg=name)
        else:
            np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_the_result_has_every_stored_metric():
    names = {field.name for field in fields(PositionMetrics)}
    assert names == {*POSITION_METRICS, "is_finite"}


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_every_metric_is_the_one_of_the_rows_from_llama_cpp(device, case):
    reference, candidate, observed = _pair(device, case)
    result = compare_positions(reference, [candidate], observed, memory_bytes=SMALL)[0]
    _agree(result, _kernel(_logits(reference), _logits(candidate), observed))


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("vocabulary", [5, 513, 8192, 262_144])
def test_the_size_of_the_vocabulary_is_of_no_account(device, vocabulary):
    pair = _pair(device, "near the baseline", rows=4, vocabulary=vocabulary)
    reference, candidate, observed = pair
    result = compare_positions(reference, [candidate], observed, memory_bytes=8 << 20)[0]
    _agree(result, _kernel(_logits(reference), _logits(candidate), observed))


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_mean_divergences_keep_a_ten_thousandth_against_float64(device, case):
    reference, candidate, observed = _pair(device, case, rows=96)
    p, q = (divergence.log_softmax(_logits(one)) for one in (reference, candidate))
    result = _values(compare_positions(reference, [candidate], observed, memory_bytes=SMALL)[0])
    for name in ("kl_divergence", "reverse_kl_divergence", "js_divergence"):
        expected = getattr(divergence, name)(p, q).mean()
        assert result[name].mean() == pytest.approx(expected, rel=1e-4, abs=0), name
    if case == "near the baseline":
        assert 1e-6 < result["kl_divergence"].mean() < 1e-4


@needs_torch
@pytest.mark.parametrize("case", CASES)
def test_in_float64_nothing_but_rounding_is_left(case):
    reference, candidate, observed = _pair("cpu", case)
    p, q = (divergence.log_softmax(_logits(one)) for one in (reference, candidate))
    found = compare_positions(reference, [candidate], observed, dtype=torch.float64)[0]
    for name in ("kl_divergence", "reverse_kl_divergence", "js_divergence", "total_variation"):
        expected = getattr(divergence, name)(p, q)
        value = getattr(found, name).numpy()
        np.testing.assert_allclose(value, expected, rtol=1e-8, atol=1e-14, err_msg=name)
    np.testing.assert_allclose(found.candidate_entropy.numpy(), divergence.entropy(q), 1e-10, 1e-14)


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("changes", [{"softcap": 8.0}, {"scale": 0.25}, {"bias": True}, {}])
def test_details_of_the_head_and_padding_are_honoured(device, changes):
    reference, candidate, observed = _pair(device, vocabulary=3000)
    size, changes = 2901, dict(changes)
    if changes.pop("bias", False):
        changes["bias_V"] = _grid(torch.linspace(-2, 2, 3000), 1 / 64).to(device)
    reference, candidate = replace(reference, **changes), replace(candidate, **changes)
    observed = observed % size
    result = compare_positions(reference, [candidate], observed, vocabulary=size)[0]
    expected = _kernel(_logits(reference, size), _logits(candidate, size), observed)
    _agree(result, expected, rtol=1e-4)


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_sixteen_bit_tensors_give_what_their_values_give_in_float32(device):
    reference, candidate, observed = _pair(device, vocabulary=3000)
    narrow = [
        Projection(one.hidden_TD.bfloat16(), one.weight_VD.bfloat16())
        for one in (reference, candidate)
    ]
    wide = [Projection(one.hidden_TD.float(), one.weight_VD.float()) for one in narrow]
    result = compare_positions(narrow[0], narrow[1:], observed)[0]
    _agree(result, _kernel(_logits(wide[0]), _logits(wide[1]), observed))


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_where_positions_and_vocabulary_are_cut_is_of_no_account(device, monkeypatch):
    reference, candidate, observed = _pair(device, "near the baseline", rows=37, vocabulary=3001)
    whole = compare_positions(reference, [candidate], observed)[0]
    monkeypatch.setattr(positions, "choose_cut", lambda *_: positions.Cut(5, 700))
    _agree(compare_positions(reference, [candidate], observed)[0], _values(whole), rtol=1e-6)


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_several_candidates_are_each_as_alone(device):
    reference, first, observed = _pair(device)
    _, second, _ = _pair(device, "near the baseline")
    # of another width than the reference
    wide = Projection(first.hidden_TD.repeat(1, 2), first.weight_VD.repeat(1, 2) / 2)
    results = compare_positions(reference, [second, wide, reference], observed)
    for candidate, result in zip([second, first, reference], results, strict=True):
        alone = compare_positions(reference, [candidate], observed)[0]
        _agree(result, _values(alone), rtol=1e-6)
    assert float(results[2].js_divergence.abs().max()) == pytest.approx(0.0, abs=1e-12)
    assert (results[2].top5_overlap == 5).all()


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("equal", [4, 9, 600])
def test_among_equal_tokens_the_lowest_come_first(device, equal):
    reference, candidate, observed = _pair(device, rows=16, vocabulary=1000)
    weight = reference.weight_VD.clone()
    weight[100 : 100 + equal] = weight[50]
    reference, candidate = (
        replace(reference, weight_VD=weight),
        replace(candidate, weight_VD=weight),
    )
    # the equal ones are the most likely in some rows
    hidden = reference.hidden_TD.clone()
    hidden[:8] = _grid(4 * weight[50], 1 / 8)
    reference = replace(reference, hidden_TD=hidden)
    result = compare_positions(reference, [candidate], observed)[0]
    _agree(result, _kernel(_logits(reference), _logits(candidate), observed))


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
def test_excluded_tokens_give_the_divergences_of_the_oracle(device):
    reference, candidate, observed = _pair(device, rows=16, vocabulary=1000)
    nowhere = torch.zeros(1000, device=device)
    nowhere[::7] = -torch.inf
    excluding = nowhere.clone()
    excluding[3::11] = -torch.inf
    more = replace(candidate, bias_V=excluding)
    less = replace(reference, bias_V=nowhere)
    result = compare_positions(less, [more, replace(candidate, bias_V=nowhere)], observed)
    for model, found in zip((more, replace(candidate, bias_V=nowhere)), result, strict=True):
        _agree(found, _kernel(_logits(less), _logits(model), observed))
        assert found.is_finite.all()
    assert result[0].kl_divergence.isposinf().all()
    assert result[0].reverse_kl_divergence.isfinite().all()
    assert result[1].kl_divergence.isfinite().all()
    turned = compare_positions(more, [less], observed)[0]
    assert turned.reverse_kl_divergence.isposinf().all()


@needs_torch
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_row_that_is_not_finite_is_marked_and_harms_no_other(device, value):
    reference, candidate, observed = _pair(device, rows=12, vocabulary=1000)
    broken = candidate.hidden_TD.clone()
    broken[5, 3] = value
    result = _values(
        compare_positions(reference, [replace(candidate, hidden_TD=broken)], observed)[0]
    )
    assert np.flatnonzero(~result["is_finite"]).tolist() == [5]
    whole = _values(compare_positions(reference, [candidate], observed)[0])
    kept = np.arange(12) != 5
    for name, values in whole.items():
        np.testing.assert_array_equal(result[name][kept], values[kept], err_msg=name)


@needs_torch
@pytest.mark.parametrize(
    ("vocabulary", "rows", "limit"), [(20_011, 16, SMALL), (262_144, 6, 8 << 20)]
)
def test_what_is_allocated_stays_within_the_bound(vocabulary, rows, limit, tmp_path):
    reference, candidate, observed = _pair("cpu", rows=rows, vocabulary=vocabulary)
    head = reference.weight_VD.bfloat16()
    models = [Projection(one.hidden_TD.bfloat16(), head) for one in (reference, candidate)]

    def run():
        compare_positions(models[0], models[1:], observed, memory_bytes=limit)

    peak = _peak_bytes(run, tmp_path / "trace.json")
    assert limit // 2 < peak <= limit
    # a whole matrix of logits would not fit it
    assert limit < 2 * 4 * rows * vocabulary


def _peak_bytes(run, path):
    """Most bytes that torch's CPU allocator held at once."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
    ) as profiled:
        run()
    profiled.export_chrome_trace(str(path))
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    steps = [event for event in events if event.get("name") == "[memory]"]
    held = np.cumsum([step["args"]["Bytes"] for step in sorted(steps, key=lambda one: one["ts"])])
    return int(held.max())


@needs_torch
@pytest.mark.skipif(_NO_GPU, reason="torch sees no CUDA GPU")
@pytest.mark.parametrize("limit", [64 << 20, 256 << 20])
def test_what_is_allocated_on_a_gpu_stays_within_the_bound(limit):
    reference, candidate, observed = _pair("cuda", rows=1000, vocabulary=100_003)
    models = [
        Projection(one.hidden_TD.bfloat16(), one.weight_VD.bfloat16())
        for one in (reference, candidate)
    ]
    compare_positions(models[0], models[1:], observed, memory_bytes=limit)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    compare_positions(models[0], models[1:], observed, memory_bytes=limit)
    assert limit // 2 < torch.cuda.max_memory_allocated() - before <= limit


@needs_torch
@pytest.mark.skipif(_NO_GPU, reason="torch sees no CUDA GPU")
@pytest.mark.parametrize("case", CASES)
def test_kernels_and_torch_operations_sum_the_same(case, monkeypatch):
    reference, candidate, observed = _pair("cuda", case)
    result = compare_positions(reference, [candidate], observed)[0]
    monkeypatch.setattr(cuda_rows, "supports", lambda *_: False)
    _agree(result, _values(compare_positions(reference, [candidate], observed)[0]))


@needs_torch
@pytest.mark.parametrize(("width", "limit"), [(64, 16 << 20), (64, 384 << 20), (8192, 384 << 20)])
def test_a_cut_fits_the_bound_and_uses_it(width, limit):
    model = Projection(torch.empty(1, width), torch.empty(1, width))
    cut = positions.choose_cut([model, model], 262_144, torch.float32, limit, 10_000)
    held = 4 * (2 * cut.rows * 262_144 + 12 * cut.rows * cut.columns)
    assert limit // 3 < held <= limit


@needs_torch
def test_a_bound_too_small_for_one_position_is_refused():
    reference, candidate, observed = _pair("cpu", rows=2)
    with pytest.raises(ConfigError, match="`memory_bytes` is 1000; one position"):
        compare_positions(reference, [candidate], observed, memory_bytes=1000)


@needs_torch
def test_what_has_no_top_five_is_refused():
    reference, candidate, observed = _pair("cpu", rows=2)
    with pytest.raises(ShapeError, match="must be at least 5"):
        compare_positions(reference, [candidate], observed % 4, vocabulary=4)
    with pytest.raises(ShapeError, match="outside the vocabulary"):
        compare_positions(reference, [candidate], observed + 6000)


@needs_torch
def test_no_positions_give_no_values():
    reference, candidate, observed = _pair("cpu", rows=3)
    none = [Projection(one.hidden_TD[:0], one.weight_VD) for one in (reference, candidate)]
    assert len(compare_positions(none[0], none[1:], observed[:0])[0].kl_divergence) == 0


def test_without_torch_the_message_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="needs torch"):
        compare_positions(None, [], None)  # type: ignore[arg-type]
