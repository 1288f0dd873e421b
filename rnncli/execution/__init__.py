"""Where work runs: a process that may die, many of them, the workers of a Dask cluster."""
