"""Metrics from hidden states and output heads, on torch tensors; an extra of the base install.

Importing these modules does not import torch; calling them does.
"""
