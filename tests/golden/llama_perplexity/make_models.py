"""Make the models of the golden: F16 from the published Q4_1 file, the others from the F16.

python make_models.py SMOLLM2_Q4_1_GGUF FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from silentzone.backends.llama_cpp.quantize import QuantRecipe, quantize

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
quantize(
    source,
    folder / "F16.gguf",
    QuantRecipe(name="F16", file_type="F16", allow_requantize=True),
    threads=2,
)
for name in ("Q8_0", "Q5_1", "Q4_0"):
    recipe = QuantRecipe(name=name, file_type=name)
    quantize(folder / "F16.gguf", folder / f"{name}.gguf", recipe, threads=2)
