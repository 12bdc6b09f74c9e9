"""How much the dashboard's visitors may upload, each and together; Streamlit limits files alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.problems import problem
from serving.settings import MEGABYTE, ServeSettings

Held = Callable[[], Mapping[str, int]]
"""Returns the bytes that each visitor has uploaded, by the visitor's session."""
_PATH = "/_stcore/upload_file/"


class UploadLimit:
    """An ASGI middleware that refuses an upload beyond the limits before reading it."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, held: Held) -> None:
        self._app = app
        self._settings = settings
        self._held = held
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers an upload that is too large, and hands everything else on."""
        is_upload = scope["type"] == "http" and scope["method"] == "PUT"
        if not is_upload or _PATH not in scope["path"]:
            await self._app(scope, receive, send)
            return
        visitor = scope["path"].partition(_PATH)[2].partition("/")[0]
        length = Headers(scope=scope).get("content-length", "")
        refused = self._refused(visitor, length)
        if refused is not None:
            answer = problem(*refused, headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        self._coming[visitor] += int(length)
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[visitor] -= int(length)
            self._coming += Counter()  # without those of whom nothing comes

    def _refused(self, visitor: str, length: str) -> tuple[int, str] | None:
        if not length.isdecimal():
            return 411, "An upload must say its length."
        held, limits = self._held(), self._settings
        if held.get(visitor, 0) + self._coming[visitor] + int(length) > limits.visitor_bytes:
            most = f"{limits.visitor_bytes / MEGABYTE:g} MB"
            return 413, f"Your photos take more than {most} together; take some away first."
        if sum(held.values()) + self._coming.total() + int(length) > limits.uploads_bytes:
            return 413, "All visitors' photos take too much together; try again in some minutes."
        return None
