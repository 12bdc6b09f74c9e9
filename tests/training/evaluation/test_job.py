"""Evaluations in the background: started and watched."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import RunError
from training.data.folder import Reading
from training.evaluation.images import EvaluationSettings, open_images
from training.evaluation.stored import find_evaluation
from training.evaluation.subjects import subject_of
from training.jobs.evaluation import EvaluationRequest, start_evaluation
from training.jobs.job import JobStatus, read_job


@pytest.fixture
def request_(
    tiny_data: Path,
    checkpoints: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> EvaluationRequest:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    return EvaluationRequest((checkpoints[0],), (tiny_data,), device="cpu")


def read_status(request: EvaluationRequest) -> JobStatus:
    return read_job(request.folder)


def wait_for(request: EvaluationRequest, *wanted: str) -> None:
    until = time.monotonic() + 120
    while read_status(request).status not in wanted:
        assert time.monotonic() < until, read_status(request)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_page_starts_watches_and_finds_the_result(request_: EvaluationRequest) -> None:
    assert read_status(request_).status == "missing"
    start_evaluation(request_)
    assert read_status(request_).running
    with pytest.raises(RunError, match="under way already"):
        start_evaluation(request_)
    wait_for(request_, "finished", "failed")
    status = read_status(request_)
    assert (status.status, status.done, status.total) == ("finished", 15, 15)
    images = open_images(request_.data)
    subject = subject_of(request_.checkpoints[0])
    assert find_evaluation(subject, images, EvaluationSettings()) is not None


@pytest.mark.slow
def test_a_command_that_fails_says_why(request_: EvaluationRequest) -> None:
    request = replace(request_, data=(request_.data[0] / "none",))
    start_evaluation(request)
    wait_for(request, "failed")
    assert "There is no data folder" in read_status(request).message


def test_equal_requests_are_one_job_and_others_are_not(request_: EvaluationRequest) -> None:
    assert replace(request_).folder == request_.folder
    more = {
        "reading": Reading(classes=("car",), car_rule="(?P<car>.)", cars=Path("cars.csv")),
        "split": Path("split.json"),
        "part": "val",
        "threshold": 0.25,
        "tta": True,
        "ensemble": True,
        "cost": True,
    }
    request = replace(request_, **more)  # type: ignore[arg-type]
    assert request.folder != request_.folder
    words = " ".join(request.arguments())
    assert "--part val" in words and "--threshold 0.25 --tta --ensemble --cost" in words
    assert f"--split {Path('split.json').resolve()}" in words and "--class=car" in words
    assert "--split" not in replace(request, part="all").arguments()
    cascade = replace(request_, cascade=True).arguments()
    assert cascade[1] == "--cascade" and "--checkpoint" not in cascade
