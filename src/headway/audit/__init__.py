"""What is wrong with data, before a single step of training."""
