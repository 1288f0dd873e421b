"""A small package: its layers import each other by relative imports."""
