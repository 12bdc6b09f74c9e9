"""A server of its own in this process, with a network that a test can hold up, and raw requests."""

from __future__ import annotations

import json
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from core.image import encode_jpeg, encode_png
from serving.gate import Life
from serving.server import Server, create_app
from serving.settings import ServeSettings

BOUNDARY = "carmask-test"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    port: int
    life: Life

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    def form(self, path: str, *files: tuple[str, bytes], **headers: str) -> Answer:
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.ask("POST", path, form_of(*files), kind | headers)

    def raw(self, text: bytes, seconds: float = 20) -> bytes:
        """Returns the first bytes of the answer to bytes that need be no request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(text)
            return connection.recv(4096)


@contextmanager
def running(settings: ServeSettings) -> Iterator[Running]:
    """Starts the API on a free port; its networks are loaded when it is given out."""
    life = Life()
    config = uvicorn.Config(
        create_app(settings, life), host="127.0.0.1", port=0, log_config=None, ws="none"
    )
    server = Server(config, life, 5)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 60
        while not (server.started and (life.ready or life.failure)):
            assert time.monotonic() < until and thread.is_alive()
            time.sleep(0.02)
        yield Running(server.servers[0].sockets[0].getsockname()[1], life)
    finally:
        server.should_exit = True
        thread.join(30)


def form_of(*files: tuple[str, bytes]) -> bytes:
    parts = b""
    for name, data in files:
        parts += f"--{BOUNDARY}\r\n".encode()
        field = "recipe" if name == "recipe" else "photos"
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"'
        parts += head.encode() + b"\r\n\r\n"
        parts += data + b"\r\n"
    return parts + f"--{BOUNDARY}--\r\n".encode()


def photo(height: int = 90, width: int = 120, seed: int = 0) -> bytes:
    """A JPEG with a bright rectangle."""
    pixels = np.random.default_rng(seed).integers(0, 90, (height, width, 3), dtype=np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] += 120
    return encode_jpeg(pixels)


def bomb(side: int = 30_000) -> bytes:
    """A PNG of some kilobytes that says it has 900 megapixels."""
    small = bytearray(encode_png(np.zeros((32, 32), np.bool_)))
    small[16:24] = side.to_bytes(4, "big") * 2
    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    return bytes(small)


def wait_for(condition: Any, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def write_photo(folder: Path, name: str, seed: int = 0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(photo(seed=seed))
    return path
