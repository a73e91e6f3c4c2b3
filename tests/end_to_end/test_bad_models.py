"""Files that are no models, given to the commands' own functions: one clear sentence each."""

from __future__ import annotations

import struct

import gguf
import numpy as np
import pytest
from tests.end_to_end.fake_studies import Listener, refuse_to_run

from silentzone.errors import InputError, MeasurementError, ModelFileError
from silentzone.studies.compare import compare_models
from silentzone.studies.config import parse_config
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

pytestmark = pytest.mark.usefixtures("llama_cpp_version")


def _tiny_gguf(path):
    """A whole GGUF file with a vocabulary of eight and an output head, but no layers to run."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_head_count(1)
    writer.add_feed_forward_length(32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"t{k}" for k in range(8)])
    for name in ("token_embd.weight", "output.weight"):
        writer.add_tensor(name, np.ones((8, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _make(folder, kind):
    path = folder / f"{kind}.gguf"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no model\n" * 100, "utf-8")
    elif kind == "folder":
        path.mkdir()
    elif kind == "cut":
        path.write_bytes(_tiny_gguf(folder / "whole.gguf").read_bytes()[:-200])
    elif kind == "header":
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60))
    return path


KINDS = ["missing", "empty", "text", "folder", "cut", "header"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("silentzone.studies.measuring.run_in_worker", refuse_to_run)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "text.txt").write_text("some words of a text " * 50, "utf-8")
    return tmp_path / "in"


def _is_one_clear_sentence(message, path):
    assert str(path) in message or path.name in message
    assert "Traceback" not in message
    assert "\n" not in message
    assert len(message) < 400 + len(str(path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reference_that_cannot_be_read_is_one_error(folder, kind):
    path = _make(folder, kind)
    with pytest.raises(ModelFileError) as caught:
        compare_models(
            path,
            [_tiny_gguf(folder / "candidate.gguf")],
            folder / "text.txt",
            context_length=64,
            windows=1,
            threads=1,
            progress=SilentProgress(),
        )
    _is_one_clear_sentence(caught.value.message, path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_candidate_that_cannot_be_read_leaves_nothing_to_compare(folder, kind):
    path = _make(folder, kind)
    with pytest.raises(MeasurementError, match="no candidate can be measured") as caught:
        compare_models(
            _tiny_gguf(folder / "reference.gguf"),
            [path],
            folder / "text.txt",
            context_length=64,
            windows=1,
            threads=1,
            progress=SilentProgress(),
        )
    _is_one_clear_sentence(caught.value.message, path)


def _run(folder, reference, candidate, out, listener):
    mapping = {
        "study": {"name": "bad", "seed": 1},
        "reference": {"name": "one", "path": reference.name},
        "candidates": [{"name": "two", "path": candidate.name}],
        "corpora": [{"name": "text", "path": "text.txt", "context_length": 64}],
    }
    run_study(parse_config(mapping, folder), out, progress=listener, command="silentzone run")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ["reference", "candidate"])
def test_a_study_with_a_file_that_cannot_be_read_says_which(folder, tmp_path, kind, role):
    bad, good = _make(folder, kind), _tiny_gguf(folder / "good.gguf")
    reference, candidate = (bad, good) if role == "reference" else (good, bad)
    listener = Listener()
    with pytest.raises((InputError, MeasurementError)) as caught:
        _run(folder, reference, candidate, tmp_path / "out", listener)
    _is_one_clear_sentence(caught.value.message, bad)
    if isinstance(caught.value, MeasurementError):
        assert any(note.startswith("two: ") for note in listener.notes)
    assert not (tmp_path / "out" / "tables").exists()


def test_a_model_that_the_engine_cannot_load_is_one_error(folder, tmp_path, monkeypatch):
    monkeypatch.undo()
    reference = _tiny_gguf(folder / "one.gguf")
    candidate = _tiny_gguf(folder / "two.gguf")
    expected = r"the reference `one` could not be measured: llama.cpp could not load `one\.gguf`"
    with pytest.raises(ModelFileError, match=expected) as caught:
        _run(folder, reference, candidate, tmp_path / "out", Listener())
    assert "key not found in model: llama.attention" in caught.value.message
    assert "Traceback" not in caught.value.message
    assert caught.value.hint
