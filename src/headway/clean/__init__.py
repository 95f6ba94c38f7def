"""Cleaning data by hand: a page of queues, and decisions that are written down at once."""
