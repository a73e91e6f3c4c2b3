"""A loaded model's vocabulary: texts to tokens, tokens to bytes, and its chat template."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import llama_cpp as native
import numpy as np

from silentzone.backends.base import ChatTemplate
from silentzone.errors import MeasurementError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIECE_BYTES = 512


class Vocabulary:
    """Vocabulary of a model that is loaded; not to be used after the model is freed."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - a ctypes pointer
        self._model = model
        self._vocab = native.llama_model_get_vocab(model)
        self.size = int(native.llama_vocab_n_tokens(self._vocab))
        self.adds_bos = bool(native.llama_vocab_get_add_bos(self._vocab))
        self.bos = int(native.llama_vocab_bos(self._vocab))

    def tokenize(self, text: str, *, with_control: bool) -> NDArray[np.int32]:
        """Token ids of a text without BOS; control tokens written out in it are read if asked."""
        data = text.encode()
        size = len(data) + 16
        buffer = (native.llama_token * size)()
        count = native.llama_tokenize(
            self._vocab, data, len(data), buffer, size, False, with_control
        )
        if count < 0:
            raise MeasurementError(f"llama.cpp could not tokenize a text of {len(data)} bytes.")
        return np.ctypeslib.as_array(buffer)[:count].astype(np.int32)

    def with_bos(self, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
        """Tokens with BOS in front where the vocabulary has the habit."""
        return np.concatenate(([self.bos], tokens)).astype(np.int32) if self.adds_bos else tokens

    def token_bytes(self, token: int) -> bytes:
        """Bytes a token stands for; empty for control tokens."""
        size = _PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = native.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def piece(self, token: int) -> bytes | None:
        """Bytes of a token that was generated; null for one that ends a text."""
        return None if native.llama_vocab_is_eog(self._vocab, token) else self.token_bytes(token)

    def chat_template(self) -> ChatTemplate | None:
        """Template of the model's own metadata; null where it has none."""
        source = native.llama_model_chat_template(self._model, None)
        if source is None:
            return None
        bos, eos = (
            "" if token < 0 else native.llama_vocab_get_text(self._vocab, token).decode()
            for token in (self.bos, int(native.llama_vocab_eos(self._vocab)))
        )
        return ChatTemplate(source=source.decode(), bos_token=bos, eos_token=eos)
