"""What the tests on a real model share: quants made once, and a worker's job for one model."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from tests.golden.llama_perplexity.made_text import made_text

from silentzone.backends.base import EngineSettings, LogitBackend
from silentzone.backends.gguf.model import read_model
from silentzone.backends.gguf.output_head import load_output_head
from silentzone.measure.jobs import CorpusJob
from silentzone.measure.protocol import trace_key
from silentzone.measure.reference import write_trace
from silentzone.metrics.kernels import set_threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from silentzone.store.folder import StudyFolder
    from silentzone.store.traces import ReferenceTrace

THREADS = min(4, len(os.sched_getaffinity(0)))


def opened(path: Path, settings: EngineSettings) -> LogitBackend:
    """Load a GGUF file; use as a context manager."""
    from silentzone.backends.llama_cpp import LlamaCppBackend

    return LlamaCppBackend(path, read_model(path, path.stem), settings)


def corpus_job(path: Path, text: Path, windows: int | None = 8) -> CorpusJob:
    """Corpus of a text in llama-perplexity's windows of 512 tokens."""
    return CorpusJob(
        name="made",
        path=str(text),
        text_sha256=hashlib.sha256(text.read_bytes()).hexdigest(),
        tokenizer_sha256=read_model(path, path.stem).tokenizer_sha256,
        context_length=512,
        windows=windows,
        select="first",
        documents="none",
        first_scored=256,
    )


def reference_trace(
    path: Path,
    text: Path,
    folder: StudyFolder,
    settings: EngineSettings,
    windows: int | None = 8,
) -> ReferenceTrace:
    """Reference pass of a file over the first windows of a text, stored."""
    job = corpus_job(path, text, windows)
    with opened(path, settings) as backend:
        key = trace_key(backend.model, job, backend.info)
        head = load_output_head(path)
        return write_trace(backend, head, folder, job, key, lambda _done, _total: None)


@pytest.fixture(scope="session")
def settings() -> EngineSettings:
    """Engine settings of every test here."""
    set_threads(THREADS)
    return EngineSettings(threads=THREADS)


@pytest.fixture(scope="session")
def made_text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The text of the llama-perplexity golden: 8 windows of 512 tokens and a rest."""
    path = tmp_path_factory.mktemp("text") / "made.txt"
    path.write_bytes(made_text().encode("ascii"))
    return path


@pytest.fixture(scope="session")
def smollm2_as(
    smollm2_f16: Path, smollm2_q8_0: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """SmolLM2 in any type, quantized from the F16 file once per session."""
    from silentzone.backends.llama_cpp.quantize import QuantRecipe, quantize

    folder = tmp_path_factory.mktemp("models")
    made = {"F16": smollm2_f16, "Q8_0": smollm2_q8_0}

    def give(file_type: str) -> Path:
        if file_type not in made:
            target = folder / f"{file_type}.gguf"
            recipe = QuantRecipe(name=file_type, file_type=file_type)
            quantize(smollm2_f16, target, recipe, threads=THREADS)
            made[file_type] = target
        return made[file_type]

    return give
