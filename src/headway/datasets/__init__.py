"""Named data sets: what there is, and how it gets here."""

from __future__ import annotations

from headway.datasets.named import CATALOGUE, fetch, find, load, write_digits

__all__ = ["CATALOGUE", "fetch", "find", "load", "write_digits"]
