"""Names of machines in requests: which of them a local server answers to."""

from __future__ import annotations

import os
from ipaddress import ip_address


def name_of_host(header: str) -> str:
    """Returns the name in a Host header, without its port; "" for one that is none."""
    header = header.strip().lower()
    if header.startswith("["):
        name, closing, _ = header[1:].partition("]")
        return name if closing else ""
    return header.partition(":")[0]


def named_hosts() -> frozenset[str]:
    """Returns the names that the server was given in CARMASK_HOSTS, separated by commas.

    Whoever sets them vouches for what stands before the server, such as a proxy with a login.
    """
    given = os.environ.get("CARMASK_HOSTS", "").lower().split(",")
    return frozenset(name.strip() for name in given if name.strip())


def is_loopback(host: str) -> bool:
    """Returns whether a name or an address is reached from this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
