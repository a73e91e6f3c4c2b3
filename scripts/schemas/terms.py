"""The words in which the schemas are written; each gives a piece of JSON Schema 2020-12.

An object has all of its fields and no others, so that a file and its schema cannot drift apart.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number"}
SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
YES_NO: Final[Schema] = {"type": "boolean"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
ESTIMATE: Final[Schema] = {"$ref": "#/$defs/estimate"}
INTERVAL: Final[Schema] = {
    "type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2, "description": "low, high",
}  # fmt: skip


def said(schema: Schema, description: str) -> Schema:
    """Give a schema with a description."""
    return {**schema, "description": description}


def one_of(*values: str) -> Schema:
    """One of a closed list of texts."""
    return {"enum": list(values)}


def maybe(schema: Schema) -> Schema:
    """Allow null, which is what could not be had."""
    return {"anyOf": [schema, {"type": "null"}]}


def rows(description: str = "", /, **fields: Schema) -> Schema:
    """List of objects."""
    found: Schema = {"type": "array", "items": record(**fields)}
    return said(found, description) if description else found


def record(**fields: Schema) -> Schema:
    """Object with exactly these fields; one whose name ends in ``_or_absent`` may be absent."""
    names = {name.removesuffix("_or_absent"): schema for name, schema in fields.items()}
    return {
        "type": "object",
        "properties": names,
        "required": [name for name in fields if not name.endswith("_or_absent")],
        "additionalProperties": False,
    }


def table_of(schema: Schema) -> Schema:
    """Object with any names and values of one kind."""
    return {"type": "object", "additionalProperties": schema}


def document(
    title: str, version: int, definitions: Mapping[str, Schema], /, **fields: Schema
) -> Schema:
    """Whole file."""
    found: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **record(schema_version={"const": version}, **fields),
    }
    return {**found, "$defs": dict(definitions)} if definitions else found


ESTIMATE_DEFINITION: Final = said(
    record(
        value=maybe(NUMBER),
        standard_error=maybe({"type": "number", "minimum": 0}),
        interval=maybe(INTERVAL),
        method=said(TEXT, "how value, error and interval were found"),
        n_observations=COUNT,
        n_clusters=said(maybe(COUNT), "independent groups of observations; null where not known"),
        confidence=said(SHARE, "of the interval"),
        cautions=said(TEXTS, "why something is missing, or to be read with care"),
    ),
    "A number with its uncertainty.",
)


def of_dataclass(kind: type) -> Schema:
    """Object of a frozen dataclass of the package, described by the texts below its fields."""
    hints = typing.get_type_hints(kind, localns=_names(kind))
    texts = _field_texts(kind)
    fields = {}
    for one in dataclasses.fields(kind):
        schema = _of_type(hints[one.name])
        fields[one.name] = said(schema, texts[one.name]) if one.name in texts else schema
    return record(**fields)


def _names(kind: type) -> dict[str, Any]:
    """Names that a module imports for type checkers alone."""
    module = sys.modules[kind.__module__]
    found: dict[str, Any] = {"Mapping": Mapping}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("silentzone"):
            source = __import__(node.module or "", fromlist=["*"])
            found |= {alias.name: getattr(source, alias.name) for alias in node.names}
    return found


def _field_texts(kind: type) -> dict[str, str]:
    """Docstrings that stand below the fields of a dataclass."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            found[field.target.id] = " ".join(str(text.value.value).replace("``", "").split())
    return found


def _of_type(hint: Any) -> Schema:  # noqa: ANN401 - any annotation
    simple = {str: TEXT, int: {"type": "integer"}, float: NUMBER, bool: YES_NO}
    if hint in simple:
        return simple[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        inner = [one for one in arguments if one is not type(None)]
        return maybe(_of_type(inner[0]))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": _of_type(arguments[0])}
        return {"type": "array", "items": _of_type(arguments[0]),
                "minItems": len(arguments), "maxItems": len(arguments)}  # fmt: skip
    if origin is Mapping:
        return table_of(_of_type(arguments[1]))
    if dataclasses.is_dataclass(hint):
        return of_dataclass(typing.cast("type", hint))
    raise TypeError(f"no schema for {hint}")
