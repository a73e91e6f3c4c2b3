from __future__ import annotations

import subprocess
import sys

import pytest

import silentzone.backends.llama_cpp as package


def test_inspecting_files_loads_no_native_code() -> None:
    code = (
        "import sys\n"
        "import silentzone.backends.gguf.model\n"
        "import silentzone.backends.llama_cpp.quantize\n"
        "assert 'llama_cpp' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LamaBackend'"):
        _ = package.LamaBackend
