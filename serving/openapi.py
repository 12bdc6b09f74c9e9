"""What the API says of itself: an OpenAPI 3.1 document and a page of it without any script."""

from __future__ import annotations

from html import escape
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from core.decode import FORMATS
from serving.queries import (
    Batch,
    BatchQuery,
    Checkpoints,
    Problem,
    Recipes,
    Segmented,
    SegmentQuery,
)
from serving.settings import MEGABYTE, ServeSettings

API = "/api/v1"
DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_VERSION = "1.0.0"
_REFERENCE = "#/components/schemas/{model}"
_ANSWERS = (Segmented, Batch, Checkpoints, Recipes, Problem)
_FAILURES = {
    "400": "The body is empty, no form, or holds the wrong number of files",
    "401": "The key is wrong or missing",
    "403": "The API is closed, or the request comes from another site's page",
    "404": "There is no such checkpoint",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "421": "The server does not answer to this host name",
    "422": "The photo can't be used, or a setting is wrong; detail says which and why",
    "429": "The queue is full; Retry-After says when to come again",
    "503": "The server is about to end, or there was no answer in time",
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1.5rem;
  color: #0f1d2b; background: #fff; }
h2 { margin-top: 2.5rem; border-top: 1px solid #d9e2ea; padding-top: 1.5rem; }
code, pre { font: 0.9em ui-monospace, monospace; background: #f1f5f9; border-radius: 0.3rem; }
code { padding: 0.1em 0.3em; } pre { padding: 0.8rem; overflow-x: auto; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0;
  border-bottom: 1px solid #d9e2ea; }
@media (prefers-color-scheme: dark) { body { color: #e7eef5; background: #0d141c; }
  code, pre { background: #16212d; } h2, th, td { border-color: #2a3948; } a { color: #5cb8f0; } }
"""


def document(settings: ServeSettings) -> dict[str, Any]:
    """Returns the OpenAPI document, with the limits of this server in its words."""
    _, schemas = models_json_schema(
        [(model, "serialization") for model in _ANSWERS], ref_template=_REFERENCE
    )
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Carmask",
            "version": _VERSION,
            "description": "Cuts cars out of photos. A mask has the bytes that `carmask segment` "
            "writes for the same photo and settings.",
        },
        "paths": {
            f"{API}/segment": {"post": _segment(settings)},
            f"{API}/batch": {"post": _batch(settings)},
            f"{API}/checkpoints": {"get": _checkpoints()},
            f"{API}/recipes": {"get": _recipes()},
        },
        "components": {"schemas": schemas["$defs"]},
    }
    if settings.api_key:
        scheme = {"type": "http", "scheme": "bearer"}
        found["components"]["securitySchemes"] = {"key": scheme}
        found["security"] = [{"key": []}]
    return found


def docs_page(found: dict[str, Any]) -> str:
    """Returns the document as an HTML page that loads nothing."""
    parts = [_operation(path, *next(iter(item.items()))) for path, item in found["paths"].items()]
    title, about = found["info"]["title"], found["info"]["description"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)} API</h1><p>{_text(about)}</p>"
        f'<p>For programs: <a href="{API}/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
        f"{''.join(parts)}</body></html>"
    )


def _segment(settings: ServeSettings) -> dict[str, Any]:
    photo = {"type": "string", "format": "binary"}
    recipe = {
        "type": "string",
        "contentMediaType": "application/json",
        "description": "For output=picture: a recipe of one's own, as the Studio saves it",
    }
    binary = {"schema": _binary("application/octet-stream")}
    return {
        "operationId": "segment",
        "summary": "One photo",
        "description": f"The body is the photo itself, or a form with one file. {FORMATS}; at most "
        f"{settings.max_body_bytes / MEGABYTE:g} MB and {settings.max_pixels / 1e6:g} megapixels.",
        "parameters": _parameters(SegmentQuery),
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": binary,
                "image/*": binary,
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["photo"],
                        "properties": {"photo": photo, "recipe": recipe},
                    }
                },
            },
        },
        "responses": _responses(
            {
                "application/json": {"schema": _reference(Segmented)},
                "image/png": {"schema": _binary("image/png")},
                "image/jpeg": {"schema": _binary("image/jpeg")},
                "image/webp": {"schema": _binary("image/webp")},
            }
        ),
        "x-example": 'curl --data-binary @car.jpg -o mask.png "SERVER/api/v1/segment?output=mask"',
    }


def _batch(settings: ServeSettings) -> dict[str, Any]:
    photos = {"type": "array", "items": {"type": "string", "format": "binary"}}
    return {
        "operationId": "batch",
        "summary": "Several photos",
        "description": "A form with files, photos or ZIPs of them, at most "
        f"{settings.max_photos} photos. A photo that can't be used has its error in its place.",
        "parameters": _parameters(BatchQuery),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["photos"],
                        "properties": {"photos": photos},
                    }
                }
            },
        },
        "responses": _responses(
            {
                "application/json": {"schema": _reference(Batch)},
                "application/zip": {"schema": _binary("application/zip")},
            }
        ),
        "x-example": 'curl -F photos=@a.jpg -F photos=@b.jpg "SERVER/api/v1/batch"',
    }


def _checkpoints() -> dict[str, Any]:
    return {
        "operationId": "checkpoints",
        "summary": "The checkpoints that a request can name",
        "description": "The best one first.",
        "parameters": [],
        "responses": _responses({"application/json": {"schema": _reference(Checkpoints)}}),
        "x-example": 'curl "SERVER/api/v1/checkpoints"',
    }


def _recipes() -> dict[str, Any]:
    return {
        "operationId": "recipes",
        "summary": "The recipes of finished pictures",
        "description": "Each makes a listing photo: place, background, shadow, size, format.",
        "parameters": [],
        "responses": _responses({"application/json": {"schema": _reference(Recipes)}}),
        "x-example": 'curl "SERVER/api/v1/recipes"',
    }


def _binary(kind: str) -> dict[str, str]:
    return {"type": "string", "contentMediaType": kind}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    found = []
    for name, schema in query.model_json_schema()["properties"].items():
        text = schema.pop("description", "")
        schema.pop("title", None)
        if "anyOf" in schema:  # a setting that is left away; no URL can say null
            schema = next(each for each in schema["anyOf"] if each.get("type") != "null")
        found.append({"name": name, "in": "query", "description": text, "schema": schema})
    return found


def _responses(content: dict[str, Any]) -> dict[str, Any]:
    failed = {"application/problem+json": {"schema": _reference(Problem)}}
    return {"200": {"description": "The answer", "content": content}} | {
        status: {"description": text, "content": failed} for status, text in _FAILURES.items()
    }


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{_kind(each['schema'])}</td>"
        f"<td>{_text(each['description'])}</td></tr>"
        for each in operation["parameters"]
    )
    settings = _table(("In the URL", "Value", "Meaning"), rows) if rows else ""
    answers = "".join(
        f"<tr><td>{status}</td><td>{_text(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<h2>{escape(operation['summary'])}</h2>"
        f"<p><code>{method.upper()} {escape(path)}</code></p>"
        f"<p>{_text(operation['description'])}</p>"
        f"<pre>{escape(operation['x-example'])}</pre>{settings}"
        f"{_table(('Status', 'Meaning'), answers)}"
    )


def _table(titles: tuple[str, ...], rows: str) -> str:
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f'<div class="table"><table><tr>{head}</tr>{rows}</table></div>'


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    default = f", default <code>{schema['default']}</code>" if schema.get("default") else ""
    bounds = f" {schema['minimum']:g} to {schema['maximum']:g}" if "minimum" in schema else ""
    return f"{escape(schema['type'])}{bounds}{default}"


def _text(text: str) -> str:
    """Returns a text as HTML, with code between backticks."""
    parts = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(parts))
