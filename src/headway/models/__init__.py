"""Architectures, their pretrained weights, and what a photo model is made of. Imports torch."""
