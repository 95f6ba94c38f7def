"""What is wrong with a model that tells classes apart."""
