"""python -m training: what is set before torch is imported."""

import os
import runpy
import sys

import pytest


@pytest.mark.parametrize(
    ("command", "given", "expected"),
    [("fit", None, "passive"), ("fit", "active", "active"), ("evaluate", None, None)],
)
def test_waiting_threads_sleep_while_training(
    monkeypatch: pytest.MonkeyPatch, command: str, given: str | None, expected: str | None
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", given or "")  # so that it is put back as it was
    if given is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setattr(sys, "argv", ["training", command, "--help"])
    with pytest.raises(SystemExit):
        runpy.run_module("training", run_name="__main__")
    assert os.environ.get("OMP_WAIT_POLICY") == expected
