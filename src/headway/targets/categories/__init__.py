"""Several labels, or none."""
