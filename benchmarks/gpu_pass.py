"""A candidate's whole pass on a GPU: tokens per second, and which stage takes them.

The model has the shape of a Qwen3 mixture of experts (hidden 2,048, 128 experts of which 8 answer,
vocabulary 151,936) with random weights and fewer layers, so that it fits beside its reference. The
candidate is the same model with every matrix rounded to 4 bits in groups of 32. Every window goes
through both models to the final hidden states, which are compared through both heads: once for
every metric that a study stores, once for those that need no logits outside the registers, and
beside them the divergence alone by way of float32 logits in chunks of 1,024 positions. Shares are
of CUDA time, medians over the windows after one that is not counted. Run from the repository root
on a machine with a CUDA GPU, torch and transformers::

    python -m benchmarks.gpu_pass --layers 12 --windows 8 --tokens 8192
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch
from benchmarks.gpu_kernels import divergence, in_chunks, milliseconds
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

from silentzone.gpu.compare import compare_hidden
from silentzone.gpu.positions import compare_positions
from silentzone.gpu.projection import Projection

GROUP, LEVELS = 32, 7


def made_model(options, device):
    """Random weights of a usual size: only shapes and times matter here."""
    torch.manual_seed(0)
    config = Qwen3MoeConfig(
        vocab_size=options.vocabulary, hidden_size=options.width, num_hidden_layers=options.layers,
        num_attention_heads=32, num_key_value_heads=4, head_dim=128, num_experts=options.experts,
        num_experts_per_tok=8, moe_intermediate_size=768, intermediate_size=6144,
        max_position_embeddings=40960, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.device(device):
        return Qwen3MoeForCausalLM._from_config(config, dtype=torch.bfloat16).eval()


@torch.no_grad()
def round_matrices(model):
    """Round every matrix to 4 bits in groups, in place."""
    for parameter in model.parameters():
        if parameter.ndim < 2:
            continue
        for piece in parameter.view(-1, parameter.shape[-1]).split(65_536):
            groups = piece.view(-1, GROUP)
            scale = groups.abs().amax(1, keepdim=True).float().clamp(min=1e-8) / LEVELS
            groups.copy_((groups.float() / scale).round().clamp(-LEVELS - 1, LEVELS) * scale)


@torch.no_grad()
def hidden_states(model, tokens):
    return model.model(tokens[None], use_cache=False).last_hidden_state[0]


def passed(model, windows):
    """Hidden states of every window, and the CUDA milliseconds each took."""
    states, times = [], []
    for tokens in windows:
        kept = []
        times.append(milliseconds(lambda tokens=tokens, kept=kept: kept.append(
            hidden_states(model, tokens))))  # fmt: skip
        states.append(kept[0])
    return states, times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--experts", type=int, default=128)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--vocabulary", type=int, default=151_936)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=8192, help="of one window")
    options = parser.parse_args()
    model = made_model(options, "cuda")
    parameters = sum(one.numel() for one in model.parameters())
    generator = torch.Generator("cuda").manual_seed(1)
    windows = [
        torch.randint(options.vocabulary, (options.tokens,), device="cuda", generator=generator)
        for _ in range(options.windows + 1)
    ]
    reference_states, reference_times = passed(model, windows)
    reference_head = model.lm_head.weight.detach().clone()
    round_matrices(model)
    candidate_states, candidate_times = passed(model, windows)
    ways = {
        "stored": lambda r, c, o: compare_positions(r, [c], o)[0].kl_divergence,
        "fused": lambda r, c, o: compare_hidden(r, [c], o)[0].kl_divergence,
        "by_logits": lambda r, c, _: in_chunks(r, c, divergence),
    }
    times = {name: [] for name in ways}
    values = {name: [] for name in ways}
    peaks = dict.fromkeys(ways, 0)
    held = torch.cuda.memory_allocated()
    for tokens, before, after in zip(windows, reference_states, candidate_states, strict=True):
        reference = Projection(before[:-1], reference_head)
        candidate = Projection(after[:-1], model.lm_head.weight.detach())
        observed = tokens[1:]
        for name, way in ways.items():
            torch.cuda.reset_peak_memory_stats()
            times[name].append(milliseconds(
                lambda r=reference, c=candidate, o=observed, way=way, into=values[name]:
                into.append(way(r, c, o).mean().item())))  # fmt: skip
            peaks[name] = max(peaks[name], torch.cuda.max_memory_allocated() - held)
    median = {name: statistics.median(each[1:]) for name, each in times.items()}
    forward = statistics.median(candidate_times[1:])
    print(json.dumps({
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "parameters": parameters,
        "layers": options.layers,
        "tokens_per_window": options.tokens,
        "reference_forward_ms": statistics.median(reference_times[1:]),
        "candidate_forward_ms": forward,
        "comparison_ms": median,
        "candidate_tokens_per_second": {
            name: 1000 * options.tokens / (forward + spent) for name, spent in median.items()},
        "share_of_comparison": {
            name: spent / (forward + spent) for name, spent in median.items()},
        "comparison_extra_bytes": peaks,
        "kld_mean": {name: statistics.fmean(each) for name, each in values.items()},
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
