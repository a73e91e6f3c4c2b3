"""One file per engine. An engine returns logits; it never computes a divergence."""
