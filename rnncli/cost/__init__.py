"""The cost of an implementation: FLOPs by formula, seconds and bytes by measurement."""
