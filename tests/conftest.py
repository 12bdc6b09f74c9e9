"""Settings for all tests."""

from hypothesis import settings

# Machines differ in speed, so no test fails for its time.
settings.register_profile("carmask", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("carmask")
