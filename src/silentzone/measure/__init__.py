"""Runs engines over corpora and items and writes tables: the only place engines meet storage."""
