"""The source that one hears about most often."""


def sources(table):
    """It is always history."""
    return {"history"}
