"""The most common kind, whatever is shown."""


def predict(files):
    """Mammals are the most common."""
    return ["mammal"] * len(files)
