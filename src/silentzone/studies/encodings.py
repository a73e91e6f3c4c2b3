"""Whether two models read texts as the same tokens, told by encoding them.

Two engines keep a tokenizer in different files, and two quantizers save it in different forms:
neither a name nor a hash tells whether they encode alike. What they make of texts does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.registry import engine_named
from silentzone.execution.processes import run_in_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from silentzone.backends.registry import Engine

PROBES: Final = (
    "The quick brown fox, 2024-01-31: it's 3.14159 or 1,234,567.89?",
    "  two spaces, a tab\t, three lines\n\n\nand a trailing one \r\n",
    "I'll we've don't CAN'T y'all\u2019s \u201cquoted\u201d \u2014 dashes \u2026",
    "Üñïcödé, naïve café, e\u0301 decomposed, ﬁ ligature, ½ ² ①",
    "中文字符,日本語のテキスト、한국어 텍스트",
    "مرحبا بالعالم हिन्दी में लिखा ไทย עברית",
    "🙂👩‍👩‍👧‍👦🏳️‍🌈 \u200b zero width, \ufeff mark",
    "def f(x):\n    return x**2 + foo[-1]  # comment\n\tif (a && b) { c->d = 0x1F; }",
    "<|im_start|>user\nhi<|im_end|> <s> </s> <bos> [INST] <|eot_id|>",
    "https://example.org/a/b?c=1&d=%20#e  a_b-c.d@example.org",
    "aaaaaaaaaaaaaaaaaaaaaaaa AAAAAAAAAAAA 000000000000 ------------",
    " leading space",
    "x",
    "",
)
"""Texts at which tokenizers that look alike have come apart."""
_MOST_CHARACTERS: Final = 2**20
"""Of each corpus."""
_TASK: Final = "silentzone.studies.encodings:encode_task"


class Encodings:
    """Compares the encodings of models on the same texts; each is made once.

    Parameters
    ----------
    texts : mapping of str to str
        What each text is called, for messages, and the text.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        probes = {f"the probe {text[:40]!r}": text for text in PROBES}
        self._texts = {**probes, **{name: text[:_MOST_CHARACTERS] for name, text in texts.items()}}
        self._made: dict[tuple[str, str], list[str]] = {}

    def difference(
        self, first: tuple[Engine, Path, str], second: tuple[Engine, Path, str]
    ) -> str | None:
        """Name of the first text that two models encode differently; null where there is none.

        Parameters
        ----------
        first, second : tuple
            Engine, path, and hash of the tokenizer's files.

        Raises
        ------
        SilentzoneError
            If a tokenizer cannot be used.
        """
        pairs = zip(self._texts, self._of(*first), self._of(*second), strict=True)
        return next((name for name, own, other in pairs if own != other), None)

    def _of(self, engine: Engine, path: Path, tokenizer_sha256: str) -> list[str]:
        known = (engine.name, tokenizer_sha256)
        if known not in self._made:
            payload = {"backend": engine.name, "path": str(path), "texts": [*self._texts.values()]}
            found = run_in_worker(_TASK, payload, what=f"the tokenizer of `{path.name}`")
            self._made[known] = found["hashes"]
        return self._made[known]


def encode_task(
    payload: dict[str, Any],
    emit: Callable[[dict[str, Any]], None],  # noqa: ARG001 - every task's form
) -> dict[str, Any]:
    """Encode texts; the task of a worker process, for a tokenizer may crash like any native code.

    Returns
    -------
    dict
        ``hashes``: one per text, over its token ids with BOS where the model has the habit.
    """
    encode = engine_named(payload["backend"]).encode
    assert encode is not None, "asked by whoever calls this"
    encoded = encode(Path(payload["path"]), payload["texts"])
    hashes = [hashlib.sha256(tokens.astype("<i4").tobytes()).hexdigest() for tokens in encoded]
    return {"hashes": hashes}
