"""Every setting of the server, with its limits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from core.errors import ConfigError
from core.hosts import is_loopback, named_hosts
from core.public import is_public

MEGABYTE = 1_000_000
SHORTEST_KEY = 16
"""Characters of an API key."""


@dataclass(frozen=True)
class ServeSettings:
    """How the server listens and what it takes.

    Raises:
        ConfigError: Two settings exclude each other, or one is out of range.
    """

    host: str = "127.0.0.1"
    """Address to listen on; one that others reach needs `public`."""
    port: int = 8501
    public: bool = False
    """Whether strangers may come; see `core.public`."""
    page: bool = True
    """Whether the dashboard is served beside the API."""
    api_key: str = field(default="", repr=False)
    """What requests to the API must bring; "" asks for none on this machine's own address, and
    closes the API on any other."""
    login: bool = False
    """Whether the dashboard asks for a login; programs then need the key on any address."""
    hosts: frozenset[str] = frozenset()
    """Names that the server answers to; besides those of this machine, or all if it is public and
    none is named."""
    frames: str = "'self'"
    """Which pages may show the dashboard in a frame, as Content-Security-Policy says it."""
    workers: int = 2
    """Photos that are read, predicted or written at one time; the network itself takes one."""
    max_waiting: int = 16
    """Requests that may wait for a worker; the next one gets 429."""
    max_body_bytes: int = 50 * MEGABYTE
    """Largest body of a request to the API."""
    max_pixels: int = 50_000_000
    """Largest photo, in pixels."""
    max_photos: int = 64
    """Most photos in a batch."""
    body_seconds: float = 30.0
    """Longest time that a body may take to arrive."""
    answer_seconds: float = 120.0
    """Longest time from a body's arrival to its answer, waiting included."""
    drain_seconds: float = 15.0
    """Longest time that running requests get once the server was told to end."""
    visitor_bytes: int = 200 * MEGABYTE
    """Most that one visitor of the dashboard may have uploaded at a time."""
    uploads_bytes: int = 1000 * MEGABYTE
    """Most that all visitors may have uploaded at a time."""

    def __post_init__(self) -> None:
        if not self.is_local and not self.public:
            raise ConfigError(
                f"Others reach {self.host}, and a local server trusts whoever comes: they could "
                "read files, start trainings and delete runs. Add --public, or leave --host away."
            )
        if self.api_key and len(self.api_key) < SHORTEST_KEY:
            raise ConfigError(
                f"CARMASK_API_KEY has {len(self.api_key)} characters; use {SHORTEST_KEY} or more, "
                "such as those that `openssl rand -hex 24` prints."
            )
        for name in ("workers", "max_body_bytes", "max_pixels", "max_photos"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the address."""
        return is_loopback(self.host)

    @property
    def api_is_open(self) -> bool:
        """Whether there is a way into the API: it needs a key, or to be on this machine alone."""
        return bool(self.api_key) or (self.is_local and not (self.public or self.login))

    def answers_to(self, host: str) -> bool:
        """Returns whether requests for a host, named without its port, are answered."""
        if host in self.hosts or (is_loopback(host) and (self.is_local or not self.hosts)):
            return True
        return self.public and not self.hosts


def from_environment(**given: object) -> ServeSettings:
    """Returns the settings: what is given, the rest from the environment, else the defaults."""
    found: dict[str, object] = {
        "public": is_public(),
        "api_key": os.environ.get("CARMASK_API_KEY", "").strip(),
        "hosts": named_hosts(),
        "frames": os.environ.get("CARMASK_FRAMES", "").strip() or "'self'",
    }
    return ServeSettings(**(found | given))  # type: ignore[arg-type]
