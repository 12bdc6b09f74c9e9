"""What a visitor may upload to the dashboard, alone and with all others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serving.settings import ServeSettings
from serving.uploads import UploadLimit

LIMITS = ServeSettings(page=False, visitor_bytes=100, uploads_bytes=150)


async def send_upload(
    held: dict[str, int], length: str | None, visitor: str = "me", path: str = ""
) -> int:
    """Returns the status of an upload's answer; 204 is the app's own."""
    statuses = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Any:
        raise AssertionError("a refused body is not read")

    headers = [] if length is None else [(b"content-length", length.encode())]
    path = path or f"/_stcore/upload_file/{visitor}/1"
    scope = {"type": "http", "method": "PUT", "path": path, "headers": headers}
    await UploadLimit(app, LIMITS, lambda: held)(scope, receive, send)
    return int(statuses[0])


@pytest.mark.parametrize(
    ("held", "length", "status"),
    [
        ({}, "100", 204),
        ({}, "101", 413),
        ({"me": 60}, "41", 413),
        ({"me": 60}, "40", 204),
        ({"other": 100}, "51", 413),
        ({"other": 100}, "50", 204),
        ({}, None, 411),
        ({}, "many", 411),
        ({}, "-1", 411),
    ],
)
def test_limits_of_one_and_of_all(held: dict[str, int], length: str | None, status: int) -> None:
    assert asyncio.run(send_upload(held, length)) == status


def test_other_requests_pass() -> None:
    assert asyncio.run(send_upload({"me": 999}, "5", path="/_stcore/host-config")) == 204


def test_uploads_that_are_under_way_count() -> None:
    async def both() -> list[int]:
        held: dict[str, int] = {}
        gate, arrived = asyncio.Event(), asyncio.Event()
        statuses: list[int] = []

        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            arrived.set()
            await gate.wait()
            await send({"type": "http.response.start", "status": 204, "headers": []})

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        limit = UploadLimit(app, LIMITS, lambda: held)
        scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/me/1"}
        scope |= {"headers": [(b"content-length", b"60")]}  # type: ignore[dict-item]
        first = asyncio.create_task(limit(scope, asyncio.sleep, send))  # type: ignore[arg-type]
        await arrived.wait()
        await limit(scope, asyncio.sleep, send)  # type: ignore[arg-type]
        gate.set()
        await first
        await limit(scope, asyncio.sleep, send)  # type: ignore[arg-type]
        return statuses

    assert asyncio.run(both()) == [413, 204, 204]
