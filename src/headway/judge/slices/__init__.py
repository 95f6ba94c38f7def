"""Slices: groups of items, and how good a model is on each."""
