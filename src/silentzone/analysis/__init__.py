"""Stored tables to answers. Reads a study folder; never reaches an engine."""
