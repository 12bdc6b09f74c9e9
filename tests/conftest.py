"""Settings for all tests."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Machines differ in speed, so no test fails for its time.
settings.register_profile("carmask", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("carmask")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the browser's journeys last: Playwright leaves an event loop running until the end.

    A journey that fails is tried once more, and the report says so: on a machine with other work a
    click may come before the page is ready for it.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Waits for the processes that a test started: their ends are written down from a thread."""
    yield
    for thread in threading.enumerate():
        if thread.name == "carmask-reaper":
            thread.join(timeout=60)
