"""When a written answer is right: what is read in it, and what reads it."""
