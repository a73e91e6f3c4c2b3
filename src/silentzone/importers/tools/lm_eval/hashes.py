"""The hashes lm-eval puts into every row, and whether the row still agrees with them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Final

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowHashes:
    """SHA-256 of document, prompt and gold answer as lm-eval forms them; null where unknown."""

    doc: str | None
    prompt: str | None
    target: str | None
    is_doc_other: bool
    """Whether the document that stands in the row has another hash."""
    problem: str | None
    """What in the row contradicts its hash."""

    @property
    def joined(self) -> str | None:
        """What a row adds to the hash of its task; null where one of the three is missing."""
        if self.doc is None or self.prompt is None or self.target is None:
            return None
        return self.doc + self.prompt + self.target


def hashes_of(row: dict[str, Any]) -> RowHashes:
    """Hashes of a row: those that it states, or else what lm-eval would have stated.

    A row with a prompt or gold answer of another hash was edited. A document of another hash is
    told apart, since a task can change its documents after they were hashed.
    """
    try:
        doc = hash_of_document(row["doc"]) if "doc" in row else None
        prompt, target = _hash_of_prompt(row.get("arguments")), _hash_of_target(row)
    except UnicodeEncodeError:
        return _refused("holds half of a surrogate pair, which is no text")
    except (RecursionError, ValueError):
        return _refused("is nested too deeply")
    stated = {name: _stated(row, name) for name in ("doc_hash", "prompt_hash", "target_hash")}
    problem = next(
        (f"`{name}` is no SHA-256" for name, value in stated.items() if value == ""), None
    )
    for name, found, what in (
        ("prompt_hash", prompt, "prompt (the first of `arguments`)"),
        ("target_hash", target, "gold answer (`target`)"),
    ):
        if problem is None and found is not None and stated[name] not in {None, found}:
            problem = f"the {what} is not the one that `{name}` was made of; the row was edited"
    return RowHashes(
        doc=stated["doc_hash"] or doc,
        prompt=stated["prompt_hash"] or prompt,
        target=stated["target_hash"] or target,
        is_doc_other=doc is not None and stated["doc_hash"] not in {None, doc},
        problem=problem,
    )


def hash_of_document(doc: object) -> str:
    """Hash of a document, which names the item in every run."""
    return _sha256(indented(doc))


def indented(value: object, line: str = "\n") -> str:
    """Write what was read from JSON as ``json.dumps(value, indent=2, ensure_ascii=False)`` does.

    That call takes 1.3 to 3.6 times as long, and an import makes one for every row.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    inner = line + "  "
    if isinstance(value, dict) and value:
        pairs = [f"{encode_basestring(key)}: {indented(one, inner)}" for key, one in value.items()]
        return f"{{{inner}{(',' + inner).join(pairs)}{line}}}"
    if isinstance(value, list) and value:
        return f"[{inner}{(',' + inner).join([indented(one, inner) for one in value])}{line}]"
    return json.dumps(value)


def is_text(text: str) -> bool:
    """Whether a text can be written; JSON can hold half of a surrogate pair, which cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hash_of_prompt(arguments: object) -> str | None:
    """Hash of the first text that was put to the model; null where it is no text."""
    first = arguments
    for key in ("gen_args_0", "arg_0"):
        if isinstance(first, dict):
            first = first.get(key)
        elif isinstance(first, list) and first:
            first = first[0]
    if isinstance(first, list) and len(first) == 1:  # a conversation, kept as its JSON text
        first = first[0]
    return _sha256(first) if isinstance(first, str) else None


def _hash_of_target(row: dict[str, Any]) -> str | None:
    """Hash of the gold answer; null where the text it was hashed as cannot be known."""
    if isinstance(row.get("target"), bool | int | str):
        return _sha256(str(row["target"]))
    return None


def _stated(row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else ""


def _refused(problem: str) -> RowHashes:
    return RowHashes(doc=None, prompt=None, target=None, is_doc_other=False, problem=problem)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
