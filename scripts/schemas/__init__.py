"""JSON schemas of the files that silentzone writes, in Python because that is shorter to read."""
