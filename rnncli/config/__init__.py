"""A YAML file, flags and filters into cases."""
