"""Figures of a running server, for Prometheus and everything else that reads OpenMetrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from core.uncertainty import FALLBACK_LIMIT, UNCERTAINTY_LIMIT

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_UNCERTAINTY = (0.002, 0.005, FALLBACK_LIMIT, UNCERTAINTY_LIMIT, 0.05, 0.1, 0.2, 0.5, 1.0)


class Metrics:
    """The counters of one server; two servers in one process have their own."""

    def __init__(self) -> None:
        """Starts at zero."""
        own = self._registry = CollectorRegistry()
        self.requests = Counter(
            "carmask_requests", "Requests, by path and status", ["path", "status"], registry=own
        )
        self.seconds = Histogram(
            "carmask_request_seconds",
            "Time from the head of a request to its answer",
            ["path"],
            registry=own,
            buckets=_SECONDS,
        )
        self.prediction_seconds = Histogram(
            "carmask_prediction_seconds", "Time in the network", registry=own, buckets=_SECONDS
        )
        self.uncertainty = Histogram(
            "carmask_uncertainty", "Of predictions, 0 to 1", registry=own, buckets=_UNCERTAINTY
        )
        self.photos = Counter("carmask_photos", "Photos, by outcome", ["outcome"], registry=own)
        self.taken = Gauge("carmask_queue", "Requests that wait or are worked on", registry=own)

    def text(self) -> bytes:
        """Returns all figures as OpenMetrics text."""
        text: bytes = generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return text
