"""Foreign text on a page, as a browser draws it: what Streamlit makes of Markdown only it knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.server import serve
from tests.pages.test_text import TEXTS, shown

pytestmark = pytest.mark.browser

_SCRIPT = """
import json
import sys

import streamlit as st

from dashboard.ui.text import code, plain

for place, text in enumerate(json.loads(sys.argv[1])):
    with st.container(key=f"plain_{place}"):
        st.markdown(plain(text))
    with st.container(key=f"bold_{place}"):
        st.markdown(f"**{plain(text)}**")
    with st.container(key=f"label_{place}"):
        st.button(plain(text), key=f"button_{place}")
    with st.container(key=f"code_{place}"):
        st.markdown(code(text))
st.container(key="end").markdown("end")
"""
_MORE = [":smile: :+1: :streamlit:", "a -> b <- c -- d >= e <= f <-> g ~= h", "xmpp:zq@zq.de"]
_FOUND = "each => [each.textContent, [...each.querySelectorAll('*')].map(inner => inner.tagName)]"


def test_a_browser_shows_text_as_text(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    texts = [text[:300] for text in [*TEXTS, *_MORE] if shown(text)]
    (tmp_path / "page.py").write_text(_SCRIPT)
    with serve(tmp_path / "log.txt", str(tmp_path / "page.py"), json.dumps(texts)) as (base, _):
        page = browser.new_page()
        page.goto(base)
        page.wait_for_selector(".st-key-end p")
        for place, text in enumerate(texts):
            for kind, tags in {
                "plain": {"P"},
                "bold": {"P", "STRONG"},
                "label": {"P"},
                "code": {"P", "CODE"},
            }.items():
                text_of = f".st-key-{kind}_{place} [data-testid=stMarkdownContainer]"
                found, drawn = page.locator(text_of).first.evaluate(_FOUND)
                assert set(drawn) <= tags, (kind, text)
                assert shown(found) == shown(text), (kind, text)
        page.close()
