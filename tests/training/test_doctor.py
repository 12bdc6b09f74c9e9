"""The training doctor: each finding on a run that has it, and none on healthy runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import RunError
from core.places import PACKAGES
from core.split_verdict import SplitVerdict
from tests.training.pairs import write_pair
from tests.training.run_folders import text_of, write_run
from training.commands.cli import main
from training.config import TrainConfig
from training.data.folder import open_dataset
from training.presets import PRESETS
from training.runs.curves import curves_of_lines
from training.runs.doctor.case import NOT_SEEN, Case, MaskLook, OddMasks
from training.runs.doctor.findings import KINDS, Doctor, Finding, findings_of
from training.runs.doctor.look import LOOKED_AT, look_at_masks
from training.runs.summary import RunSummary

Lines = list[dict[str, Any]]
BEST = PRESETS["best"].config({})


def log(
    losses: Callable[[float], float],
    dices: Callable[[float], float],
    *,
    epochs: int = 12,
    noise: float = 0.25,
    **figures: Any,
) -> Lines:
    """Writes epochs of 60 steps; losses and dices are functions of the share that is done.

    Args:
        losses: Mean loss.
        dices: Validation Dice, which is recall and precision, too.
        epochs: How many.
        noise: Standard deviation of a single step's loss, as a share of it.
        figures: More figures of an epoch; of "val" where their name begins so.
    """
    rng = np.random.default_rng(0)
    lines: Lines = []
    for epoch in range(1, epochs + 1):
        for step in (20, 40, 60):
            step += 60 * (epoch - 1)
            loss = losses(step / (60 * epochs)) * math.exp(noise * rng.normal())
            line = {"kind": "step", "epoch": epoch, "step": step, "images": 8 * step}
            lines.append({**line, "loss": loss, "waited": 0.02, "images_per_second": 9.0})
        dice = dices(epoch / epochs)
        val = {"dice": dice, "recall": dice, "precision": dice}
        val |= {n.removeprefix("val_"): v for n, v in figures.items() if n.startswith("val_")}
        mean = losses((epoch - 0.5) / epochs)
        line = {**lines[-1], "kind": "epoch", "loss": mean, "val": val}
        lines.append(line | {n: v for n, v in figures.items() if not n.startswith("val_")})
    return lines


def healthy(done: float) -> float:
    """A loss of cross-entropy and Dice as it usually falls."""
    return 0.03 + 1.3 * math.exp(-12 * done)


def learned(done: float) -> float:
    """The Dice that goes with it."""
    return 0.99 - 0.7 * math.exp(-12 * done)


def case(
    lines: Lines,
    config: TrainConfig | None = BEST,
    masks: MaskLook = NOT_SEEN,
    **facts: Any,
) -> Case:
    by = "carmask" if config else "lightning"
    step = lines[-1]["step"] if lines else 0
    summary = RunSummary("run", Path("run"), by, status="finished", step=step)
    return Case(replace(summary, **facts), curves_of_lines(lines), config, masks)


def kinds(patient: Case) -> list[str]:
    return [finding.kind for finding in findings_of(patient)]


def only(patient: Case) -> Finding:
    (finding,) = findings_of(patient)
    return finding


@pytest.mark.parametrize("run", ["carmask-256", "carmask-512", "carmask-studio"])
def test_the_shipped_runs_are_healthy(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(PACKAGES / "runs" / run)]) == 0
    assert "Nothing is wrong" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("config", [BEST, None])
@pytest.mark.parametrize("epochs", [1, 3, 12, 60])
def test_a_healthy_run_gets_no_finding_at_any_moment(
    noise: float, config: TrainConfig | None, epochs: int
) -> None:
    lines = log(healthy, learned, epochs=epochs, noise=noise)
    for end in {0, 1, 2, *range(3, len(lines) + 1, max(1, len(lines) // 15)), len(lines)}:
        assert kinds(case(lines[:end], config)) == []


def test_a_healthy_run_that_goes_on_from_good_weights() -> None:
    config = replace(BEST, start_from="runs/before")
    lines = log(lambda done: 0.03 - 0.012 * done, lambda done: 0.99 + 0.002 * done)
    assert kinds(case(lines, config)) == []
    assert kinds(case(lines, None)) == []


def test_a_validation_that_wavers_is_no_overfitting() -> None:
    rng = np.random.default_rng(1)
    wavering = [0.85 + 0.02 * rng.normal() for _ in range(40)]
    lines = log(lambda d: 0.3 + healthy(d), lambda done: wavering[round(done * 40) - 1], epochs=40)
    for epochs in range(1, 41):
        assert kinds(case(lines[: 4 * epochs])) == []


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_loss_that_is_no_number(broken: float) -> None:
    lines = log(lambda done: broken if done > 0.5 else healthy(done), learned)
    assert only(case(lines)).kind == "loss_is_nan"
    assert "from step 380 on" in only(case(lines)).evidence
    assert "--learning-rate 0.0002" in only(case(lines)).remedy
    assert only(case(lines, None)).kind == "loss_is_nan"
    told = case(log(healthy, learned), status="failed", cause="diverged")
    assert only(told).kind == "loss_is_nan"


def test_an_empty_cell_of_a_foreign_log_is_no_loss_that_broke() -> None:
    lines = log(healthy, learned)
    del lines[-1]["loss"], lines[8]["loss"]
    assert kinds(case(lines, None)) == []


def test_an_exploding_loss_and_one_that_rose() -> None:
    def rising(to: float) -> Callable[[float], float]:
        return lambda done: healthy(done) if done < 0.6 else 0.03 + (to - 0.03) * (done - 0.6) / 0.4

    found = only(case(log(rising(4.0), learned), replace(BEST, clip_norm=0.0)))
    assert found.kind == "exploding_loss" and "times its lowest" in found.evidence
    assert "--learning-rate 0.0002 and --clip-norm 5" in found.remedy
    found = only(case(log(rising(0.07), learned)))
    assert found.kind == "rate_too_high" and found.severity == "warning"
    back = log(lambda done: 3.0 if 0.4 < done < 0.5 else healthy(done), learned)
    assert kinds(case(back)) == [], "a spike that it recovered from"


def test_a_loss_that_stays_where_it_began() -> None:
    lines = log(lambda _: 1.3, lambda _: 0.3)
    assert kinds(case(lines)) == ["rate_too_high"]
    slow = log(lambda done: 1.3 - 0.2 * done, lambda _: 0.3)
    assert kinds(case(slow, replace(BEST, learning_rate=1.0))) == ["rate_too_high"]
    found = only(case(lines, replace(BEST, learning_rate=1e-6)))
    assert found.kind == "rate_too_low" and "--learning-rate 1e-05" in found.remedy
    assert "After 720 steps" in found.evidence and "100%" in found.evidence
    assert kinds(case(lines[:20])) == [], "the warm-up and the first steps tell nothing"
    assert kinds(case(lines, replace(BEST, start_from="before"))) == []


def test_a_loss_that_falls_but_hardly() -> None:
    lines = log(lambda done: 1.3 - 0.15 * done, lambda done: 0.3 + 0.1 * done)
    for config in (replace(BEST, learning_rate=3e-4), None):
        assert kinds(case(lines, config)) == ["rate_too_low"]


def test_masks_that_are_all_black_or_all_white() -> None:
    config = replace(BEST, loss="bce")
    black = log(healthy, lambda _: 0.0)
    found = only(case(black, config))
    assert found.kind == "black_output" and "epochs 11 and 12" in found.evidence
    assert kinds(case(black[:4], config)) == [], "one validation is too early"
    white = log(healthy, lambda _: 0.4, val_recall=0.999, val_precision=0.25)
    assert only(case(white, config)).kind == "white_output"
    good = log(healthy, learned, val_recall=0.999, val_precision=0.8)
    assert kinds(case(good)) == []


def test_training_photos_that_are_ahead() -> None:
    lines = log(lambda done: 0.02 + 0.5 * math.exp(-12 * done), lambda done: min(0.8, 2 * done))
    found = only(case(lines))
    assert found.kind == "overfitting" and "at least 0.9" in found.evidence
    assert "0.800 on validation" in found.evidence
    assert kinds(case(lines, replace(BEST, loss="focal"))) == [], "its loss is no Dice"
    assert kinds(case(lines, None)) == []
    assert kinds(case(log(healthy, lambda _: 0.8, train_dice=0.95), None)) == ["overfitting"]
    early = log(lambda done: 0.02, lambda done: 0.2 + 0.6 * done)
    assert kinds(case(early, replace(BEST, start_from="x"))) == [], "validation still gets better"


@pytest.mark.parametrize(
    ("figure", "values"),
    [
        ("val_dice", lambda done: 0.95 - 0.05 * abs(done - 0.25)),
        ("val_iou", lambda done: 0.9 - 0.1 * abs(done - 0.25)),
        ("val_loss", lambda done: 0.1 + 0.2 * abs(done - 0.25)),
    ],
)
def test_validation_that_falls_back(figure: str, values: Callable[[float], float]) -> None:
    lines = log(lambda done: 1.3 - done, lambda _: 0.95)
    for line in lines:
        if "val" in line:
            line["val"] = {figure.removeprefix("val_"): values(line["epoch"] / 12)}
    found = only(case(lines))
    assert found.kind == "overfitting" and "in epoch 3" in found.evidence
    level = [{**line, "loss": 0.5} for line in lines]
    config = replace(BEST, start_from="before")
    assert kinds(case(level, config)) == [], "the training loss does not fall"


def test_a_loader_that_is_slower_than_the_network() -> None:
    lines = log(healthy, learned, waited=0.6, images_per_second=4.0)
    found = only(case(lines))
    assert found.kind == "slow_loader"
    assert "60% of the time" in found.evidence and "10.0 without waiting" in found.evidence
    assert "--workers 2" in found.remedy and "--cache memory" in found.remedy
    kept = only(case(lines, replace(BEST, cache="memory")))
    assert "--workers" in kept.remedy and "--cache" not in kept.remedy
    assert "--workers 1" in only(case(lines, replace(BEST, workers=0))).remedy
    steps = [{**line, "waited": 0.6} for line in lines if line["kind"] == "step"]
    assert kinds(case(steps[:9])) == [], "the loader has only begun"
    assert kinds(case(steps[:10])) == ["slow_loader"]


def test_a_split_that_leaks() -> None:
    verdict = SplitVerdict("leaky", 3, 4, "car")
    found = only(case(log(healthy, learned), verdict=verdict))
    assert (found.kind, found.severity) == ("leaking_split", "error")
    assert found.evidence == verdict.sentence()


def test_masks_with_odd_values() -> None:
    odd = OddMasks("7 masks have more than two values", tuple("abcdefg"), "Save them as PNG.")
    found = only(case(log(healthy, learned), masks=MaskLook(16, (odd,))))
    assert found.kind == "odd_masks"
    assert "Of 16 looked at, 7 masks have more than two values: a, b, c, d, e and 2 more." in (
        found.evidence
    )
    assert found.remedy.startswith("Save them as PNG.")


@pytest.mark.parametrize(
    ("status", "cause", "told"),
    [
        ("failed", "memory", "Start again with --batch 4 --accumulate 2, --size 256 or"),
        ("crashed", "killed", "Where nobody ended it by hand: Start again with --batch 4"),
    ],
)
def test_too_little_memory(status: str, cause: str, told: str) -> None:
    found = only(case([], status=status, cause=cause))
    assert found.kind == "memory" and found.remedy.startswith(told)
    assert kinds(case([], status="running", cause=cause)) == [], "it goes on again"


def test_every_kind_is_tested_and_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    bad = log(lambda _: math.nan, lambda _: 0.0, waited=0.9)
    odd = OddMasks("1 mask is empty", ("a",), "Draw it again.")
    facts = {"verdict": SplitVerdict("leaky", 3, 4, "car"), "status": "failed", "cause": "memory"}
    found = findings_of(case(bad, masks=MaskLook(1, (odd,)), **facts))
    assert [each.severity for each in found] == sorted(each.severity for each in found)
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{kind}"' in source for kind in KINDS) and len(set(KINDS)) == len(KINDS) == 11
    for each in found:
        assert each.evidence.endswith((".", "trained on")) and each.remedy.endswith(".")
        assert each.threshold and not each.title.endswith(".")


def test_a_look_at_masks(tmp_path: Path) -> None:
    for number in range(40):
        write_pair(tmp_path / "data", f"car{number}_01", number)
    masks = sorted((tmp_path / "data" / "masks").iterdir())
    dataset = open_dataset(tmp_path / "data")
    assert look_at_masks([dataset], dataset.samples).odd == ()
    height, width = 48, 64
    ramp = np.tile(np.linspace(-255, 510, width).clip(0, 255).astype(np.uint8), (height, 1))
    for path, values in ((masks[0], ramp), (masks[3], np.zeros_like(ramp)), (masks[1], ramp)):
        Image.fromarray(values).save(path)
    look = look_at_masks([dataset], dataset.samples)
    assert look.looked_at == 14 <= LOOKED_AT  # each third
    assert {each.title.partition(" ")[2]: len(each.names) for each in look.odd} == {
        "mask has more than two values": 1,
        "mask is empty: it shows no car": 1,
    }
    run = write_run(tmp_path / "run")
    for written, read in {
        json.dumps(look.to_json()): look,
        '{"looked_at": 3, "odd": [{"title": 1}]}': NOT_SEEN,
        '{"looked_at": Infinity}': NOT_SEEN,
        "[]": NOT_SEEN,
    }.items():
        (run / "environment.json").write_text(f'{{"masks": {written}}}')
        assert Doctor(run).case().masks == read
    assert look_at_masks([dataset], []).looked_at == 0


def test_foreign_logs_have_a_doctor_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    losses = [1.4, 0.6, 0.4, 0.3, 1.9, 2.8]
    for name, values in (("good", sorted(losses, reverse=True)), ("bad", losses)):
        (tmp_path / name).mkdir()
        lines = [f"Saved checkpoint at epoch {n} with loss {v}" for n, v in enumerate(values, 1)]
        (tmp_path / name / "train.log").write_text("\n".join(lines))
    assert main(["doctor", str(tmp_path / "good")]) == 0
    capsys.readouterr()
    assert main(["doctor", str(tmp_path / "bad")]) == 1
    said = capsys.readouterr().out
    assert "The loss explodes" in said and "another learning rate" in said
    assert "judged so from: a loss of 3 times its lowest" in said
    (tmp_path / "none").mkdir()
    for wrong in ("none", "gone"):
        assert main(["doctor", str(tmp_path / wrong)]) == 2
        assert "no run" in capsys.readouterr().err


def test_a_visit_tells_what_is_new(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", "running")
    doctor = Doctor(run)
    lines = log(healthy, learned, epochs=6)
    (run / "metrics.jsonl").write_text(text_of(lines))
    assert doctor.news() == []
    slow = [{**line, "waited": 0.5} for line in log(healthy, learned, epochs=9)[len(lines) :]]
    with (run / "metrics.jsonl").open("a") as file:
        file.write(text_of(slow))
    assert [each.kind for each in doctor.news()] == ["slow_loader"]
    assert doctor.news() == [] and [each.kind for each in doctor.findings()] == ["slow_loader"]
    with pytest.raises(RunError, match="no run"):
        Doctor(tmp_path / "nowhere").findings()


def test_damaged_files_beside_the_log_do_no_harm(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    for name in ("config.json", "environment.json"):
        (run / name).write_text('{"data": [')
    assert Doctor(run).findings() == []
    (run / "environment.json").write_text('{"masks": {"looked_at": "x", "odd": 3}}')
    (run / "config.json").write_text('{"tomorrow": true}')
    assert Doctor(run).findings() == []
