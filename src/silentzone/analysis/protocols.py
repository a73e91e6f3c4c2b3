"""Refuse to lay side by side what was measured under different protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.errors import ProtocolMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.records.parts import PartKey

MODEL_FIELDS = ("candidate_", "model_")
"""Beginnings of the fields that say which model was measured, and so may differ."""
_OWN_ENGINE = "model_engine"
"""Beginning of the fields about a model's engine, where that is not the reference's."""


def require_same_protocol(keys: Mapping[str, PartKey], *, where: str) -> None:
    """Check that parts agree in every protocol field that is not the model's identity.

    Parameters
    ----------
    keys : mapping of str to PartKey
        Model name to the key of its part.
    where : str
        What the parts are of, for the message.

    Raises
    ------
    ProtocolMismatchError
        Naming the field, both models and both values.
    """
    models = list(keys)
    _require_one_form_of_each_engine(keys, where)
    for model in models[1:]:
        first, second = keys[models[0]], keys[model]
        if first.kind != second.kind:
            raise _mismatch("kind", where, (models[0], first.kind), (model, second.kind))
        left, right = _shared_fields(first), _shared_fields(second)
        for field in sorted({*left, *right}):
            if left.get(field) != right.get(field):
                raise _mismatch(
                    field, where, (models[0], left.get(field)), (model, right.get(field))
                )


def _require_one_form_of_each_engine(keys: Mapping[str, PartKey], where: str) -> None:
    """Check that models of one engine, that is not the reference's, ran it in the same way."""
    first: dict[str, tuple[str, dict[str, str]]] = {}
    for model, key in keys.items():
        own = {name: value for name, value in key.protocol if name.startswith(_OWN_ENGINE)}
        engine = own.get(_OWN_ENGINE)
        if engine is None:
            continue
        other, known = first.setdefault(engine, (model, own))
        for field in sorted({*own, *known}):
            if own.get(field) != known.get(field):
                raise _mismatch(field, where, (other, known.get(field)), (model, own.get(field)))


def _shared_fields(key: PartKey) -> dict[str, str]:
    return {name: value for name, value in key.protocol if not name.startswith(MODEL_FIELDS)}


def _mismatch(
    field: str, where: str, first: tuple[str, str | None], second: tuple[str, str | None]
) -> ProtocolMismatchError:
    return ProtocolMismatchError(
        f"`{field}` of {where} must be the same for all models; it is {first[1]!r} for "
        f"`{first[0]}` and {second[1]!r} for `{second[0]}`.",
        hint="run the study again, so that all models are measured under one protocol",
    )
