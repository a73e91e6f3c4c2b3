"""The last steps of a model by its own code, where no form of them is known.

A model gives the logits of everything it is given at once: of 32,768 tokens and 262,144 vocabulary
entries 34 GB. Its last steps alone can be run on as many states as fit.

Shape letters: T positions, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

_PROBE_TOKENS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What a model makes of a few tokens, before and after its last steps."""

    states_TD: torch.Tensor
    logits_TV: torch.Tensor

    def agrees_with(self, found_TV: torch.Tensor, dtype: torch.dtype) -> bool:
        """Whether logits made from the states are the model's own, up to the rounding of a type."""
        wanted = self.logits_TV.float()
        if found_TV.shape != wanted.shape or not bool(torch.isfinite(wanted).all()):
            return False
        allowed = 1e-4 if dtype == torch.float32 else 4 * torch.finfo(dtype).eps
        difference = (found_TV.to(wanted.device) - wanted).abs().max()
        return bool(difference <= allowed * wanted.abs().max())


def probe(model: Any) -> Probe | None:  # noqa: ANN401 - classes by architecture
    """Run a model on a few tokens; null where what it makes of them before the logits is hidden."""
    embedding = model.get_input_embeddings()
    size = int(getattr(embedding, "num_embeddings", 0) or len(embedding.weight))
    tokens = torch.linspace(0, min(size, 2**15) - 1, _PROBE_TOKENS).long()[None]
    tokens = tokens.to(embedding.weight.device)
    with torch.inference_mode():
        logits = model(tokens, use_cache=False).logits[0]
        output = model.base_model(tokens, use_cache=False)
    states = getattr(output, "last_hidden_state", None)
    if states is None or states.ndim != 3:
        return None
    return Probe(states_TD=states[0], logits_TV=logits)


class OwnTail:
    """What a model does to the states of its body, by its own code.

    The model is run on one token, and what its body makes of it is exchanged for given states.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self._model = model
        device = model.get_input_embeddings().weight.device
        self._token = torch.zeros((1, 1), dtype=torch.long, device=device)

    def logits(self, states_TD: torch.Tensor) -> torch.Tensor:
        """Logits of hidden states, float32."""

        def exchanged(_module: Any, _given: Any, output: Any) -> Any:  # noqa: ANN401
            output.last_hidden_state = states_TD[None]
            return output

        hook = self._model.base_model.register_forward_hook(exchanged)
        try:
            found: torch.Tensor = self._model(self._token, use_cache=False).logits[0]
        finally:
            hook.remove()
        return found.float()


def own_tail(model: Any, probed: Probe | None) -> OwnTail | None:  # noqa: ANN401
    """Last steps of a model by its own code; null where they cannot be told from its body."""
    if probed is None:
        return None
    tail = OwnTail(model)
    try:
        with torch.inference_mode():
            found = tail.logits(probed.states_TD)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError):
        return None  # its last steps want more than the states
    return tail if probed.agrees_with(found, probed.logits_TV.dtype) else None
