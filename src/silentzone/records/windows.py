"""How a text is cut into windows and which positions of a window are scored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """The scoring protocol of one corpus.

    The default is the one of ``llama-perplexity``: windows of ``context_length`` tokens without
    overlap, the logits at indices ``first_scored .. context_length - 2`` are scored against the
    tokens one further on, so ``context_length - 1 - first_scored`` positions per window.
    """

    context_length: int
    first_scored: int
    """First index whose logits count; ``context_length // 2`` in llama.cpp's protocol."""
    add_bos: bool
    """The first token of every window is replaced by BOS when decoding (stored tokens keep it)."""

    @property
    def positions_per_window(self) -> int:
        """Number of scored positions of one window."""
        return self.context_length - 1 - self.first_scored


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRef:
    """Identity of one corpus as it was measured."""

    name: str
    description: str
    text_sha256: str
    tokens_sha256: str
    """Over the int32 little-endian tokens of the chosen windows, in order."""
    plan: WindowPlan
    window_count: int
    document_count: int | None
    """Documents the windows come from; null where the corpus knows none."""
    rebuild_kld_mean: float | None = None
    """Mean KLD, in nats, of the reference's logits as they are rebuilt from the engine's own, of
    the windows where that was checked; null where logits are stored."""
