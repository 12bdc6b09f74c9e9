"""The server: started, watched over, and ended without cutting a request off."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from core.places import runs_folder
from core.public import protect
from serving.api import Api
from serving.gate import Gate, Life
from serving.log import LOGGING
from serving.memory import keep_tidy, limit_arenas
from serving.models import Models
from serving.openapi import API
from serving.settings import MEGABYTE, ServeSettings

_LARGEST_MESSAGE = 20 * MEGABYTE
"""Of a browser's websocket; uploads take another way."""
_NOTICE_SECONDS = 1.0
"""How long the server at least answers 503 before it ends, so that balancers notice."""


def create_api(settings: ServeSettings, api: Api, life: Life) -> Starlette:
    """Returns the API alone, as an ASGI application; nothing of Streamlit is imported."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        protect()
        Thread(target=api.warm_up, name="carmask-warm-up", daemon=True).start()
        tidy = asyncio.create_task(keep_tidy())
        yield
        tidy.cancel()
        api.slots.close()

    async def start(_request: Request) -> Response:
        return RedirectResponse(f"{API}/docs")

    return Starlette(
        routes=[Route("/", start), *api.routes()],
        middleware=[Middleware(Gate, settings=settings, life=life)],
        lifespan=lifespan,
    )


def create_app(settings: ServeSettings, life: Life | None = None) -> ASGIApp:
    """Returns what the settings ask for: the API alone, or the dashboard with it."""
    life = life or Life()
    api = Api(settings, Models(runs_folder()), life)
    if not settings.page:
        return create_api(settings, api, life)
    from serving.page import create_page  # it alone needs Streamlit

    return create_page(settings, api, life)


class Server(uvicorn.Server):
    """A server that ends in two steps: no new work, then, once the old is done, none at all."""

    def __init__(self, config: uvicorn.Config, life: Life, drain_seconds: float) -> None:
        super().__init__(config)
        self._life = life
        self._drain_seconds = drain_seconds
        self._told: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain at the first signal; the second one ends at once."""
        if self._told is not None:
            super().handle_exit(sig, frame)
            return
        self._told = time.monotonic()
        self._life.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Ends the server once what runs is done, or has had its time."""
        if self._told is not None and not self.should_exit:
            waited = time.monotonic() - self._told
            done = waited >= _NOTICE_SECONDS and not self._life.running
            self.should_exit = done or waited >= self._drain_seconds
        return await super().on_tick(counter)


def serve(settings: ServeSettings) -> int:
    """Serves until a signal comes, and returns the exit status."""
    limit_arenas()
    if settings.public:
        os.environ["CARMASK_PUBLIC"] = "1"
    life = Life()
    config = uvicorn.Config(
        create_app(settings, life),
        host=settings.host,
        port=settings.port,
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        ws="websockets-sansio" if settings.page else "none",
        ws_max_size=_LARGEST_MESSAGE,
        ws_ping_interval=30,
        ws_ping_timeout=30,
        timeout_graceful_shutdown=5,
    )
    server = Server(config, life, settings.drain_seconds)
    server.run()
    return 0 if server.started else 1
