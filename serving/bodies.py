"""The body of a request, within limits of size and time: photos by themselves or as a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from core.names import printable
from serving.problems import RefusedError
from serving.settings import MEGABYTE, ServeSettings

_FORM = "multipart/form-data"
_NAME_LENGTH = 200
UNNAMED = "photo"
"""How a photo is called that came without a name."""


def check_length(request: Request, most: int) -> None:
    """Refuses a body whose header says that it is too large, before any of it is read.

    Raises:
        RefusedError: 413, or 400 for a header that is no number.
    """
    length = request.headers.get("content-length")
    if length is None:
        return
    if not length.isdecimal():
        raise RefusedError(400, "The Content-Length header is no number.")
    if int(length) > most:
        raise _too_large(most)


async def read_uploads(request: Request, settings: ServeSettings) -> list[tuple[str, bytes]]:
    """Returns the files of a request, (name, bytes) each: its parts, or the body as the only one.

    Raises:
        RefusedError: The body is too large (413), too slow (408), empty or no form (400), or holds
            too many files (413).
    """
    body = await _read(request, settings)
    if not body:
        raise RefusedError(400, "The body is empty; send a photo, or a form with a file in it.")
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != _FORM:
        return [(UNNAMED, body)]
    files = await _parts(request.headers, body, settings.max_photos)
    if not files:
        raise RefusedError(400, "The form holds no file; send the photo as a part with a filename.")
    return files


async def _read(request: Request, settings: ServeSettings) -> bytes:
    """Returns the whole body; one that is longer than its limit is not read to its end."""
    most = settings.max_body_bytes
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError as error:
        text = f"The body did not arrive within {settings.body_seconds:g} s; send it again."
        raise RefusedError(408, text, {"Connection": "close"}) from error
    except ClientDisconnect as error:
        raise RefusedError(400, "The body ended too early.") from error
    return bytes(body)


async def _parts(headers: Headers, body: bytes, most: int) -> list[tuple[str, bytes]]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    try:
        form = await MultiPartParser(headers, stream(), max_files=most, max_fields=10).parse()
    except (MultiPartException, HTTPException, KeyError, ValueError) as error:
        text = f"The form can't be read ({_short(error)}); send multipart/form-data with a boundary"
        raise RefusedError(400, f"{text}, and at most {most} files.") from error
    try:
        found = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
        return [(_name(each.filename), await each.read()) for each in found]
    finally:
        await form.close()


def _name(given: str | None) -> str:
    """Returns a file's name without its folders, as it can be shown and logged."""
    last = (given or "").replace("\\", "/").rpartition("/")[2]
    return printable(last)[:_NAME_LENGTH] or UNNAMED


def _short(error: Exception) -> str:
    text = getattr(error, "message", "") or getattr(error, "detail", "") or type(error).__name__
    return str(text)[:100]


def _too_large(most: int) -> RefusedError:
    text = f"The body is larger than {most / MEGABYTE:g} MB; send smaller photos, or fewer."
    return RefusedError(413, text, {"Connection": "close"})
