"""What the server refuses, with which status: sizes, queues, times, keys, foreign pages, bombs."""

from __future__ import annotations

import io
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.session import PredictionSession
from serving.settings import ServeSettings, from_environment
from tests.serving.conftest import SMALL
from tests.serving.running import Running, bomb, photo, running, wait_for
from tests.serving.test_api import BATCH, SEGMENT

KEY = "a-key-of-enough-characters"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No prediction ends before the event is set."""
    go_on, predict = threading.Event(), PredictionSession.predict

    def slow(self: PredictionSession, read: object) -> object:
        go_on.wait(30)
        return predict(self, read)  # type: ignore[arg-type]

    monkeypatch.setattr(PredictionSession, "predict", slow)
    yield go_on
    go_on.set()


def test_a_large_body_is_refused_before_it_is_read(server: Running) -> None:
    head = f"POST {SEGMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
    assert b" 413 " in server.raw(head.encode()).split(b"\r\n")[0]


def test_a_large_body_of_unknown_length_is_not_read_to_its_end(server: Running) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65536

    head = f"POST {SEGMENT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        sent = 0
        try:
            for block in endless():
                connection.sendall(f"{len(block):x}\r\n".encode() + block + b"\r\n")
                sent += len(block)
        except OSError:
            pass
        assert sent < 60_000_000


def test_a_slow_body_is_given_up(runs_of_module: Path) -> None:
    with running(ServeSettings(**SMALL, body_seconds=0.3)) as server:
        head = f"POST {SEGMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
        assert b" 408 " in server.raw(head.encode()).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="empty"),
        pytest.param(b"no photo at all", 422, id="text"),
        pytest.param(b"<svg onload=alert(1)>", 422, id="svg"),
        pytest.param(photo()[:200], 422, id="cut off"),
        pytest.param(bomb(), 422, id="bomb"),
        pytest.param(photo(300, 300), 422, id="too many pixels"),
        pytest.param(photo(8, 8), 422, id="too small"),
        pytest.param(b"PK\3\4" + b"\0" * 500, 422, id="a zip for one photo"),
        pytest.param(b"x" * 200_001, 413, id="too many bytes"),
    ],
)
def test_what_is_no_photo(server: Running, body: bytes, status: int) -> None:
    answer = server.ask("POST", SEGMENT, body)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["status"] == status and answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("checkpoint=../../../etc/passwd", 404),
        ("checkpoint=/proc/self/environ", 404),
        ("checkpoint=best%00/best", 422),
        ("fallback=no-such", 404),
        ("threshold=nan", 422),
        ("threshold=2", 422),
        ("threshold=1e999", 422),
        ("min_area=-1", 422),
        ("output=exe", 422),
        ("url=http://127.0.0.1/", 422),
        ("threshold=0.5&threshold=0.6", 422),
        ("keep_largest=perhaps", 422),
        ("output=picture", 422),
        ("output=picture&recipe=../../secret.json", 422),
        ("output=picture&recipe=/proc/self/environ", 422),
        ("output=mask&recipe=ebay", 422),
        ("checkpoint=" + "x" * 5000, 422),
    ],
)
def test_wrong_settings(server: Running, query: str, status: int) -> None:
    answer = server.ask("POST", f"{SEGMENT}?{query}", photo())
    assert answer.status == status
    assert "root:" not in answer.body.decode() and "xxxxx" * 50 not in answer.body.decode()


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "<img src=x onerror=alert(1)>.jpg", "C:\\x\\y.jpg", "a\tb.jpg", ""]
)
def test_names_of_files_stay_names(server: Running, name: str) -> None:
    answer = server.form(BATCH + "?output=json", (name, photo()))
    if answer.status == 200:  # a part without a name is a field, no file
        (found,) = answer.json["photos"]
        assert not set(found["name"]) & set("/\\\t") or "onerror" in found["name"]
    else:
        assert answer.status == 400
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_form_that_is_none(server: Running) -> None:
    for end in ("", "; boundary=\xff", "; boundary=b"):
        kind = {"Content-Type": f"multipart/form-data{end}"}
        answer = server.ask("POST", SEGMENT, b"--b\r\nrubbish", kind)
        assert answer.status == 400
    assert server.form(SEGMENT, ("a.jpg", photo()), ("b.jpg", photo())).status == 400
    assert server.form(BATCH, *[(f"{n}.jpg", b"x") for n in range(9)]).status == 400


def test_more_photos_than_a_batch_may_hold_are_named(server: Running) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for number in range(4):
            file.writestr(f"{number}.jpg", photo(seed=number))
    found = server.form(BATCH, ("a.zip", archive.getvalue()), ("b.jpg", photo())).json["photos"]
    assert [bool(each.get("error")) for each in found] == [False] * 4 + [True]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH"])
def test_other_methods(server: Running, method: str) -> None:
    assert server.ask(method, SEGMENT).status == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://[bad"}, 403),
    ],
)
def test_foreign_names_and_pages(server: Running, headers: dict[str, str], status: int) -> None:
    assert server.ask("POST", SEGMENT, photo(), headers).status == status


def test_no_page_of_another_site_reads_an_answer(server: Running) -> None:
    origin = {"Origin": "http://evil.example"}
    answer = server.ask("GET", "/api/v1/checkpoints", headers=origin)
    assert "access-control-allow-origin" not in answer.headers
    wish = origin | {"Access-Control-Request-Method": "POST"}
    answer = server.ask("OPTIONS", SEGMENT, headers=wish)
    assert answer.status == 405


@pytest.mark.parametrize(
    "text", [b"rubbish\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"]
)
def test_what_is_no_request(server: Running, text: bytes) -> None:
    status = server.raw(text).split(b"\r\n")[0]
    assert b" 400 " in status or b" 404 " in status


def test_a_full_queue_says_when_to_come_again(runs_of_module: Path, held: threading.Event) -> None:
    settings = ServeSettings(**SMALL, workers=1, max_waiting=2)
    with running(settings) as server, ThreadPoolExecutor(3) as threads:
        sent = [threads.submit(server.ask, "POST", SEGMENT, photo()) for _ in range(3)]
        wait_for(lambda: server.ask("GET", "/metrics").body.count(b"carmask_queue 3.0"))
        answer = server.ask("POST", SEGMENT, photo())
        assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
        held.set()
        assert [each.result().status for each in sent] == [200, 200, 200]
        assert server.ask("POST", SEGMENT, photo()).status == 200


def test_an_answer_has_its_time(runs_of_module: Path, held: threading.Event) -> None:
    with running(ServeSettings(**SMALL, answer_seconds=0.3)) as server:
        answer = server.ask("POST", SEGMENT, photo())
        assert answer.status == 503 and "retry-after" in answer.headers
        held.set()
        wait_for(lambda: b"carmask_queue 0.0" in server.ask("GET", "/metrics").body)


def test_an_unready_server_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.setenv("CARMASK_RUNS", str(tmp_path / "runs"))
    with running(ServeSettings(**SMALL)) as server:
        assert server.ask("GET", "/readyz").status == 503
        assert server.ask("GET", "/healthz").status == 200
        assert server.ask("POST", SEGMENT, photo()).status == 404


def test_a_server_that_ends_takes_no_new_work(runs_of_module: Path, held: threading.Event) -> None:
    with running(ServeSettings(**SMALL)) as server, ThreadPoolExecutor(1) as threads:
        sent = threads.submit(server.ask, "POST", SEGMENT, photo())
        wait_for(lambda: server.life.running == 1)
        server.life.draining = True
        refused = server.ask("POST", SEGMENT, photo())
        assert refused.status == 503 and "retry-after" in refused.headers
        assert server.ask("GET", "/readyz").status == 503
        assert server.ask("GET", "/healthz").status == 200
        held.set()
        assert sent.result().status == 200


def test_the_key(runs_of_module: Path) -> None:
    with running(ServeSettings(**SMALL, api_key=KEY)) as server:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            ({"Authorization": f"Basic {KEY}"}, 401),
            ({"Authorization": "Bearer \xff"}, 401),
            ({"Authorization": f"Bearer {KEY}"}, 200),
            ({"X-API-Key": KEY}, 200),
        ):
            assert server.ask("GET", "/api/v1/checkpoints", headers=headers).status == status
            assert server.ask("GET", "/metrics", headers=headers).status == status
        assert server.ask("GET", "/healthz").status == 200


def test_a_public_server_without_a_key_has_no_open_api(runs_of_module: Path) -> None:
    with running(ServeSettings(**SMALL, public=True)) as server:
        assert server.ask("POST", SEGMENT, photo()).status == 403
        assert server.ask("GET", "/readyz").status == 200


def test_a_public_server_answers_to_the_names_it_was_given() -> None:
    named = ServeSettings(host="0.0.0.0", public=True, hosts=frozenset({"cars.example"}))
    assert named.answers_to("cars.example") and not named.answers_to("evil.example")
    assert not named.answers_to("localhost")
    assert ServeSettings(host="0.0.0.0", public=True).answers_to("anything.example")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ServeSettings(host="0.0.0.0"),
        lambda: ServeSettings(host="::"),
        lambda: ServeSettings(api_key="short"),
        lambda: ServeSettings(workers=0),
    ],
)
def test_settings_that_are_refused(make: Callable[[], ServeSettings]) -> None:
    with pytest.raises(ConfigError):
        make()


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_PUBLIC", "1")
    monkeypatch.setenv("CARMASK_API_KEY", KEY)
    monkeypatch.setenv("CARMASK_HOSTS", "cars.example")
    found = from_environment(host="0.0.0.0")
    assert found.public and found.api_key == KEY and found.hosts == {"cars.example"}
    assert KEY not in repr(found)
