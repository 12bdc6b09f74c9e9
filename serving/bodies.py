"""The body of a request, within limits of size and time: photos by themselves or as a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from core.names import printable
from serving.problems import RefusedError
from serving.settings import MEGABYTE, ServeSettings

_FORM = "multipart/form-data"
_NAME_LENGTH = 200
_RECIPE = "recipe"
UNNAMED = "photo"
"""How a photo is called that came without a name."""


@dataclass(frozen=True)
class Uploads:
    """What a request brought."""

    files: list[tuple[str, bytes]]
    """Photos and ZIPs, (name, bytes) each: the parts of a form, or the body as the only one."""
    recipe: bytes = b""
    """The form's field `recipe`, JSON; empty where there is none."""


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


async def read_uploads(request: Request, settings: ServeSettings) -> Uploads:
    """Returns what a request's body holds.

    Raises:
        RefusedError: The body is too large (413), too slow (408), empty or no form (400), or holds
            too many files (413).
    """
    body = await _read(request, settings)
    if not body:
        raise RefusedError(400, "The body is empty; send a photo, or a form with a file in it.")
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != _FORM:
        return Uploads([(UNNAMED, body)])
    found = await _parts(request.headers, body, settings.max_photos)
    if not found.files:
        raise RefusedError(400, "The form holds no file; send the photo as a part with a filename.")
    return found


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


async def _parts(headers: Headers, body: bytes, most: int) -> Uploads:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body
        yield b""

    try:
        form = await MultiPartParser(headers, stream(), max_files=most + 1, max_fields=10).parse()
    except (MultiPartException, HTTPException, KeyError, ValueError) as error:
        text = f"The form can't be read ({_short(error)}); send multipart/form-data with a boundary"
        raise RefusedError(400, f"{text}, and at most {most} files.") from error
    try:
        parts = [(name, each) for name, each in form.multi_items() if name != _RECIPE]
        files = [each for _, each in parts if isinstance(each, UploadFile)]
        recipes = [
            await each.read() if isinstance(each, UploadFile) else each.encode()
            for each in form.getlist(_RECIPE)
        ]
        if len(files) > most or len(recipes) > 1:
            raise RefusedError(400, f"A form may hold {most} photos and one recipe.")
        photos = [(_name(each.filename), await each.read()) for each in files]
        return Uploads(photos, b"".join(recipes))
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
