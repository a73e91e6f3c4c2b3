"""Logits to one value per position. Plain array code: NumPy as the oracle, Numba for the passes."""
