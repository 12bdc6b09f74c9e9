"""A cookie that lives as long as the browser: what finds a visitor's photos after a reload."""

from __future__ import annotations

import streamlit as st

_mount = st.components.v2.component(
    "carmask_cookie",
    html="<span hidden></span>",
    js="""export default function ({ data }) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${data.name}=${data.value}; Path=/; SameSite=Strict${secure}`;
    }""",
)


def set_cookie(name: str, value: str) -> None:
    """Gives the browser a cookie; both parts are letters, digits, "-" and "_"."""
    if st.context.cookies.get(name) != value:
        with st.container(key="cookie", height=1, border=False):
            _mount(key=f"cookie_{name}", data={"name": name, "value": value})
