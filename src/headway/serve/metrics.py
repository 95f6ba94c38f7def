"""What the server counts of itself, for Prometheus."""

from __future__ import annotations

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    multiprocess,
)

__all__ = ["MULTIPROCESS_FOLDER", "Metrics"]

# The variable by which several workers share their numbers; prometheus-client's own.
MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters and histograms of one server.

    Args:
        noun: What items are called in the plural, such as "pictures", in names and descriptions.

    Attributes:
        requests: Requests by path, method and status.
        request_seconds: How long a request took, its body included, by path.
        items: Items by what became of them: `answered`, `unfamiliar`, or the problem's name.
        noted: Items with something that no training item had.
        labels: Answers by label; of targets without classes by their kind.
        decode_seconds: How long reading an item took.
        model_seconds: How long a batch took in the model.
        batch_items: How many items a batch had.
        inside: Items that are being answered.
    """

    def __init__(self, noun: str) -> None:
        title = noun.capitalize()
        self.registry = CollectorRegistry()
        shared = self.registry
        self.requests = Counter(
            "headway_requests", "Requests by path, method and status.", ["path", "method", "status"], registry=shared
        )
        self.request_seconds = Histogram(
            "headway_request_seconds",
            "Time of a request.",
            ["path"],
            buckets=_SECONDS,
            registry=shared,
        )
        self.items = Counter(f"headway_{noun}", f"{title} by what became of them.", ["outcome"], registry=shared)
        self.noted = Counter(f"headway_{noun}_noted", f"{title} with what training did not have.", registry=shared)
        self.labels = Counter("headway_labels", "Answers by label.", ["label"], registry=shared)
        self.decode_seconds = Histogram(
            "headway_decode_seconds", "Time to read an item.", buckets=_SECONDS, registry=shared
        )
        self.model_seconds = Histogram(
            "headway_model_seconds", "Time of a batch in the model.", buckets=_SECONDS, registry=shared
        )
        self.batch_items = Histogram(
            "headway_batch_items", f"{title} in a batch.", buckets=(1, 2, 4, 8, 12, 16), registry=shared
        )
        self.inside = Gauge(
            f"headway_{noun}_inside",
            f"{title} that are being answered.",
            multiprocess_mode="livesum",
            registry=shared,
        )
        if MULTIPROCESS_FOLDER not in os.environ:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def text(self) -> bytes:
        """All of it in Prometheus's text format; of all workers together where there are several."""
        if MULTIPROCESS_FOLDER not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return generate_latest(registry)
