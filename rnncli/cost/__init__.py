"""What an implementation costs: FLOPs by formula, seconds and bytes by measurement."""
