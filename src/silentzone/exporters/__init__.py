"""A study's answers and tables -> files that other people's tools read."""
