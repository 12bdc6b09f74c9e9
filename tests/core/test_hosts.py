import pytest

from core.hosts import is_loopback, name_of_host, named_hosts


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost:8501", "localhost"),
        ("LOCALHOST", "localhost"),
        ("[::1]:8501", "::1"),
        ("evil.example:8501", "evil.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1", ""),
        ("", ""),
    ],
)
def test_name_of_host(header: str, name: str) -> None:
    assert name_of_host(header) == name


def test_loopback() -> None:
    for host in ("localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1"):
        assert is_loopback(host)
    others = ("", "evil.example", "localhost.evil.example", "0.0.0.0", "10.0.0.1", "127.0.0.1.a.b")
    for host in (*others, "::", "2130706433"):
        assert not is_loopback(host)


def test_hosts_are_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CARMASK_HOSTS", raising=False)
    assert named_hosts() == frozenset()
    monkeypatch.setenv("CARMASK_HOSTS", "Team.example, ,other.example")
    assert named_hosts() == {"team.example", "other.example"}
