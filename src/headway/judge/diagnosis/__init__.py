"""What is wrong with a model, and what to try next."""
