"""`pip install NAME` brings a package from the internet. Which one is here, Python itself can say.

    installed("numpy")           "2.3.5", or whichever version it is
    installed("no-such-name")    None

The name is pip's: it can differ from that in `import` (scikit-learn is imported as sklearn).
"""


def installed(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    # Write it here, with `importlib.metadata`.
    raise NotImplementedError
