"""The tables of the files a study is about now, not of files that once had their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from silentzone.store.tables import read_part_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.records.tables import TableSchema
    from silentzone.store.folder import StudyFolder
    from silentzone.store.tables import StoredTable

_MODEL_HASHES = ("model_sha256", "candidate_sha256")
_CACHE = ("cache_k", "cache_v", "engine")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CurrentParts:
    """Tables of a study folder that belong to the models of its manifest.

    A file may be replaced under its old name; if the new one could not be measured, the table of
    the old one still lies in its place and must not speak for it.
    """

    folder: StudyFolder
    sha256: Mapping[str, str]
    """Content hash of every model of the manifest, by name."""
    caches: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    """Types in which a model's keys and values were cached, and its engine, by name; left out, the
    engine's own types and the reference's engine."""
    reference: str
    """Name of the reference."""
    stale: set[tuple[str, str, str]] = field(default_factory=set)
    """Kind, corpus or benchmark, and model of every table passed over so far."""

    @staticmethod
    def of(folder: StudyFolder, manifest: Mapping[str, Any]) -> CurrentParts:
        """Tables of the models that a manifest names."""
        models = (manifest["reference"], *manifest["candidates"])
        return CurrentParts(
            folder=folder,
            sha256={str(one["name"]): one["sha256"] for one in models},
            reference=str(manifest["reference"]["name"]),
            caches={str(one["name"]): {key: one.get(key) for key in _CACHE} for one in models},
        )

    def has_table(self, schema: TableSchema, group: str, model: str) -> bool:
        """Whether there is a table measured on this very model and reference."""
        if not self.folder.has_table(schema, group, model):
            return False
        protocol = dict(
            read_part_key(self.folder.table_path(schema, group, model), schema).protocol
        )
        wanted = {name: self.sha256.get(model) for name in _MODEL_HASHES}
        wanted["reference_sha256"] = self.sha256.get(self.reference)
        cache, no_type = self.caches.get(model, {}), str(None)
        if all(protocol.get(name, value) == value for name, value in wanted.items()) and all(
            protocol.get(f"model_{name}", no_type) == str(cache.get(name)) for name in _CACHE
        ):
            return True
        self.stale.add((schema.name, group, model))
        return False

    def read_table(self, schema: TableSchema, group: str, model: str) -> StoredTable:
        """Read a table of the folder."""
        return self.folder.read_table(schema, group, model)
