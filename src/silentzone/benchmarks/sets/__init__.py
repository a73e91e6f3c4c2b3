"""Built-in benchmarks: one small file each, and the readers they share."""
