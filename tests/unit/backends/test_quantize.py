from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from silentzone.backends.gguf.header import read_header
from silentzone.backends.gguf.model import read_model
from silentzone.backends.llama_cpp.quantize import QuantRecipe, quantize
from silentzone.errors import ConfigError, MeasurementError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

_Q8 = QuantRecipe(name="Q8_0", file_type="Q8_0")


@pytest.fixture(scope="module")
def quantized_model(smollm2_source: Path) -> Path:
    """A small GGUF model whose layers are quantized: SmolLM2-135M in Q4_1."""
    return smollm2_source


@pytest.fixture(scope="module")
def f16_model(quantized_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("models") / "F16.gguf"
    recipe = QuantRecipe(name="F16", file_type="F16", allow_requantize=True)
    quantize(quantized_model, target, recipe, threads=2)
    return target


@pytest.mark.engine
@pytest.mark.slow
def test_the_type_of_the_head_reaches_a_tied_embedding(f16_model: Path, tmp_path: Path) -> None:
    if "output.weight" in _types(f16_model):
        pytest.skip("the head of this model is not tied")
    recipe = QuantRecipe(name="h", file_type="Q8_0", output_tensor_type="Q4_0")
    quantize(f16_model, tmp_path / "h.gguf", recipe, threads=2)
    assert read_model(tmp_path / "h.gguf", "h").head_type == "Q4_0"


def _types(path: Path) -> dict[str, str]:
    return {tensor.name: tensor.type.name for tensor in read_header(path).tensors}


@pytest.mark.engine
@pytest.mark.slow
def test_a_quantized_model_expands_to_f16(f16_model: Path) -> None:
    ref = read_model(f16_model, "F16")
    assert (ref.weight_format, ref.head_type, ref.is_quantized) == ("F16", "F16", False)
    assert ref.bits_per_weight == pytest.approx(16, abs=0.1)


@pytest.mark.engine
@pytest.mark.slow
def test_a_plain_file_type_reaches_every_matrix(f16_model: Path, tmp_path: Path) -> None:
    target = tmp_path / "Q8_0.gguf"
    quantize(f16_model, target, _Q8, threads=2)
    ref = read_model(target, "Q8_0")
    assert (ref.weight_format, ref.head_type) == ("Q8_0", "Q8_0")
    assert ref.bits_per_weight == pytest.approx(8.5, abs=0.05)
    assert ref.tokenizer_sha256 == read_model(f16_model, "F16").tokenizer_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["Q8_0.gguf"]


@pytest.mark.engine
@pytest.mark.slow
def test_the_first_pattern_that_matches_decides_a_tensor(f16_model: Path, tmp_path: Path) -> None:
    recipe = QuantRecipe(
        name="mixture",
        file_type="Q8_0",
        tensor_types=((r"^blk\.0\.", "F16"), ("ffn_up|ffn_gate", "Q4_0")),
        token_embedding_type="Q5_1",  # noqa: S106 - no password
    )
    target = tmp_path / "mixture.gguf"
    quantize(f16_model, target, recipe, threads=2)
    types = _types(target)
    assert types["blk.0.ffn_up.weight"] == "F16"
    assert types["blk.1.ffn_up.weight"] == types["blk.1.ffn_gate.weight"] == "Q4_0"
    assert types["blk.1.attn_q.weight"] == "Q8_0"
    assert types["token_embd.weight"] == "Q5_1"  # noqa: S105 - no password


@pytest.mark.engine
@pytest.mark.slow
def test_single_tensors_can_be_quantized_in_an_f16_file(f16_model: Path, tmp_path: Path) -> None:
    recipe = QuantRecipe(name="v", file_type="F16", tensor_types=(("attn_v", "Q4_0"),))
    target = tmp_path / "v.gguf"
    quantize(f16_model, target, recipe, threads=2)
    types = _types(target)
    assert {t for name, t in types.items() if "attn_v" in name} == {"Q4_0"}
    assert {t for name, t in types.items() if "attn_v" not in name} == {"F16", "F32"}


@pytest.mark.engine
def test_a_refusal_of_the_engine_carries_its_words(quantized_model: Path, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="requantizing from type"):
        quantize(quantized_model, tmp_path / "out.gguf", _Q8, threads=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.engine
def test_a_finished_model_is_never_overwritten(quantized_model: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious.gguf"
    target.write_bytes(b"precious")
    with pytest.raises(StorageError, match="never overwritten"):
        quantize(quantized_model, target, _Q8, threads=1)
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("recipe", "hint"),
    [
        (QuantRecipe(name="x", file_type="Q4_KM"), "Q4_K_M"),
        (QuantRecipe(name="x", file_type="Q8_0", tensor_types=(("a", "q4_0"),)), "Q4_0"),
        (QuantRecipe(name="x", file_type="Q8_0", token_embedding_type="F61"), "F"),  # noqa: S106
        (QuantRecipe(name="x", file_type="Q8_0", output_tensor_type="Q8_K"), "Q"),
    ],
)
def test_an_unknown_type_is_refused_with_the_nearest(
    tmp_path: Path, recipe: QuantRecipe, hint: str
) -> None:
    pytest.importorskip("llama_cpp")
    with pytest.raises(ConfigError, match=r"of llama\.cpp") as caught:
        quantize(tmp_path / "any.gguf", tmp_path / "out.gguf", recipe, threads=1)
    assert f"did you mean '{hint}" in (caught.value.hint or "")
