"""Texts as input: from a column of sentences to tokens, and the networks that read them."""
