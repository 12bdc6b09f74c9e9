"""The dashboard and the API in one process, on one port: the half that needs Streamlit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any, cast

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core.places import app_folder
from core.public import protect
from core.session import shared_sessions
from serving.api import Api
from serving.gate import Gate, Life
from serving.memory import give_back
from serving.settings import ServeSettings
from serving.uploads import UploadLimit

_TIDY_SECONDS = 15.0
_FORGET_SECONDS = 300.0
"""How long results of photos stay that nobody looks at."""


def create_page(settings: ServeSettings, api: Api, life: Life) -> st.App:
    """Returns the dashboard with the API's routes, as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
        protect()
        Thread(target=_warm_up, args=(api,), name="carmask-warm-up", daemon=True).start()
        tidy = asyncio.create_task(_tidy())
        try:
            yield {}
        finally:
            tidy.cancel()
            api.slots.close()

    return st.App(
        app_folder() / "streamlit_app.py",
        routes=api.routes(),
        middleware=[
            Middleware(cast(Any, Gate), settings=settings, life=life),
            Middleware(cast(Any, UploadLimit), settings=settings, held=_held),
        ],
        lifespan=lifespan,
    )


def _warm_up(api: Api) -> None:
    """Imports what pages need and loads the networks, before the first visitor comes."""
    import pandas as pd  # noqa: F401
    import plotly.graph_objects as go  # noqa: F401

    import dashboard.runs.newest
    import dashboard.segment.result_card
    import dashboard.ui.tiles  # noqa: F401

    api.warm_up()


async def _tidy() -> None:
    """Frees what visitors who have left had uploaded, and what nobody looks at any more."""
    before = 0
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        held = sum(_held().values())
        for session in shared_sessions():
            session.forget(_FORGET_SECONDS)
        if held < before:
            await asyncio.to_thread(give_back)
        before = held


def _held() -> Mapping[str, int]:
    """Returns the bytes that each visitor's uploads take, by session."""
    uploads = cast(MemoryUploadedFileManager, get_instance().uploaded_file_mgr)
    stored = {visitor: dict(files) for visitor, files in list(uploads.file_storage.items())}
    return {
        visitor: sum(len(file.data) for file in files.values()) for visitor, files in stored.items()
    }
