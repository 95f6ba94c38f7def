"""One file out: the archive, what writes it from a trained model, and what answers from it without torch."""
