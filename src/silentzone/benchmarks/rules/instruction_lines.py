"""Lines of IFEval's own files, as items of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.jsonl import label, ordinary_text, refuse_unknown_fields
from silentzone.benchmarks.rules.instruction_conflicts import least_tokens
from silentzone.benchmarks.rules.instructions import read_instructions
from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.records.items import GeneratedItem

IFEVAL_FIELDS = ("key", "prompt", "instruction_id_list", "kwargs")


def is_ifeval_line(fields: Mapping[str, Any]) -> bool:
    """Whether a line is IFEval's, by the field that no line of ours has."""
    return "instruction_id_list" in fields


def from_ifeval(fields: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Give the fields of our own form: the prompt is the user's message, the key the item's id.

    Raises
    ------
    BenchmarkError
        If a field is missing or unknown, or there is not one ``kwargs`` per instruction.
    """
    refuse_unknown_fields(fields, IFEVAL_FIELDS, where)
    names, kwargs = fields["instruction_id_list"], fields.get("kwargs")
    if not isinstance(names, list) or not isinstance(kwargs, list) or len(names) != len(kwargs):
        raise BenchmarkError(
            f"{where}: `instruction_id_list` and `kwargs` must be lists of the same length"
        )
    return {
        "item_id": label(fields, "key", where),
        "messages": [{"role": "user", "content": ordinary_text(fields, "prompt", where)}],
        "instructions": [
            {"id": name, "kwargs": given} for name, given in zip(names, kwargs, strict=True)
        ],
    }


def refuse_too_few_tokens(item: GeneratedItem, max_tokens: int | None, where: str) -> None:
    """Refuse an item that asks for more words than its answer may have tokens.

    Raises
    ------
    BenchmarkError
        With both numbers.
    """
    if item.gold.rule != "instructions" or max_tokens is None:
        return
    needed = least_tokens(read_instructions(item.gold.value))
    if needed > max_tokens:
        raise BenchmarkError(
            f"{where}: the answer must have {needed} words and may have {max_tokens} tokens"
        )
