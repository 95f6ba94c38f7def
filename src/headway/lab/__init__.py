"""The lab: the same rows through a picture of the data and a photo network, and through the native method."""

from __future__ import annotations

from headway.lab.compare import LabReport, Route, compare

__all__ = ["LabReport", "Route", "compare"]
