"""A login at an OIDC provider on this machine: before it nothing is drawn and no route is open."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.serving.running import photo
from tests.serving.test_api import SEGMENT
from tests.serving.test_server import started, status_of

CLIENT = "carmask"


class Provider(BaseHTTPRequestHandler):
    """Says who everybody is without asking: discovery, authorize, token and keys."""

    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(place.query).items()}
            assert asked["client_id"] == CLIENT
            answer = urlencode({"code": asked["nonce"], "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{answer}")
            self.end_headers()
        elif place.path == "/keys":
            self.reply({"keys": [self.key.as_dict(private=False)]})
        else:
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            places["jwks_uri"] = "keys"
            found = {name: f"{self.home}/{path}" for name, path in places.items()}
            self.reply(found | {"issuer": self.home})

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        claims = {"iss": self.home, "aud": CLIENT, "sub": "1", "email": "a@example.org"}
        claims |= {"nonce": sent["code"][0], "iat": int(time.time()), "exp": int(time.time()) + 600}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        self.reply({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def reply(self, content: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    @property
    def home(self) -> str:
        return f"http://{self.headers['Host']}"


@pytest.fixture
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def seen(port: int, browser: httpx.Client, click: str = "") -> list[ForwardMsg]:
    """What the start page sends to a browser's tab, or what a click on one of its buttons does."""
    home = f"http://127.0.0.1:{port}"
    browser.get(f"{home}/_stcore/health")
    token = browser.cookies["_streamlit_xsrf"]
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        origin=Origin(home),
        subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
        additional_headers={"Cookie": cookies},
        max_size=None,
        proxy=None,
    ) as tab:
        found = run_of(tab, BackMsg())
        if click:
            message = BackMsg()
            widget = message.rerun_script.widget_states.widgets.add()
            (widget.id,) = [each for each in button_ids(found) if each.endswith(click)]
            widget.trigger_value = True
            found = run_of(tab, message)
    return found


def run_of(tab: Any, message: BackMsg) -> list[ForwardMsg]:
    """The answers to a message that has the page drawn, to its last one."""
    message.rerun_script.SetInParent()
    tab.send(message.SerializeToString())
    found: list[ForwardMsg] = []
    while not found or found[-1].WhichOneof("type") != "script_finished":
        found.append(ForwardMsg.FromString(tab.recv(timeout=60)))
    return found


def button_ids(found: list[ForwardMsg]) -> list[str]:
    return [each.delta.new_element.button.id for each in found if "button" in str(each.delta)]


def has_uploader(found: list[ForwardMsg]) -> bool:
    return any("file_uploader" in str(each.delta) for each in found)


@pytest.mark.slow
def test_nothing_is_there_before_a_login(
    runs_of_module: Path, tmp_path: Path, provider: str
) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        f"""[auth]
        redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
        cookie_secret = "{"s" * 40}"
        client_id = "{CLIENT}"
        client_secret = "secret"
        server_metadata_url = "{provider}/.well-known/openid-configuration"
        """
    )
    more = {"HOME": str(tmp_path), "CARMASK_CACHE": str(tmp_path / "cache"), "NO_PROXY": "*"}
    with (
        started(tmp_path / "log", **more) as (port, _),
        httpx.Client(follow_redirects=True, trust_env=False, timeout=60) as browser,
    ):
        assert status_of(port, SEGMENT, photo()) == 403  # no key, so no API
        assert not has_uploader(seen(port, browser))
        (redirect,) = [
            each.auth_redirect.url
            for each in seen(port, browser, "log_in")
            if each.WhichOneof("type") == "auth_redirect"
        ]
        assert browser.get(f"http://127.0.0.1:{port}{redirect}").status_code == 200
        assert has_uploader(seen(port, browser))
        browser.cookies.clear()
        browser.cookies.set("_streamlit_user", "forged")
        assert not has_uploader(seen(port, browser))
    assert "Traceback" not in (tmp_path / "log").read_text()
