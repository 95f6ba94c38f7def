"""Texts cut into blocks, which language models read and write."""
