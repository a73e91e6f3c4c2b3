from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.backends.gguf.head_tensor import final_logit_softcapping, head_tensor
from silentzone.backends.gguf.model import read_model
from silentzone.backends.llama_cpp.kv_cache import kv_cache_bytes, kv_cache_obstacle
from silentzone.errors import ModelFileError


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _small_model() -> bytes:
    """Two tokens of width 32 and one layer, written byte by byte."""
    tokens = _text("a") + _text("b")
    keys = [
        _text("general.architecture") + struct.pack("<I", 8) + _text("llama"),
        _text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + tokens,
        _text("tokenizer.ggml.token_type") + struct.pack("<IIQii", 9, 5, 2, 1, 1),
        _text("tokenizer.ggml.add_bos_token") + struct.pack("<I?", 7, True),
        _text("general.license") + struct.pack("<I", 8) + _text("mit"),
        _text("llama.final_logit_softcapping") + struct.pack("<If", 6, 30.0),
    ]
    for key, value in (
        ("block_count", 1), ("embedding_length", 32), ("attention.head_count", 2),
    ):  # fmt: skip
        keys.append(_text(f"llama.{key}") + struct.pack("<II", 4, value))
    tensors = [
        _text("token_embd.weight") + struct.pack("<IQQIQ", 2, 32, 2, 8, 0),
        _text("output.bias") + struct.pack("<IQIQ", 1, 2, 0, 96),
    ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    header += b"".join(keys) + b"".join(tensors)
    return header + bytes(-len(header) % 32) + bytes(96) + struct.pack("<ff", 0.5, 1.5)


MODEL = _small_model()
_damage = st.lists(
    st.tuples(st.integers(0, len(MODEL) - 1), st.binary(min_size=1, max_size=8)), max_size=4
)


def _try(content: bytes) -> bool:
    """Whether the file can be used; anything but success or ModelFileError escapes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        path.write_bytes(content)
        try:
            ref = read_model(path, "m")
            head = head_tensor(path)
            final_logit_softcapping(path)
            size = kv_cache_bytes(path, 512)
        except ModelFileError:
            return False
        assert ref.file_bytes == len(content)
        assert head.data.nbytes <= len(content)
        assert (size is None) == (kv_cache_obstacle(path) is not None)
        return True


def test_the_undamaged_model_is_usable() -> None:
    assert _try(MODEL)


@given(_damage)
@settings(max_examples=600, deadline=None)
def test_damaged_bytes_give_a_result_or_a_model_file_error(
    damage: list[tuple[int, bytes]],
) -> None:
    content = bytearray(MODEL)
    for at, piece in damage:
        content[at : at + len(piece)] = piece
    _try(bytes(content))


@given(st.integers(0, len(MODEL) - 1))
@settings(max_examples=200, deadline=None)
def test_every_truncation_is_refused(length: int) -> None:
    assert not _try(MODEL[:length])
