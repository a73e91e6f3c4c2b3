"""What prompts that follow one another begin with alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

SHORTEST_PREFIX: Final = 16
"""Tokens; fewer are not worth the trouble."""


def shared_prefixes(prompts: Sequence[NDArray[np.int32]]) -> list[int]:
    """Tokens that each prompt has in common with the one before it; 0 where they are few.

    The last token of a prompt is always its own: its logits are asked for.
    """
    found = [0] * len(prompts)
    for k in range(1, len(prompts)):
        before, own = prompts[k - 1], prompts[k]
        most = min(len(before), len(own)) - 1
        differs = before[:most] != own[:most]
        common = int(differs.argmax()) if differs.any() else most
        found[k] = common if common >= SHORTEST_PREFIX else 0
    return found
