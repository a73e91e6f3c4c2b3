"""A model's tokenizer without its weights: texts to tokens, tokens to bytes, chat template.

A ``tokenizer.json`` is read as it stands, by the library that transformers itself encodes with.
Where there is none, and for GGUF files, transformers makes one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import tokenizers

from silentzone.backends.base import ChatTemplate
from silentzone.backends.transformers.folder import ModelFolder
from silentzone.backends.transformers.gguf import gguf_facts
from silentzone.backends.transformers.gguf_tokenizer import (
    ENDS_A_TURN,
    ENDS_A_TURN_IN_GGUF,
    load_gguf_tokenizer,
)
from silentzone.backends.transformers.quiet import offline_unless, quiet_transformers
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Tokenizer:
    """Tokenizer of a model folder or GGUF file.

    Parameters
    ----------
    path : Path
        The folder, or the file.

    Raises
    ------
    ModelFileError
        If there is none that can be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = ModelFolder(path) if path.is_dir() else None
        self._native = _native(path)
        self._native.no_truncation()
        self._native.no_padding()
        self._added = self._native.get_added_tokens_decoder()

    @cached_property
    def bos(self) -> int | None:
        """Token that the model wants in front of a text; null where it wants none."""
        wanted, bos = self._habit()
        with_special = self._native.encode("", add_special_tokens=True).ids
        if wanted is None:
            is_special = bool(with_special) and self._is_control(with_special[0])
            # a tokenizer that only appends its end would show that token alone
            return with_special[0] if is_special and with_special[0] != self._eos else None
        return bos if wanted else None

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end an answer."""
        found = {self._eos, *self._configured_ends()}
        known = ENDS_A_TURN_IN_GGUF if self._folder is None else ENDS_A_TURN
        found |= {token for token in self._added if self._added[token].content in known}
        return frozenset(token for token in found if token is not None)

    def tokenize(self, text: str, *, with_control: bool) -> NDArray[np.int32]:
        """Token ids of a text without BOS; control tokens written out in it are read if asked."""
        self._native.encode_special_tokens = not with_control
        ids = self._native.encode(text, add_special_tokens=False).ids
        return np.array(ids, np.int32)

    def with_bos(self, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
        """Tokens with BOS in front where the model has the habit."""
        if self.bos is None:
            return tokens
        return np.concatenate(([self.bos], tokens)).astype(np.int32)

    def token_bytes(self, token: int) -> bytes:
        """Bytes a token stands for; empty for control tokens and for padding of the vocabulary."""
        added = self._added.get(token)
        if added is not None:
            return b"" if added.special else str(added.content).encode()
        written = self._native.id_to_token(token)
        if written is None:
            return b""
        if self._is_byte_level:
            return b"".join(_BYTES.get(c, c.encode()) for c in str(written))
        if len(written) == 6 and written.startswith("<0x") and written.endswith(">"):
            return bytes.fromhex(written[3:5])
        return str(written).replace("\u2581", " ").encode()

    def piece(self, token: int) -> bytes | None:
        """Bytes of a token that was generated; null for one that ends a text."""
        return None if token in self.ends else self.token_bytes(token)

    def chat_template(self) -> ChatTemplate | None:
        """Template of the model's own files; null where there is none."""
        if self._folder is None:
            source, bos, eos = gguf_facts(self._path).chat
        else:
            source = self._folder.chat_template()
            bos, eos = (self._token_id(self._named(key)) for key in ("bos_token", "eos_token"))
        if source is None:
            return None
        texts = ("" if token is None else self._native.id_to_token(token) for token in (bos, eos))
        bos_text, eos_text = (text or "" for text in texts)
        return ChatTemplate(source=source, bos_token=bos_text, eos_token=eos_text)

    @cached_property
    def _eos(self) -> int | None:
        if self._folder is None:
            return gguf_facts(self._path).chat[2]
        return self._token_id(self._named("eos_token"))

    @cached_property
    def _is_byte_level(self) -> bool:
        decoder = self._native.decoder
        state = "{}" if decoder is None else decoder.__getstate__()
        return '"ByteLevel"' in (state.decode() if isinstance(state, bytes) else str(state))

    def _habit(self) -> tuple[bool | None, int | None]:
        """Whether BOS is put in front, null where only the tokenizer itself knows, and which."""
        if self._folder is None:
            facts = gguf_facts(self._path)
            return facts.adds_bos, facts.chat[1]
        wanted = self._folder.json("tokenizer_config.json").get("add_bos_token")
        bos = self._token_id(self._named("bos_token"))
        return (True if wanted is True and bos is not None else None), bos

    def _configured_ends(self) -> list[int]:
        """End tokens of the settings for generation, and of the model's own."""
        if self._folder is None:
            return []
        found: list[Any] = []
        for settings in (self._folder.json("generation_config.json"), self._folder.text_config):
            value = settings.get("eos_token_id")
            found += value if isinstance(value, list) else [value]
        return [token for token in found if type(token) is int]

    def _named(self, key: str) -> str | None:
        """Text of a special token by its name in the settings."""
        assert self._folder is not None
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            value = self._folder.json(name).get(key)
            value = value.get("content") if isinstance(value, dict) else value
            if isinstance(value, str):
                return value
        return None

    def _token_id(self, text: str | None) -> int | None:
        found = None if text is None else self._native.token_to_id(text)
        return None if found is None else int(found)

    def _is_control(self, token: int) -> bool:
        return token in self._added and bool(self._added[token].special)


def _native(path: Path) -> Any:  # noqa: ANN401 - a type of another library
    if not path.is_dir():
        return load_gguf_tokenizer(path)
    own = path / "tokenizer.json"
    if own.is_file():
        try:
            return tokenizers.Tokenizer.from_file(str(own))
        except Exception as error:  # the library raises nothing narrower
            raise ModelFileError(f"`{own}` is no tokenizer: {error!s:.300}") from error
    from transformers import AutoTokenizer

    try:
        with quiet_transformers(), offline_unless(may_fetch=False):
            made = AutoTokenizer.from_pretrained(
                path, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # whatever a file of a stranger sets off in there
        raise ModelFileError(
            f"transformers cannot read the tokenizer of `{path}`: {error!s:.300}",
            hint="save it as tokenizer.json beside the model",
        ) from error
    native = getattr(made, "backend_tokenizer", None)
    if native is None:
        raise ModelFileError(
            f"the tokenizer of `{path}` is not of the kind that a tokenizer.json holds",
            hint="convert it: AutoTokenizer.from_pretrained(folder, use_fast=True), then save it",
        )
    return tokenizers.Tokenizer.from_str(native.to_str())


def _byte_characters() -> dict[str, bytes]:
    """Byte of each character with which byte-level tokenizers write one.

    Printable Latin-1 stands for itself, the rest for the characters from 256 on, in order.
    """
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    written = {chr(byte): bytes([byte]) for byte in plain}
    return written | {chr(256 + k): bytes([byte]) for k, byte in enumerate(others)}


_BYTES: Final = _byte_characters()
