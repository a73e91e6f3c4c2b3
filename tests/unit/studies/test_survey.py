"""Which files of a folder can stand in one study, by their headers alone."""

from __future__ import annotations

import os

import pytest
from tests.unit.studies.gguf_folder import write_model, write_projector

from silentzone.errors import InputError
from silentzone.studies.progress import SilentProgress
from silentzone.studies.survey import survey_folder


def survey(folder):
    return survey_folder(folder, SilentProgress())


def names(models):
    return [model.name for model in models]


@pytest.mark.parametrize("best", ["F32", "BF16", "F16"])
def test_the_reference_is_the_highest_precision_whatever_the_names_say(tmp_path, best):
    write_model(tmp_path / "model-Q2_K.gguf", best)
    write_model(tmp_path / "model-F32.gguf", "Q8_0")
    write_model(tmp_path / "model-BF16-original.gguf", "Q4_0")
    found = survey(tmp_path)
    assert found.reference.name == "model-Q2_K"
    assert f"highest precision here, {best} by its header" in found.guess
    assert names(found.candidates) == ["model-F32", "model-BF16-original"]


def test_bf16_comes_before_f16_and_f32_before_both(tmp_path):
    for kind in ("F16", "BF16", "F32"):
        write_model(tmp_path / f"m-{kind}.gguf", kind)
    assert survey(tmp_path).reference.name == "m-F32"
    (tmp_path / "m-F32.gguf").unlink()
    assert survey(tmp_path).reference.name == "m-BF16"


def test_without_an_unquantized_file_the_largest_is_taken_and_the_guess_says_so(tmp_path):
    write_model(tmp_path / "a.gguf", "Q4_0")
    write_model(tmp_path / "b.gguf", "Q8_0")
    found = survey(tmp_path)
    assert found.reference.name == "b"
    assert "itself quantized (Q8_0)" in found.guess


def test_an_f16_draft_model_does_not_become_the_reference_of_quants(tmp_path):
    write_model(tmp_path / "big-Q8_0.gguf", "Q8_0", rows=64)
    write_model(tmp_path / "big-Q4_0.gguf", "Q4_0", rows=64)
    write_model(tmp_path / "draft-F16.gguf", "F16", rows=8)
    found = survey(tmp_path)
    assert found.reference.name == "big-Q8_0"
    ((draft, reason),) = found.foreign
    assert draft.name == "draft-F16"
    assert "parameters" in reason


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"architecture": "qwen2"}, "architecture qwen2, the reference has llama"),
        ({"tokens": ("<s>", "a", "b", "x")}, "another tokenizer"),
        ({"tokens": ("<s>", "a", "b", "c", "d")}, "5 vocabulary entries"),
        ({"rows": 40}, "parameters"),
    ],
)
def test_what_cannot_be_held_against_the_reference_has_its_reason(tmp_path, options, reason):
    for kind in ("F16", "Q8_0"):
        write_model(tmp_path / f"own-{kind}.gguf", kind)
    write_model(tmp_path / "other.gguf", "Q4_0", **options)
    found = survey(tmp_path)
    assert names(found.candidates) == ["own-Q8_0"]
    ((model, said),) = found.foreign
    assert (model.name, reason in said) == ("other", True)


def test_files_that_are_no_models_are_left_out_with_the_reason(tmp_path):
    for kind in ("F16", "Q8_0"):
        write_model(tmp_path / f"own-{kind}.gguf", kind)
    write_projector(tmp_path / "mmproj-F16.gguf")
    write_model(tmp_path / "lora.gguf", "F16", texts={"general.type": "adapter"})
    write_model(tmp_path / "imatrix.gguf", "F16", texts={"general.type": "imatrix"})
    (tmp_path / "page.gguf").write_text("<html>")
    (tmp_path / "cut.gguf").write_bytes((tmp_path / "own-F16.gguf").read_bytes()[:900])
    os.mkfifo(tmp_path / "pipe.gguf")
    (tmp_path / "dangling.gguf").symlink_to("nowhere")
    (tmp_path / "z-copy.gguf").symlink_to("own-F16.gguf")
    said = {one.path.name: one.reason for one in survey(tmp_path).left_out}
    assert set(said) == {
        "mmproj-F16.gguf", "lora.gguf", "imatrix.gguf", "page.gguf", "cut.gguf", "pipe.gguf",
        "dangling.gguf", "z-copy.gguf",
    }  # fmt: skip
    for name, word in (
        ("mmproj-F16.gguf", "mmproj"), ("lora.gguf", "adapter"), ("imatrix.gguf", "importance"),
        ("page.gguf", "not a GGUF file"), ("cut.gguf", "cut off"), ("pipe.gguf", "pipe"),
        ("dangling.gguf", "leads nowhere"), ("z-copy.gguf", "the same file as own-F16.gguf"),
    ):  # fmt: skip
        assert word in said[name]


def test_subfolders_are_searched_one_level_down_and_not_the_hidden_ones(tmp_path):
    for place in ("Q8_0", "Q4_0", ".cache", "deep/er"):
        (tmp_path / place).mkdir(parents=True)
    write_model(tmp_path / "model.gguf", "F16")
    write_model(tmp_path / "Q8_0" / "model.gguf", "Q8_0")
    write_model(tmp_path / "Q4_0" / "MODEL.GGUF", "Q4_0")
    write_model(tmp_path / ".cache" / "hidden.gguf", "Q4_0")
    write_model(tmp_path / "deep" / "er" / "deep.gguf", "Q4_0")
    found = survey(tmp_path)
    assert found.reference.name == "model"
    assert names(found.candidates) == ["Q8_0 model", "Q4_0 MODEL"]


def test_a_later_shard_without_its_first_is_said_and_not_a_model(tmp_path):
    for kind in ("F16", "Q8_0"):
        write_model(tmp_path / f"own-{kind}.gguf", kind)
    write_model(tmp_path / "big-00002-of-00002.gguf", "Q4_0")
    found = survey(tmp_path)
    assert names(found.candidates) == ["own-Q8_0"]
    assert "first shard" in found.left_out[0].reason


def test_a_name_that_is_not_utf8_is_said(tmp_path):
    for kind in ("F16", "Q8_0"):
        write_model(tmp_path / f"own-{kind}.gguf", kind)
    write_model(tmp_path / "third.gguf", "Q4_0").rename(tmp_path / "\udcff.gguf")
    (one,) = survey(tmp_path).left_out
    assert "not UTF-8" in one.reason


@pytest.mark.parametrize("kinds", [(), ("F16",)])
def test_too_few_models_say_what_was_there_instead(tmp_path, kinds):
    for kind in kinds:
        write_model(tmp_path / f"own-{kind}.gguf", kind)
    write_projector(tmp_path / "mmproj.gguf")
    with pytest.raises(InputError, match=r"needs a reference and a candidate[\s\S]*mmproj.gguf"):
        survey(tmp_path)


def test_models_that_have_nothing_in_common_are_no_study(tmp_path):
    write_model(tmp_path / "a.gguf", "F16")
    write_model(tmp_path / "b.gguf", "F16", architecture="qwen2")
    with pytest.raises(InputError, match="no two of the 2 models"):
        survey(tmp_path)
