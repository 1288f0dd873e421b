"""What is true: the probe, the reference, the equations in float64, and what rounding can do to them."""
