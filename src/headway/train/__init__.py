"""Training: the loop, its stages, and what surrounds them. Imports torch."""
