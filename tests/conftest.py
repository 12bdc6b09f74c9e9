"""Settings for all tests."""

import pytest
from hypothesis import settings

# Machines differ in speed, so no test fails for its time.
settings.register_profile("carmask", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("carmask")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the browser's journeys last: Playwright leaves an event loop running until the end."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
