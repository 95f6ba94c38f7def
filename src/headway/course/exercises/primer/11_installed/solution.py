"""`pip install NAME` brings a package from the internet. Which one is here, Python itself can say."""

from importlib.metadata import PackageNotFoundError, version


def installed(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
