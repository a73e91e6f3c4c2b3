"""Identity of a model file and of the engine that runs it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVING = "serving"
"""Lane of a file as it is served, its activations and cache in the engine's own types."""
KV_CACHE = "kv-cache"
"""Lane of a model whose keys and values are kept in another type than the engine's own."""
ENGINE = "engine"
"""Lane of the reference's own weights in another engine: what is varied is the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """One model of a cohort, identified by the hash of its content, never by path or file time."""

    name: str
    """Name shown to people: unique in the cohort, may hold any characters."""
    sha256: str
    """Hex digest over the bytes of the file (over the shards in order, if sharded)."""
    file_bytes: int
    """Bytes on disk, all shards together."""
    parameter_count: int
    """Elements of all tensors."""
    bits_per_weight: float
    """8 x bytes of the tensor data / parameter count; metadata and padding excluded."""
    weight_format: str
    """What the tensors really hold, for example ``F16`` or ``Q8_0 90 %, Q5_1 10 %`` of weights."""
    architecture: str
    vocabulary_size: int
    tokenizer_sha256: str
    """Hash over the tokenizer metadata that decide an encoding: tokens, merges, types, flags."""
    head_type: str
    """Storage type of the output head, for example ``F16``."""
    is_quantized: bool
    shard_count: int = 1
    training_context_length: int | None = None
    chat_template_sha256: str | None = None
    """Of the template in the model's metadata; null where it has none."""
    provenance: tuple[tuple[str, str], ...] = field(default=())
    """Metadata worth showing: quantizer version, importance matrix, licence, base model."""
    cache_k: str | None = None
    """Type in which it is run with its keys cached, for example ``q8_0``; null the engine's own."""
    cache_v: str | None = None
    """The same of its values."""
    engine: str | None = None
    """Engine that runs it, where that is not the reference's; null where it is."""
    has_reference_weights: bool = False
    """Whether its weights are known to be the reference's own."""
    run_as: tuple[tuple[str, str], ...] = field(default=())
    """What its engine does with this model here and another machine may do otherwise: the
    ``attention`` that was chosen, the package that its weights are ``unpacked_by``."""

    @property
    def lane(self) -> str:
        """What is varied: candidates of one lane may be ranked, those of two lanes never."""
        if self.cache_k is not None or self.cache_v is not None:
            return KV_CACHE
        is_engine_alone = self.engine is not None and self.has_reference_weights
        return ENGINE if is_engine_alone else SERVING


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendInfo:
    """What can change a logit besides the model: engine, build and settings."""

    name: str
    version: str
    build: str
    """What the engine says of its own build: commit and instruction sets."""
    device: str
    settings: tuple[tuple[str, str], ...]
    """Every setting that can change a logit, sorted by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayInfo(BackendInfo):
    """Engine of a model that is held against a reference in another one."""

    home: BackendInfo
    """Engine of the reference."""


def away_from(home: BackendInfo | None, own: BackendInfo) -> BackendInfo:
    """Engine of a model beside the reference's; the model's alone where they are the same."""
    if home is None or home == own:
        return own
    return AwayInfo(
        name=own.name,
        version=own.version,
        build=own.build,
        device=own.device,
        settings=own.settings,
        home=home,
    )


def home_of(engine: BackendInfo) -> BackendInfo:
    """Engine of the reference that a model in this engine is held against."""
    return engine.home if isinstance(engine, AwayInfo) else engine


def lane_of(model: Mapping[str, object]) -> str:
    """Lane of a model as a manifest holds it; one written before there were lanes is as served."""
    return str(model.get("lane", SERVING))


def text_sha256(text: str | None) -> str | None:
    """Hex digest of a text in UTF-8; null of null."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
