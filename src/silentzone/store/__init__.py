"""The study folder: tables, manifests, reference traces; atomic writes, content keys."""
