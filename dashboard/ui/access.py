"""Who may do what: a local app trusts its user, a public one shows and segments and no more.

Where `[auth]` is configured nobody does anything before a login.

Every door of the pages passes here: a page by `admit`, a path that a person names by
`visitor_path`, and whatever starts, stops, deletes or writes by `local_only`.
`core.public.protect` is the wall behind them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from core.errors import ConfigError
from core.hosts import is_loopback, name_of_host, named_hosts
from core.paths import to_path
from core.public import is_public, protect
from dashboard.ui.text import plain

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


def admit(*, public: bool) -> None:
    """Draws why a page is closed and ends it there; does nothing where it is open.

    Args:
        public: Whether strangers may open the page.
    """
    protect()
    _require_login()
    if is_public():
        if not public:
            st.info("This page is not open on a public server.", icon=":material/lock:")
            st.stop()
        return
    host = name_of_host(st.context.headers.get("Host") or "localhost")
    address = str(st.get_option("server.address") or host)
    if host in named_hosts() or (is_loopback(host) and is_loopback(address)):
        return
    st.error(
        "This app trusts its user, so it answers on this machine's own address alone. For others, "
        "start it with `carmask serve --public`; behind a proxy with a login, name the proxy's "
        "host in CARMASK_HOSTS.",
        icon=":material/lock:",
    )
    st.stop()


def _require_login() -> None:
    """Draws the way to a login and ends the page, where one is configured and nobody is in."""
    if st.user.get("is_logged_in", True):  # it is missing where no login is configured
        return
    st.info("Log in to use Carmask.", icon=":material/lock:")
    auth = st.secrets["auth"]
    providers = [name for name, part in auth.items() if isinstance(part, Mapping)]
    if "client_id" in auth:
        st.button("Log in", key="log_in", type="primary", on_click=st.login)
    for name in providers:
        title = f"Log in with {plain(name)}"
        st.button(title, key=f"log_in_{name}", type="primary", on_click=st.login, args=(name,))
    st.stop()


def local_only(function: Callable[Parameters, Value]) -> Callable[Parameters, Value | None]:
    """Makes a function one that is not called on a public server; there it returns None.

    For what starts, stops, deletes or writes anything, and for what draws the way to it.
    """

    @functools.wraps(function)
    def guarded(*arguments: Parameters.args, **words: Parameters.kwargs) -> Value | None:
        return None if is_public() else function(*arguments, **words)

    return guarded


def visitor_path(text: str, base: Path = Path()) -> Path:
    """Returns the path that a person typed or that a link names; see `core.paths.to_path`.

    Raises:
        ConfigError: It can't be used as a path, or this server is public.
    """
    if is_public():
        raise ConfigError("A public server opens no file or folder by its path.")
    return to_path(text, base)
