"""Arrays to estimates, tests and intervals. NumPy and SciPy only; knows no models or tokens."""
