"""What a model's settings do to its logits after the output head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMES: Final = {"logit_scale": ("cohere",), "lm_head_multiplier": ("falcon_h1",),
                 "logits_scaling": ("hyperclovax",)}  # fmt: skip
_DIVIDED_BY: Final = {"logits_scaling": ("granite",)}
"""Key, and how the ``model_type`` of those begins that use it so."""


def logit_scale(config: Mapping[str, Any]) -> float:
    """Factor applied to the logits; 1 where there is none.

    Examples
    --------
    >>> logit_scale({"model_type": "cohere2", "logit_scale": 0.25})
    0.25
    >>> logit_scale({"model_type": "granite", "logits_scaling": 8.0})
    0.125
    >>> logit_scale({"model_type": "llama", "logit_scale": 0.25})
    1.0
    """
    kind = str(config.get("model_type", ""))
    for keys, invert in ((_TIMES, False), (_DIVIDED_BY, True)):
        for key, families in keys.items():
            value = _number(config.get(key))
            if value is not None and kind.startswith(families):
                return 1.0 / value if invert else value
    return 1.0


def softcap(config: Mapping[str, Any]) -> float | None:
    """Bound c of ``c tanh(logit / c)``; None where there is none.

    Examples
    --------
    >>> softcap({"model_type": "gemma2", "final_logit_softcapping": 30.0})
    30.0
    >>> softcap({"model_type": "gemma3_text", "final_logit_softcapping": None})
    """
    return _number(config.get("final_logit_softcapping"))


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value
    return float(value) if is_number and isinstance(value, (int, float)) else None
