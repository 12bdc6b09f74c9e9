"""Requests that nobody thought of: whatever comes, the answer is no 5xx and in the right form."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.running import Running, photo
from tests.serving.test_api import BATCH, SEGMENT

WORDS = ("checkpoint", "fallback", "threshold", "keep_largest", "fill_holes", "min_area")
WORDS += ("output", "edge", "cutout", "x")
NAMED = ("", "best/best", "other/best", "none", "json", "mask", "zip", "cutout", "true")
VALUES = st.one_of(
    st.sampled_from(NAMED), st.floats().map(str), st.integers().map(str), st.text(max_size=30)
)
QUERIES = st.lists(st.tuples(st.sampled_from(WORDS), VALUES), max_size=4)
BODIES = st.one_of(
    st.binary(max_size=2000),
    st.sampled_from([photo(), photo(17, 16), b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"]),
    st.tuples(st.integers(0, 600), st.binary(max_size=8)).map(
        lambda cut: photo()[: cut[0]] + cut[1] + photo()[cut[0] + len(cut[1]) :]
    ),
)
KINDS = st.sampled_from(
    ["image/jpeg", "application/octet-stream", "multipart/form-data; boundary=x", "text/html", ""]
)


@pytest.mark.slow
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    path=st.sampled_from([SEGMENT, BATCH]),
    query=QUERIES,
    body=BODIES,
    kind=KINDS,
    in_form=st.booleans(),
)
def test_generated_requests(
    server: Running, path: str, query: Any, body: bytes, kind: str, in_form: bool
) -> None:
    target = f"{path}?{urlencode(query, errors='replace')}"
    if in_form:
        answer = server.form(target, ("a.jpg", body))
    else:
        answer = server.ask("POST", target, body, {"Content-Type": kind})
    assert answer.status in (200, 400, 404, 413, 422)
    if answer.status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["detail"]
