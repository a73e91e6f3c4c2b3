"""The backend `transformers` on tiny random models of many architectures, and on a real one."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.backends.tiny_models import KINDS, make_model

from silentzone.backends.base import BatchSplit, ContinuationRequest, EngineSettings, TextRequest
from silentzone.backends.transformers.entry import ENGINE
from silentzone.backends.transformers.folder import ModelFolder
from silentzone.backends.transformers.safetensors_file import as_float32
from silentzone.errors import (
    EnvironmentNotReadyError,
    MeasurementError,
    MissingExtraError,
    ModelFileError,
)
from silentzone.measure.reference import observed_tokens
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.config import ModelLoading
from silentzone.records.windows import WindowPlan
from silentzone.studies.encodings import PROBES

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("transformers_version")]

SETTINGS = EngineSettings(threads=1, batch_tokens=128, micro_batch_tokens=16)
WITHOUT_SDPA = {"bloom", "gemma2"}
PLAN = WindowPlan(context_length=40, first_scored=4, add_bos=False)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, transformers_version):
    """Folder of a tiny model of a kind, made once."""
    made = {}

    def give(kind="llama"):
        if kind not in made:
            made[kind] = make_model(tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    return give


def opened(path: Any, settings: Any = SETTINGS) -> Any:
    return ENGINE.open(path, ENGINE.read_model(path, path.name), settings)


def head_of(path: Any, settings: Any = None) -> Any:
    """Output head of the files; every kind here has one."""
    head = ENGINE.output_head(path, settings)
    assert head is not None
    return head


def windows(count=2, length=40, seed=3):
    return list(np.random.default_rng(seed).integers(0, 256, (count, length)).astype(np.int32))


def own_logits(path, tokens, **options):
    """What the model itself gives, by nothing of ours."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(path, **options).eval()
    with torch.inference_mode():
        return model(torch.tensor(tokens[None].astype(np.int64))).logits[0].float().numpy()


def divergence(first, second, observed):
    first, second = np.ascontiguousarray(first), np.ascontiguousarray(second)
    return compare_rows(first, second, observed, describe_rows(first, observed)).kl_divergence


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_logits_are_the_models_own_and_come_back_from_hidden_states(tiny, kind):
    path, tokens = tiny(kind), windows()
    head = head_of(path)
    with opened(path) as backend:
        for part in backend.window_logits(tokens, PLAN, with_hidden=True):
            wanted = own_logits(path, tokens[part.index])[PLAN.first_scored : -1]
            np.testing.assert_allclose(part.logits_TV, wanted, rtol=0, atol=2e-5)
            rebuilt = np.empty_like(part.logits_TV)
            head.logits(part.hidden_TD, rebuilt)
            np.testing.assert_allclose(rebuilt, wanted, rtol=0, atol=2e-5)
    assert head.weight_VD.shape[0] == backend.model.vocabulary_size == 272


def test_each_kind_of_head_is_really_there(tiny):
    heads = {kind: head_of(tiny(kind)) for kind in KINDS}
    assert heads["gemma2"].softcap == 3.0
    assert heads["gemma3_text"].softcap is None
    assert [kind for kind, head in heads.items() if head.bias_V is not None] == ["phi"]
    assert np.abs(heads["phi"].bias_V).max() > 0.5
    for kind, factor in (("granite", 1 / 3), ("cohere", 0.25)):
        tensor = ModelFolder(tiny(kind)).head
        assert tensor is not None
        stored = as_float32(tensor)
        np.testing.assert_allclose(heads[kind].weight_VD, factor * stored, rtol=1e-6)


def test_a_soft_cap_bounds_the_logits_of_gemma_2_alone(tiny):
    largest = {}
    for kind in ("gemma2", "gemma3_text"):
        with opened(tiny(kind)) as backend:
            parts = backend.window_logits(windows(), PLAN)
            largest[kind] = max(float(np.abs(part.logits_TV).max()) for part in parts)
    assert largest["gemma2"] < 3.0 < largest["gemma3_text"]


@pytest.mark.parametrize("kind", ["gemma2", "gemma3_text", "gpt2"])
def test_windowed_attention_sees_the_same_with_a_cache_and_beside_shorter_prompts(tiny, kind):
    long, short = windows(2)
    requests = [
        ContinuationRequest(long[:30], (long[30:36], short[:3])),
        ContinuationRequest(short[:11], (short[11:15],)),
    ]
    with opened(tiny(kind)) as backend:
        (whole,) = (part.logits_TV.copy() for part in backend.window_logits([long], PLAN))
        split = BatchSplit(tokens_per_call=7)
        (steps,) = (p.logits_TV.copy() for p in backend.window_logits([long], PLAN, split=split))
        shared = [part.logits_NV.copy() for part in backend.continuation_logits(requests)]
        alone = [
            part.logits_NV.copy()
            for part in backend.continuation_logits(requests, share_prompts=False)
        ]
    assert divergence(whole, steps, observed_tokens(long, PLAN.first_scored)).max() < 1e-9
    first = 29 - PLAN.first_scored
    np.testing.assert_allclose(shared[0], whole[first : first + 6], atol=2e-5)
    for one, other in zip(shared, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_a_bfloat16_model_has_its_head_summed_in_float32(tiny):
    path, (tokens,) = tiny(), windows(1)
    settings = replace(SETTINGS, loading=ModelLoading(dtype="bfloat16"))
    with opened(path, settings) as backend:
        (part,) = backend.window_logits([tokens], PLAN, with_hidden=True)
        rebuilt = np.empty_like(part.logits_TV)
        head = head_of(path, settings)
        head.logits(part.hidden_TD, rebuilt)
    import torch

    rounded = own_logits(path, tokens, dtype=torch.bfloat16)[PLAN.first_scored : -1]
    observed = observed_tokens(tokens, PLAN.first_scored)
    assert head.row_code == "bf16"
    assert divergence(part.logits_TV, rebuilt, observed).max() < 1e-10
    assert 1e-7 < divergence(part.logits_TV, rounded, observed).mean() < 1e-3
    assert dict(backend.info.settings)["dtype"] == "bfloat16"


def test_padding_of_the_vocabulary_has_logits_and_no_text(tiny):
    with opened(tiny()) as backend:
        assert backend.token_bytes(np.array([0, 256, 258, 271], np.int32)) == [
            b"!",
            b"",
            b"~~",
            b"",
        ]
        assert next(iter(backend.window_logits(windows(), PLAN))).logits_TV.shape == (35, 272)


def test_control_tokens_in_a_text_stay_text_but_not_in_a_template(tiny):
    with opened(tiny()) as backend:
        plain = backend.tokenize("<s>a~~", add_bos=False)
        read = backend.tokenize_chat("<s>a~~")
        assert backend.adds_bos
        assert len(plain) == 5
        assert read.tolist() == [256, *plain[3:].tolist()]
        assert backend.tokenize_chat("a")[0] == 256
        template = backend.chat_template
    assert (template.bos_token, template.eos_token) == ("<s>", "</s>")


def greedy(path, prompt, count):
    tokens = prompt
    for _ in range(count):
        tokens = np.append(tokens, own_logits(path, tokens)[-1].argmax())
    return tokens[len(prompt) :].tolist()


def test_answers_of_several_prompts_are_those_of_each_alone(tiny):
    path = tiny()
    prompts = [windows(1, length)[0] for length in (5, 19, 9)]
    requests = [TextRequest(prompt=prompt, max_tokens=4) for prompt in prompts]
    with opened(path) as backend:
        found = {one.request: one for one in backend.generate(requests, context_length=64)}
        split = BatchSplit(tokens_per_call=4)
        again = list(backend.generate(requests, context_length=64, slots=1, split=split))
    for index, prompt in enumerate(prompts):
        wanted = greedy(path, prompt, 4)
        end = wanted.index(257) if 257 in wanted else len(wanted)
        assert found[index].tokens.tolist() == wanted[:end]
        assert again[index].tokens.tolist() == wanted[:end]


def test_answers_end_by_a_stop_string_by_length_by_context_and_by_time(tiny):
    path, (prompt,) = tiny(), windows(1, 8)
    written = greedy(path, prompt, 6)
    with opened(path) as backend:
        second = backend.token_bytes(np.array(written[1:2], np.int32))[0].decode("latin-1")
        usual = {"prompt": prompt, "max_tokens": 6}
        requests = [
            TextRequest(**usual),
            TextRequest(**usual, stop=(second,)) if second.isascii() else TextRequest(**usual),
            TextRequest(**usual, timeout_seconds=0.0),
            TextRequest(prompt=windows(1, 20)[0], max_tokens=6),
            TextRequest(**usual, draft=np.array(written, np.int32)),
        ]
        found = {one.request: one for one in backend.generate(requests, context_length=12)}
    assert found[0].finish_reason == "context"
    assert found[0].tokens.tolist() == written[:4] == found[4].tokens.tolist()
    assert found[2].finish_reason == "timeout"
    assert len(found[2].tokens) == 1
    assert found[3].finish_reason == "too_long"


def test_the_identity_is_that_of_what_decides_a_logit(tiny, tmp_path):
    import shutil

    path = tiny()
    model = ENGINE.read_model(path, "tiny")
    copy = tmp_path / "copy"
    shutil.copytree(path, copy)
    (copy / "README.md").write_text("nothing to do with it", "utf-8")
    assert ENGINE.read_model(copy, "tiny") == model
    (copy / "modeling_own.py").write_text("pass", "utf-8")
    assert ENGINE.read_model(copy, "tiny").sha256 != model.sha256
    assert model.architecture == "llama"
    assert (model.weight_format, model.bits_per_weight) == ("F32", 32.0)
    assert (model.is_quantized, model.training_context_length) == (False, 512)


def test_a_tensor_that_is_missing_is_refused_instead_of_made_up(tiny, tmp_path):
    from safetensors.numpy import load_file, save_file

    path = tmp_path / "holed"
    make_model(path)
    tensors = load_file(path / "model.safetensors")
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match=r"lacks 1 tensors .*layers\.1\.mlp\.down_proj"):
        opened(path)


def test_shapes_that_the_settings_do_not_give_are_named_as_what_is_wrong(tmp_path):
    path = make_model(tmp_path / "wide")
    config = json.loads((path / "config.json").read_text("utf-8"))
    (path / "config.json").write_text(json.dumps({**config, "intermediate_size": 64}), "utf-8")
    with pytest.raises(ModelFileError, match="other shapes than its config"):
        opened(path)


def test_a_token_that_the_model_does_not_have_is_named(tiny):
    with opened(tiny()) as backend:
        window = np.full(40, 271, np.int32)
        assert len(list(backend.window_logits([window], PLAN))) == 1  # the last row, of padding
        window[7] = 272
        with pytest.raises(MeasurementError, match=r"token 272 .* has 272 entries") as caught:
            list(backend.window_logits([window], PLAN))
    assert "tokenizer" in str(caught.value.hint)


def test_no_hub_is_asked_while_a_model_is_loaded(tiny, monkeypatch):
    import huggingface_hub
    from transformers import AutoModelForCausalLM

    own, seen = AutoModelForCausalLM.from_pretrained, []

    def watched(*arguments, **options):
        seen.append(huggingface_hub.is_offline_mode())
        return own(*arguments, **options)

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", watched)
    for download in (False, True):
        with opened(tiny(), replace(SETTINGS, loading=ModelLoading(download=download))):
            pass
    assert seen == [True, False]
    assert not huggingface_hub.is_offline_mode()


def test_code_that_comes_with_a_model_does_not_run_unasked(tmp_path):
    path = make_model(tmp_path / "own")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config |= {
        "model_type": "somebodys-own",
        "auto_map": {
            "AutoConfig": "own.OwnConfig",
            "AutoModelForCausalLM": "own.OwnModel",
        },
    }
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    (path / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", "utf-8")
    with pytest.raises(ModelFileError, match="could not load") as caught:
        opened(path)
    assert "trust_remote_code = true" in str(caught.value.hint)
    assert not (tmp_path / "ran").exists()
    assert dict(ENGINE.describe(SETTINGS).settings)["trust_remote_code"] == "no"
    asked = replace(SETTINGS, loading=ModelLoading(trust_remote_code=True))
    assert dict(ENGINE.describe(asked).settings)["trust_remote_code"] == "yes"
    assert ENGINE.run_as is not None
    assert ENGINE.run_as(path, SETTINGS) == ENGINE.run_as(path, asked) == ()
    assert not (tmp_path / "ran").exists()


def test_code_of_another_place_is_refused_where_code_may_run(tmp_path):
    path = make_model(tmp_path / "own")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["auto_map"] = {"AutoModelForCausalLM": "somebody/else--own.OwnModel"}
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    with opened(path):
        pass  # transformers has the model itself, and looks no further
    asked = replace(SETTINGS, loading=ModelLoading(trust_remote_code=True))
    assert ENGINE.run_as is not None
    for work in (opened, ENGINE.run_as):
        with pytest.raises(ModelFileError, match="code of a hub as `AutoModelForCausalLM`"):
            work(path, asked)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("asked", ["auto", "eager"])
def test_the_attention_is_foretold_as_transformers_chooses_it(tiny, kind, asked):
    from transformers import AutoModelForCausalLM

    path, settings = tiny(kind), replace(SETTINGS, loading=ModelLoading(attention=asked))
    assert ENGINE.run_as is not None
    foretold = ENGINE.run_as(path, settings)
    options = {} if asked == "auto" else {"attn_implementation": asked}
    chosen = AutoModelForCausalLM.from_pretrained(path, **options).config._attn_implementation
    assert foretold == (("attention", chosen),)
    assert chosen == ("eager" if asked == "eager" or kind in WITHOUT_SDPA else "sdpa")
    model = replace(ENGINE.read_model(path, kind), run_as=foretold)
    with ENGINE.open(path, model, settings):
        pass


def test_another_attention_than_was_foretold_is_refused(tiny):
    model = replace(ENGINE.read_model(tiny(), "tiny"), run_as=(("attention", "eager"),))
    with pytest.raises(EnvironmentNotReadyError, match="runs `tiny` with the attention `sdpa`"):
        ENGINE.open(tiny(), model, SETTINGS)


def test_the_package_that_unpacks_the_weights_is_named(tmp_path, monkeypatch, smollm2_f16):
    from importlib import metadata

    path = make_model(tmp_path / "packed")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["quantization_config"] = {"quant_method": "compressed-tensors"}
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    monkeypatch.setattr(metadata, "version", lambda name: f"of {name}")
    assert ENGINE.run_as is not None
    packed = dict(ENGINE.run_as(path, SETTINGS))
    assert packed["unpacked_by"] == "compressed-tensors of compressed-tensors"
    assert ENGINE.run_as(smollm2_f16, SETTINGS) == (("unpacked_by", "gguf of gguf"),)


def test_a_missing_package_is_named_with_the_command_that_installs_it(tmp_path):
    pytest.importorskip("torch")
    path = make_model(tmp_path / "gptq")
    config = json.loads((path / "config.json").read_text("utf-8"))
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": 32}
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(MissingExtraError, match="needs a package") as caught:
        opened(path)
    assert str(caught.value.hint).startswith('pip install gptqmodel optimum "torch==2.')


def test_the_same_file_is_the_same_model_in_llama_cpp(smollm2_f16):
    """SmolLM2 in F16: what is between the engines is rounding, well below a quantization."""
    from tests.golden.llama_perplexity.made_text import made_text

    from silentzone.backends.llama_cpp.entry import ENGINE as LLAMA_CPP

    found: list[Any] = []
    encoded: list[list[int]] = []
    for engine in (ENGINE, LLAMA_CPP):
        model = engine.read_model(smollm2_f16, "SmolLM2")
        backend: Any
        with engine.open(smollm2_f16, model, SETTINGS) as backend:
            encoded.append(backend.tokenize(made_text(), add_bos=True).tolist())
            tokens = np.array(encoded[0][:128], np.int32)
            plan = WindowPlan(context_length=128, first_scored=64, add_bos=False)
            (part,) = backend.window_logits([tokens], plan)
            found.append((part.logits_TV.copy(), model.sha256, backend.chat_template))
    assert encoded[0] == encoded[1]
    assert found[0][1:] == found[1][1:]
    distance = divergence(found[0][0], found[1][0], observed_tokens(tokens, 64))
    assert 0 < distance.mean() < 1e-4


def test_a_gguf_file_is_encoded_as_llama_cpp_encodes_it(smollm2_f16):
    from silentzone.backends.llama_cpp.entry import ENGINE as LLAMA_CPP

    engines = (ENGINE, LLAMA_CPP)
    encoded = [engine.encode(smollm2_f16, PROBES) for engine in engines if engine.encode]
    assert len(encoded) == 2
    for text, own, other in zip(PROBES, *encoded, strict=True):
        assert own.tolist() == other.tolist(), text


def test_nothing_is_asked_of_a_network(tiny, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with opened(tiny("llama-tied")) as backend:
        assert len(backend.tokenize("abc", add_bos=True)) == 4
        assert len(list(backend.window_logits(windows(), PLAN))) == 2
