"""The dashboard and the API in one process, on one port: the half that needs Streamlit."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from threading import Thread
from typing import Any, cast

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime import get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.bootstrap import load_config_options

from core.errors import CarmaskError
from core.places import app_folder, samples_folder
from core.public import protect
from core.session import local_photo, shared_sessions
from dashboard.segment.photos import upload_store
from dashboard.ui.samples import list_samples, mixed_samples
from serving.api import Api
from serving.gate import Gate, Life
from serving.log import configure_logs
from serving.memory import keep_tidy
from serving.settings import MEGABYTE, ServeSettings
from serving.uploads import UploadLimit

_FORGET_SECONDS = 300.0
"""How long results of photos stay that nobody looks at."""


def create_page(settings: ServeSettings, api: Api, life: Life) -> st.App:
    """Returns the dashboard with the API's routes, as an ASGI application."""
    _configure(settings)
    if st.secrets.load_if_toml_exists():  # now: behind `protect` nobody reads them any more
        api.settings = replace(api.settings, login="auth" in st.secrets)

    @asynccontextmanager
    async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
        configure_logs()
        protect()
        Thread(target=_warm_up, args=(api,), name="carmask-warm-up", daemon=True).start()
        tidy = asyncio.create_task(keep_tidy(_forget))
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


def _configure(settings: ServeSettings) -> None:
    """Sets Streamlit's options: what ships, what the server needs, and last the environment's.

    Streamlit itself reads neither of these for an application that it does not start.
    """
    shipped = tomllib.loads((app_folder() / ".streamlit" / "config.toml").read_text("utf-8"))
    options = dict(_flat(shipped)) | {
        "server.address": settings.host,
        "server.port": settings.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.disconnectedSessionTTL": 30,
        "server.maxUploadSize": settings.visitor_bytes // MEGABYTE,
        "client.showErrorDetails": "none" if settings.public else "type",
    }
    for name in options:
        words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).replace(".", "_").upper()
        if (value := os.environ.get(f"STREAMLIT_{words}")) is not None:
            with suppress(ValueError):
                value = json.loads(value.lower() if value in ("True", "False") else value)
            options[name] = value
    load_config_options(options)


def _flat(table: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the options of a TOML file by their whole names, such as theme.light.textColor."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{start}{name}.")
        else:
            yield start + name, value


def _warm_up(api: Api) -> None:
    """Does what the first visitor would wait for: imports, networks, and the example's result."""
    from dashboard.segment.start import LONGEST

    api.warm_up()
    samples = mixed_samples(list_samples(samples_folder()))
    if api.life.ready and samples:
        with suppress(CarmaskError):  # the page says so
            api.models.session().prepare(local_photo(samples[0].photo), LONGEST)


def _forget() -> None:
    """Frees what visitors who have left had uploaded, and what nobody looks at any more."""
    for session in shared_sessions():
        session.forget(_FORGET_SECONDS)
    upload_store().tidy()


def _held() -> Mapping[str, int]:
    """Returns the bytes that each visitor's uploads take, by session."""
    uploads = cast(MemoryUploadedFileManager, get_instance().uploaded_file_mgr)
    stored = {visitor: dict(files) for visitor, files in list(uploads.file_storage.items())}
    return {
        visitor: sum(len(file.data) for file in files.values()) for visitor, files in stored.items()
    }
