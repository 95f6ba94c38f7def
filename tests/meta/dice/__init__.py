"""A toy kind of input, all of it in this folder: what tests/meta/test_new_kind.py takes the whole way."""
