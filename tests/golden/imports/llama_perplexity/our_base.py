"""Write a base file with our own writer, for the tool to score against.

python our_base.py MODEL_GGUF BASE_FILE_WITH_THE_WINDOWS OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from silentzone.backends.base import EngineSettings
from silentzone.backends.gguf.model import read_model
from silentzone.backends.llama_cpp import LlamaCppBackend
from silentzone.records.windows import WindowPlan
from silentzone.store.base_file import BaseFile, BaseFileWriter


def main() -> None:
    model, windows, out = map(Path, sys.argv[1:])
    shape, tokens = BaseFile(windows).shape, np.asarray(BaseFile(windows).tokens)
    settings = EngineSettings(threads=1, batch_tokens=shape.context_length)
    with (
        LlamaCppBackend(model, read_model(model, model.stem), settings) as backend,
        out.open("wb") as file,
    ):
        plan = WindowPlan(
            context_length=shape.context_length,
            first_scored=shape.first_scored,
            add_bos=backend.adds_bos,
        )
        writer = BaseFileWriter(file, tokens, shape.vocabulary_size)
        for window in backend.window_logits([np.ascontiguousarray(one) for one in tokens], plan):
            writer.append(window.logits_TV)
        writer.finish()


if __name__ == "__main__":
    main()
