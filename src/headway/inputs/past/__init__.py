"""The past of a series, from which its future is forecast."""
