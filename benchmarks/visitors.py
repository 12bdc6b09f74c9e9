"""Visitors of the dashboard who upload at once: whose picture each one gets, and memory.

    python benchmarks/visitors.py --visitors 20

starts `carmask serve` on a free port. Each visitor's photo is uploaded alone first, then all at
once, as a browser does it but without one. Each must see the picture of the photo that came alone,
and no other's name. Memory is compared after the first visitor has left and after all have.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.serving.running import photo  # noqa: E402
from tests.serving.test_login import run_of  # noqa: E402
from tests.serving.test_server import started  # noqa: E402

HEIGHT, WIDTH = 900, 1350


@dataclass(frozen=True)
class Seen:
    """What a visitor's page holds."""

    pictures: list[str]
    """Addresses, each made of its picture's content."""
    names: set[str]
    """Names of photos."""


def main() -> int:
    """Prints one line of JSON; 1 where somebody saw another's picture or name."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=360, help="after a leave")
    options = parser.parse_args()
    count = options.visitors
    photos = {f"visitor{n}.jpg": photo(HEIGHT, WIDTH, seed=n) for n in range(count)}
    with (
        tempfile.TemporaryDirectory() as folder,
        started(Path(folder) / "log", CARMASK_CACHE=folder) as (port, server),
    ):
        visit(port, "first.jpg", photo(HEIGHT, WIDTH, seed=count))
        time.sleep(options.seconds)
        one = resident_mb(server.pid)
        alone = {name: visit(port, name, data) for name, data in photos.items()}
        meet = threading.Barrier(count)
        with ThreadPoolExecutor(count) as visitors:
            coming = {
                name: visitors.submit(visit, port, name, data, meet.wait)
                for name, data in photos.items()
            }
            together = {name: each.result() for name, each in coming.items()}
        most = resident_mb(server.pid)
        time.sleep(options.seconds)
        left = resident_mb(server.pid)
    right = sum(together[name] == alone[name] and together[name].names == {name} for name in photos)
    different = len({tuple(each.pictures) for each in together.values()})
    memory = {"after_one_mb": one, "all_there_mb": most, "all_left_mb": left}
    print(json.dumps({"visitors": count, "right": right, "different": different, **memory}))
    return 0 if right == different == count else 1


def visit(port: int, name: str, data: bytes, stay: Callable[[], object] = bool) -> Seen:
    """Uploads a photo to the start page as a browser's tab does, and leaves after `stay`."""
    home = f"http://127.0.0.1:{port}"
    with httpx.Client(trust_env=False, timeout=300) as browser:
        browser.get(f"{home}/_stcore/health")
        token = browser.cookies["_streamlit_xsrf"]
        with connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            origin=Origin(home),
            subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
            additional_headers={"Cookie": f"_streamlit_xsrf={token}"},
            max_size=None,
            proxy=None,
        ) as tab:
            first = run_of(tab, BackMsg())
            texts = [each for each in first if "file_uploader" in str(each.delta)]
            uploader = texts[0].delta.new_element.file_uploader.id
            message = BackMsg()
            message.file_urls_request.request_id = name
            message.file_urls_request.file_names.append(name)
            message.file_urls_request.session_id = next(
                each.new_session.initialize.session_id
                for each in first
                if each.WhichOneof("type") == "new_session"
            )
            tab.send(message.SerializeToString())
            urls = None
            while urls is None:
                answer = ForwardMsg.FromString(tab.recv(timeout=300))
                if answer.WhichOneof("type") == "file_urls_response":
                    (urls,) = answer.file_urls_response.file_urls
            headers = {"X-Xsrftoken": token, "Origin": home}
            files = {"file": (name, data)}
            browser.put(home + urls.upload_url, files=files, headers=headers).raise_for_status()
            message = BackMsg()
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = uploader
            file = widget.file_uploader_state_value.uploaded_file_info.add()
            file.file_id, file.name, file.size = urls.file_id, name, len(data)
            file.file_urls.CopyFrom(urls)
            text = " ".join(str(each.delta) for each in run_of(tab, message))
            stay()
    pictures = sorted(set(re.findall(r"/media/[0-9a-f]+\.\w+", text)))
    return Seen(pictures, set(re.findall(r"visitor\d+\.jpg", text)))


def resident_mb(pid: int) -> float:
    """Returns a process's resident memory; Linux."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
