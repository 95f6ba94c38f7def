"""What the server counts of itself, for Prometheus."""

from __future__ import annotations

import os
from functools import partial

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
    """Counters and histograms of one server, named by what its items are called in the plural, such as "pictures"."""

    def __init__(self, noun: str) -> None:
        title = noun.capitalize()
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry, buckets=_SECONDS)
        self.requests = counter(
            "headway_requests", "Requests by path, method and status.", ["path", "method", "status"]
        )
        self.request_seconds = histogram("headway_request_seconds", "Time of a request.", ["path"])
        # `answered`, `unfamiliar`, or the problem's name.
        self.items = counter(f"headway_{noun}", f"{title} by what became of them.", ["outcome"])
        self.noted = counter(f"headway_{noun}_noted", f"{title} with what training did not have.")
        # Of targets without classes, which would make a counter each, by their kind.
        self.labels = counter("headway_labels", "Answers by label.", ["label"])
        self.decode_seconds = histogram("headway_decode_seconds", "Time to read an item.")
        self.model_seconds = histogram("headway_model_seconds", "Time of a batch in the model.")
        self.batch_items = histogram("headway_batch_items", f"{title} in a batch.", buckets=(1, 2, 4, 8, 12, 16))
        inside = f"{title} that are being answered."
        self.inside = Gauge(f"headway_{noun}_inside", inside, multiprocess_mode="livesum", registry=self.registry)
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
