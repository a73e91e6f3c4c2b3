"""The tokenizer of a GGUF file: made by transformers, and put right where llama.cpp differs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import tokenizers
from tokenizers import pre_tokenizers

from silentzone.backends.gguf.header import read_header
from silentzone.backends.gguf.tokens import runs_of_spaces
from silentzone.backends.transformers.gguf import gguf_facts
from silentzone.backends.transformers.quiet import offline_unless, quiet_transformers
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

ENDS_A_TURN: Final = frozenset({
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
    "<EOT>", "<|return|>", "<|call|>", "<|end_of_turn|>", "<|eom_id|>", "<turn|>",
})  # fmt: skip
"""Control tokens with which models end what they say, whether or not their settings name them."""
ENDS_A_TURN_IN_GGUF: Final = ENDS_A_TURN | {"</s>"}
"""llama.cpp takes ``</s>`` for one too, whatever the file says: for Gemma it is a tag of HTML."""
_SPACE: Final = "\u2581"


def load_gguf_tokenizer(path: Path) -> tokenizers.Tokenizer:
    """Tokenizer of a GGUF file, as the library reads one.

    Raises
    ------
    ModelFileError
        If transformers cannot make it.
    """
    # AutoTokenizer gives the same one after reading all metadata with gguf's own reader, which
    # takes many seconds for a quarter of a million tokens.
    from transformers import PreTrainedTokenizerFast

    facts = gguf_facts(path)
    try:
        with quiet_transformers(), offline_unless(may_fetch=False):
            made = PreTrainedTokenizerFast.from_pretrained(
                path.parent, gguf_file=path.name, local_files_only=True
            )
    except Exception as error:  # whatever a file of a stranger sets off in there
        raise ModelFileError(
            f"transformers cannot read the tokenizer of `{path}`: {error!s:.300}",
            hint="run the file with llama_cpp",
        ) from error
    state = json.loads(made.backend_tokenizer.to_str())
    for added in state["added_tokens"]:
        added["special"] |= added["content"] in ENDS_A_TURN_IN_GGUF
    _respell(state, runs_of_spaces(read_header(path)))
    found = tokenizers.Tokenizer.from_str(json.dumps(state))
    if facts.splits_numbers:
        # transformers 5.24 takes GPT-2's words for every GGUF file of byte pairs
        found.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(tokenizers.Regex(r"\p{N}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ])  # fmt: skip
    return found


def _respell(state: dict[str, Any], runs: dict[int, int]) -> None:
    """Find runs of spaces before a text is cut, as the file has them, and not by merging pieces.

    transformers spells these tokens with U+2581 and merges them from two; of forty spaces llama.cpp
    finds the longest run first, and of U+2581 written out in a text none.
    """
    vocabulary = state["model"]["vocab"]
    respelled = {
        _SPACE * length: token
        for token, length in runs.items()
        if vocabulary.get(_SPACE * length) == token
    }
    if not respelled:
        return
    for text, token in respelled.items():
        del vocabulary[text]
        vocabulary[" " * len(text)] = token
        state["added_tokens"].append(
            {
                "id": token,
                "content": " " * len(text),
                "special": False,
                "normalized": False,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
            }
        )
    state["model"]["merges"] = [
        pair
        for pair in state["model"]["merges"]
        if not respelled.keys() & {pair[0], pair[1], pair[0] + pair[1]}
    ]
