"""The HTTP API, version 1: photos in; masks, cut-outs and figures out."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from time import perf_counter
from typing import IO, TypeVar

from pydantic import ValidationError
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from core.checkpoint import checkpoint_name
from core.errors import CarmaskError, CheckpointError
from core.listing.recipe import presets
from serving.answers import JSON, ZIP, batch_json, batch_zip, segmented
from serving.bodies import check_length, read_uploads
from serving.gate import ALIVE, READY, Life
from serving.log import log_failure, log_request
from serving.metrics import CONTENT_TYPE, Metrics
from serving.models import Models
from serving.openapi import API, DOCS_POLICY, docs_page, document
from serving.problems import RefusedError, problem
from serving.queries import (
    BatchQuery,
    Checkpoint,
    Checkpoints,
    Facts,
    Query,
    Recipe,
    Recipes,
    SegmentQuery,
)
from serving.settings import ServeSettings
from serving.slots import FullError, Place, Slots

Endpoint = Callable[[Request], Awaitable[Response]]
AnyQuery = TypeVar("AnyQuery", bound=Query)
_BLOCK = 256 * 1024


class Api:
    """The endpoints, with what they share."""

    def __init__(self, settings: ServeSettings, models: Models, life: Life) -> None:
        """Loads nothing; see `warm_up`."""
        self.settings = settings
        self.models = models
        self.life = life
        self.metrics = Metrics()
        self.slots = Slots(settings.workers, settings.max_waiting)
        self.metrics.taken.set_function(lambda: self.slots.taken)

    def routes(self) -> list[BaseRoute]:
        """Returns the routes of the API and of those who watch over the server."""
        return [
            Route(f"{API}/segment", self._endpoint(self._segment), methods=["POST"]),
            Route(f"{API}/batch", self._endpoint(self._batch), methods=["POST"]),
            Route(f"{API}/checkpoints", self._endpoint(self._checkpoints), methods=["GET"]),
            Route(f"{API}/recipes", self._endpoint(self._recipes), methods=["GET"]),
            Route(f"{API}/openapi.json", self._document, methods=["GET"]),
            Route(f"{API}/docs", self._docs, methods=["GET"]),
            Route(ALIVE, self._alive, methods=["GET"]),
            Route(READY, self._ready, methods=["GET"]),
            Route("/metrics", self._endpoint(self._figures), methods=["GET"]),
        ]

    def warm_up(self) -> None:
        """Loads the default networks, so that the first visitor does not wait for them."""
        try:
            self.models.session()
        except Exception as error:  # of a thread: /readyz and the log must tell
            self.life.failure = str(error) or type(error).__name__
            log_failure("warm-up", error)
        else:
            self.life.ready = True

    def _endpoint(self, answer: Endpoint) -> Endpoint:
        """Returns an endpoint that asks for the key, counts, logs, and turns errors to answers."""

        async def endpoint(request: Request) -> Response:
            started = perf_counter()
            try:
                self._check_key(request)
                response = await answer(request)
            except Exception as error:  # every answer has a status and is counted, a fault's too
                response = self._failure(request, error)
            seconds, path = perf_counter() - started, request.scope["path"]
            self.metrics.requests.labels(path, str(response.status_code)).inc()
            self.metrics.seconds.labels(path).observe(seconds)
            log_request(request, response.status_code, seconds)
            return response

        return endpoint

    def _failure(self, request: Request, error: Exception) -> Response:
        """Returns the answer that an error becomes."""
        if isinstance(error, RefusedError):
            return problem(error.status, error.detail, error.headers)
        if isinstance(error, TimeoutError):
            text = f"No answer within {self.settings.answer_seconds:g} s; send less, or later."
            return problem(503, text, {"Retry-After": "10"})
        if isinstance(error, CheckpointError):
            return problem(404, str(error))
        if isinstance(error, CarmaskError):
            self.metrics.photos.labels("failed").inc()
            return problem(422, str(error))
        log_failure(request.scope["path"], error)
        return problem(500, "The server failed; its log has the reason.")

    def _check_key(self, request: Request) -> None:
        """Refuses a request without the key, where one is needed.

        Raises:
            RefusedError: 401 for a wrong key or none, 403 where the server has none.
        """
        if not self.settings.api_is_open:
            text = "The API is closed: this server was started without CARMASK_API_KEY."
            raise RefusedError(403, text)
        if not self.settings.api_key:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        if not hmac.compare_digest(given.strip().encode(), self.settings.api_key.encode()):
            text = "A key is needed: send it as Authorization: Bearer KEY."
            raise RefusedError(401, text, {"WWW-Authenticate": "Bearer"})

    def _place(self, request: Request) -> Place:
        """Returns a place for a request whose body was not read yet.

        Raises:
            RefusedError: The body is too large (413), or the queue is full (429).
        """
        check_length(request, self.settings.max_body_bytes)
        try:
            return self.slots.place()
        except FullError as error:
            text = f"The queue is full; try again in {error.seconds} s."
            headers = {"Retry-After": str(error.seconds), "Connection": "close"}
            raise RefusedError(429, text, headers) from error

    async def _segment(self, request: Request) -> Response:
        query = _query(request, SegmentQuery)
        with self._place(request) as place:
            uploads = await read_uploads(request, self.settings)
            if len(uploads.files) != 1:
                text = (
                    f"{len(uploads.files)} files came; this takes one. POST {API}/batch takes more."
                )
                raise RefusedError(400, text)
            _check_recipe(query, uploads.recipe)
            work = partial(self._segmented, *uploads.files[0], query, uploads.recipe)
            facts, body, kind = await place.run(work, self.settings.answer_seconds)
        self.metrics.photos.labels("segmented").inc()
        self.metrics.prediction_seconds.observe(facts.seconds)
        if facts.uncertainty is not None:
            self.metrics.uncertainty.observe(facts.uncertainty)
        return Response(body, media_type=kind, headers=_facts_headers(facts))

    def _segmented(
        self, name: str, data: bytes, query: SegmentQuery, recipe: bytes
    ) -> tuple[Facts, bytes, str]:
        session = self.models.session(query.checkpoint, query.fallback)
        return segmented(session, name, data, query, self.settings.max_pixels, recipe)

    async def _batch(self, request: Request) -> Response:
        query = _query(request, BatchQuery)
        with self._place(request) as place:
            uploads = await read_uploads(request, self.settings)
            if uploads.recipe:
                raise RefusedError(422, f"A recipe goes to {API}/segment, with one photo.")
            limits = self.settings.max_photos, self.settings.max_pixels
            seconds = self.settings.answer_seconds

            def answer() -> bytes | IO[bytes]:
                session = self.models.session(query.checkpoint, query.fallback)
                make = batch_zip if query.output == "zip" else batch_json
                return make(session, uploads.files, query, limits)

            body = await place.run(answer, seconds)
        if isinstance(body, bytes):
            return Response(body, media_type=JSON)
        headers = {"Content-Disposition": 'attachment; filename="carmask_results.zip"'}
        blocks = iterate_in_threadpool(_blocks(body))
        return StreamingResponse(blocks, media_type=ZIP, headers=headers)

    async def _checkpoints(self, _request: Request) -> Response:
        found = []
        for entry in self.models.entries():
            info = entry.info
            assert info is not None
            dice = info.metrics.get("dice")
            one = Checkpoint(
                name=checkpoint_name(entry.path),
                title=info.title,
                dice=float(dice) if isinstance(dice, int | float) else None,
                split=info.verdict.kind,
                threshold=info.threshold,
                size=info.preprocessing.size,
            )
            found.append(one)
        return JSONResponse(Checkpoints(checkpoints=found).model_dump())

    async def _recipes(self, _request: Request) -> Response:
        found = [Recipe(name=name, note=each.note) for name, each in presets().items()]
        return JSONResponse(Recipes(recipes=found).model_dump())

    async def _document(self, _request: Request) -> Response:
        return JSONResponse(document(self.settings))

    async def _docs(self, _request: Request) -> Response:
        headers = {"Content-Security-Policy": DOCS_POLICY}
        return HTMLResponse(docs_page(document(self.settings)), headers=headers)

    async def _alive(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _ready(self, _request: Request) -> Response:
        if self.life.draining:
            return JSONResponse({"status": "ending"}, 503)
        if not self.life.ready:
            status = "failed" if self.life.failure else "loading"
            return JSONResponse({"status": status, "detail": self.life.failure}, 503)
        return JSONResponse({"status": "ready"})

    async def _figures(self, _request: Request) -> Response:
        return Response(self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _query(request: Request, kind: type[AnyQuery]) -> AnyQuery:
    """Returns the settings in a request's URL.

    Raises:
        RefusedError: One is unknown, wrong, or there twice.
    """
    given = request.query_params.multi_items()
    twice = [name for name, count in Counter(name for name, _ in given).items() if count > 1]
    if twice:
        raise RefusedError(422, f"{twice[0][:60]!r} stands in the URL more than once.")
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])[:60]
        text = f"{name!r} in the URL: {first['msg']}. {API}/docs lists the settings."
        raise RefusedError(422, text) from error


def _check_recipe(query: SegmentQuery, recipe: bytes) -> None:
    """Refuses a finished picture without one recipe, and a recipe without a picture."""
    count = bool(query.recipe) + bool(recipe)
    if count != (query.output == "picture"):
        text = "output=picture and one recipe go together: recipe=NAME in the URL, or the JSON of "
        raise RefusedError(422, f"{text}one in the form's field recipe.")


def _facts_headers(facts: Facts) -> dict[str, str]:
    """Returns a photo's facts as headers, for answers that are pictures."""
    named = {
        "X-Carmask-Share": facts.car_share,
        "X-Carmask-Uncertainty": facts.uncertainty,
        "X-Carmask-Checkpoint": facts.checkpoint,
        "X-Carmask-Advice": facts.advice or None,
    }
    texts = {name: str(value) for name, value in named.items() if value is not None}
    return {name: text.encode("ascii", "replace").decode() for name, text in texts.items()}


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
