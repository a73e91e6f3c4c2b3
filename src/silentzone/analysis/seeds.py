"""Generators of the analysis's random steps, from the study's seed and the step's name."""

from __future__ import annotations

import zlib

import numpy as np


def seeded(seed: int, *names: str) -> np.random.Generator:
    """Make the generator of one random step, the same whatever else is computed."""
    codes = (zlib.crc32(name.encode("utf-8", "surrogatepass")) for name in names)
    return np.random.default_rng([seed % 2**63, *codes])
