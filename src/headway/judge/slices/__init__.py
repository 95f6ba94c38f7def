"""For whom a model is good: groups of items."""
