"""What every request passes first: hosts, origins, the end of the server, and headers."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.hosts import name_of_host
from serving.problems import problem
from serving.settings import ServeSettings

ALIVE, READY = "/healthz", "/readyz"
_SAFE = ("GET", "HEAD", "OPTIONS")


class Life:
    """Whether the server takes work: it is ready after its start and drains before its end."""

    def __init__(self) -> None:
        self.ready = False
        self.draining = False
        self.failure = ""
        """Why it can't get ready; "" while it may."""
        self.running = 0
        """Requests that are being answered."""


class Gate:
    """An ASGI middleware that refuses what comes by a foreign name, from a foreign page, or late.

    A name that an attacker's DNS leads here is none of ours (DNS rebinding); a page of another
    site is no page of ours. Both are refused before Streamlit sees them: it would ask a server on
    the internet for this machine's address to decide.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, life: Life) -> None:
        self._app = app
        self._settings = settings
        self._life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is None:
            self._life.running += scope["type"] == "http"
            try:
                await self._app(scope, receive, self._with_headers(scope, send))
            finally:
                self._life.running -= scope["type"] == "http"
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            retry = {"Retry-After": "5"} if refused[0] == 503 else {}
            answer = problem(*refused, headers={"Connection": "close", **retry})
            await answer(scope, receive, self._with_headers(scope, send))

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Returns the status and the reason of a refusal; None for what may pass."""
        headers = Headers(scope=scope)
        probe = scope["path"] in (ALIVE, READY)  # asked by a pod's address, which nobody knows
        host = headers.get("host", "")
        if not probe and not self._settings.answers_to(name_of_host(host)):
            return 421, "This server does not answer to that host name."
        origin = headers.get("origin")
        unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if origin is not None and unsafe and not self._is_own(origin, host):
            return 403, "Pages of other sites may not use this server."
        if self._life.draining and not probe:
            return 503, "The server is about to end; try again in some seconds."
        return None

    def _is_own(self, origin: str, host: str) -> bool:
        """Returns whether an Origin is the address that the request was sent to, or a named one."""
        try:
            found = urlsplit(origin)
            name = found.hostname or ""
        except ValueError:
            return False
        return found.netloc.lower() == host.lower() or name in self._settings.hosts

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        """Returns a `send` that adds the headers which keep a page from being misused."""

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
                if "content-security-policy" not in headers:
                    headers["Content-Security-Policy"] = self._policy()
                if self._settings.frames == "'self'":
                    headers["X-Frame-Options"] = "SAMEORIGIN"
                if "access-control-allow-origin" in headers:
                    del headers["access-control-allow-origin"]
            await send(message)

        return sender if scope["type"] == "http" else send

    def _policy(self) -> str:
        """Returns what the dashboard's pages may load: all from here, nothing from elsewhere."""
        return "; ".join(
            (
                "default-src 'self'",
                "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data: blob:",
                "font-src 'self' data:",
                "connect-src 'self' ws: wss: data: blob:",
                "worker-src 'self' blob:",
                "media-src 'self' blob:",
                "object-src 'none'",
                "base-uri 'self'",
                "form-action 'self'",
                f"frame-ancestors {self._settings.frames}",
            )
        )
