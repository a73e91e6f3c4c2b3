"""The comparability gate: whether two models' answers, or two fidelity rows, are about the same.

Answers of two models may be laid side by side if what was asked is proved to be the same: settings
that must agree do, and either both files hash the prompts, or both name the same set of items by
its hash, or both stand in one file. Everything else needs the user's word, which is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyarrow import compute

from silentzone.errors import ProtocolMismatchError
from silentzone.importers.problems import listed, shown
from silentzone.store.compact import compact_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROMPT: Final = "prompt"
TARGET: Final = "target"
IDS: Final = "ids"
ITEMS_HASH: Final = "items_sha256"
"""The setting that names a whole set of items by its hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one model was asked of a benchmark."""

    model: str
    benchmark: str
    settings: Mapping[str, str]
    item_ids: Sequence[str | None]
    prompts: Sequence[str | None] | None
    targets: Sequence[str | None] | None
    files: frozenset[str]
    """SHA-256 of the files the answers were read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A difference that the user accepted."""

    field: str
    against: str
    """Model that the answers were held against."""
    held: str
    new: str


@dataclass(slots=True, kw_only=True)
class Alignment:
    """How one model's items lie beside those of the models that are there."""

    shared: int
    """Distinct items that the model shares with the one it was held against."""
    own: int
    against: str
    overrides: list[Override] = field(default_factory=list)
    proof: str = "prompt hashes"


def align(held: Asked, new: Asked, accepted: Iterable[str]) -> Alignment:
    """Prove that two models were asked the same.

    Parameters
    ----------
    held, new : Asked
        The same benchmark of two models.
    accepted : iterable of str
        Fields in which the user lets them differ: names of settings, ``prompt``, ``target``, and
        ``ids`` for items that are known by their names alone.

    Raises
    ------
    ProtocolMismatchError
        If they differ elsewhere; names the field, both values and the option that lets them.
    """
    allowed = set(accepted)
    held_ids, new_ids = compact_texts(held.item_ids), compact_texts(new.item_ids)
    found = Alignment(shared=0, own=new_ids.n_distinct, against=held.model)
    _require_settings(held, new, allowed, found)
    found.shared = new_ids.where(compute.is_in(new_ids.arrow, held_ids.arrow)).n_distinct
    if not found.shared:
        raise ProtocolMismatchError(
            f"`{new.model}` and `{held.model}` share no item of `{new.benchmark}`: the one has "
            f"{listed(map(shown, list(new.item_ids)[:3]))} ..., the other "
            f"{listed(map(shown, list(held.item_ids)[:3]))} ...",
            hint="import answers to the same items, or give one of them another --benchmark",
        )
    _require_targets(held, new, allowed, found)
    _require_prompts(held, new, allowed, found)
    return found


def _require_settings(held: Asked, new: Asked, allowed: set[str], found: Alignment) -> None:
    for name in sorted(held.settings.keys() | new.settings.keys()):
        values = held.settings.get(name, "not stated"), new.settings.get(name, "not stated")
        if values[0] == values[1]:
            continue
        if name not in allowed:
            raise ProtocolMismatchError(
                f"`{new.benchmark}` was asked otherwise of `{new.model}` than of `{held.model}`: "
                f"`{name}` is {shown(values[1])} there and {shown(values[0])} here",
                hint=f"run one of them again with the same {name}, or let them differ and have it "
                f"recorded: --accept {name}",
            )
        found.overrides.append(
            Override(field=name, against=held.model, held=values[0], new=values[1])
        )


def _require_targets(held: Asked, new: Asked, allowed: set[str], found: Alignment) -> None:
    if held.targets is None or new.targets is None:
        return
    _require_equal(held, new, (held.targets, new.targets), TARGET, allowed, found)


def _require_prompts(held: Asked, new: Asked, allowed: set[str], found: Alignment) -> None:
    if held.prompts is not None and new.prompts is not None:
        unknown = _require_equal(held, new, (held.prompts, new.prompts), PROMPT, allowed, found)
        if not unknown:
            return
    if held.files & new.files:
        found.proof = "one file"
    elif ITEMS_HASH in held.settings and held.settings[ITEMS_HASH] == new.settings.get(ITEMS_HASH):
        found.proof = "hash of the set of items"
    elif IDS in allowed:
        found.proof = "names of items alone"
        found.overrides.append(
            Override(field=IDS, against=held.model, held="no prompt hash", new="no prompt hash")
        )
    else:
        raise ProtocolMismatchError(
            f"nothing in the files proves that `{new.model}` and `{held.model}` were asked the "
            f"same items of `{new.benchmark}`: only the names of the items are equal",
            hint="if the names can be trusted, say so and have it recorded: --accept ids",
        )


def _require_equal(
    held: Asked,
    new: Asked,
    values: tuple[Sequence[str | None], Sequence[str | None]],
    what: str,
    allowed: set[str],
    found: Alignment,
) -> bool:
    """Compare hashes item by item; whether some shared item lacks one."""
    own, theirs = (compact_texts(one).arrow for one in values)
    is_hashed = compute.is_valid(own)
    new_ids = compact_texts(new.item_ids)
    places = compute.index_in(
        new_ids.arrow, value_set=compact_texts(held.item_ids).where(is_hashed).arrow
    )
    own = compute.take(own.filter(is_hashed), places)
    # Null, and so neither, where one of the two has no hash.
    differing = new_ids.where(compute.not_equal(own, theirs))
    known = new_ids.where(compute.and_(compute.is_valid(own), compute.is_valid(theirs)))
    if len(differing):
        count = differing.n_distinct
        if what not in allowed:
            raise ProtocolMismatchError(
                f"the {what} of item {shown(differing[0])} of `{new.benchmark}` is not the same "
                f"for `{new.model}` and `{held.model}`; it differs in {count:,} of "
                f"{found.shared:,} shared items",
                hint="run one of them again (another template or number of examples is the usual "
                f"cause), or let them differ and have it recorded: --accept {what}",
            )
        found.overrides.append(
            Override(
                field=what, against=held.model, held="as hashed there", new=f"{count} items differ"
            )
        )
    return known.n_distinct < found.shared
