"""The server's log: a line of JSON for each request, with nothing of a picture or its name."""

from __future__ import annotations

import json
import logging
import logging.config
import time
from typing import Any

from starlette.requests import Request

_LOG = logging.getLogger("carmask.serve")


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        line: dict[str, object] = {"time": stamp, "level": record.levelname.lower()}
        line["message"] = record.getMessage()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonFormatter}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        "carmask.serve": {"handlers": ["err"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["err"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO", "propagate": True, "handlers": []},
        "uvicorn.access": {"level": "WARNING", "propagate": False, "handlers": []},
    },
}
"""The configuration that uvicorn is given. Paths of the dashboard have visitors' sessions in them,
so its requests are not logged."""


def configure_logs() -> None:
    """Sets the log up as `LOGGING` says; Streamlit adds its own to uvicorn's when it starts."""
    logging.config.dictConfig(LOGGING)


def log_request(request: Request, status: int, seconds: float) -> None:
    """Writes a line on a request that was answered."""
    fields = {
        "method": request.method,
        "path": request.scope["path"],
        "status": status,
        "seconds": round(seconds, 4),
        "bytes": request.headers.get("content-length"),
    }
    _LOG.info("request", extra={"fields": fields})


def log_failure(what: str, error: Exception) -> None:
    """Writes why something failed that should not have, such as a path's answer."""
    _LOG.error("failure", exc_info=error, extra={"fields": {"what": what}})
