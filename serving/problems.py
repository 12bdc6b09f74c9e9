"""Errors as answers, in the form of RFC 9457."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from serving.queries import Problem

MEDIA_TYPE = "application/problem+json"


class RefusedError(Exception):
    """A request that gets no answer but its reason."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Returns the answer of a request that failed; `detail` says what came and what to do."""
    body = Problem(status=status, title=HTTPStatus(status).phrase, detail=detail)
    return Response(
        json.dumps(body.model_dump()), status, dict(headers or {}), media_type=MEDIA_TYPE
    )
