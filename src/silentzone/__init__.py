"""Fidelity of quantized LLMs, what it says about benchmarks, and which quant to deploy."""

__version__ = "0.1.0"
