"""The model card, against the facts that it is made of; and both commands."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoint import load_checkpoint, read_info, save_checkpoint
from core.split_verdict import UNKNOWN, SplitVerdict
from tests.pages.untrained import write_checkpoint
from tests.training.evaluation.tables import evaluation_of, rows_of
from training.commands import fit
from training.commands.cli import main
from training.comparison.interval import mean_interval
from training.comparison.model_card import FILL_IN, model_card
from training.config import TrainConfig
from training.evaluation.stored import StoredEvaluation, evaluation_path, write_evaluation
from training.evaluation.subjects import subject_of

LEAK = SplitVerdict("leaky", 1, 2, "car")


def sections(card: str) -> dict[str, str]:
    parts = card.split("\n## ")
    return {name: text for name, _, text in (part.partition("\n") for part in parts[1:])}


def evaluated(checkpoint: Path, key: str = "k", **facts: object) -> StoredEvaluation:
    subject = subject_of(checkpoint)
    about = {"key": key, "title": subject.title, "fingerprints": subject.fingerprints}
    rows = rows_of(cars=6, views=4)
    rows[3] = replace(rows[3], error="the file is damaged")
    evaluation = evaluation_of(rows, **about | facts)
    write_evaluation(evaluation_path(subject, key), evaluation)
    return evaluation


def test_without_evaluations_it_says_what_the_checkpoint_knows(tmp_path: Path) -> None:
    card = sections(model_card(write_checkpoint(tmp_path, "run", dice=0.87654)))
    assert "0.8765" in card["Scores"] and "no intervals" in card["Scores"]
    assert "python -m training evaluate --checkpoint" in card["Scores"]
    assert "Nothing is known" in card["Where it fails"]
    assert "can't be read here" in card["How to repeat it"]  # no config.json
    assert FILL_IN in card["Licence"]


def test_scores_have_the_intervals_of_the_stored_rows(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, "run")
    evaluation = evaluated(path)
    card = sections(model_card(tmp_path / "run"))
    scored = evaluation.rows[evaluation.rows["error"] == ""]
    interval = mean_interval(scored["dice"].to_numpy(), list(scored["car"]))
    assert interval.estimate == pytest.approx(np.mean(scored["dice"]))
    assert f"| Dice | {interval.text()} |" in card["Scores"]
    assert "24 photos of 6 cars" in card["Scores"]
    assert "1 photo can't be read" in card["Scores"]
    assert "3 of 5 cars were trained on" in card["Scores"]
    worst = scored.sort_values("dice").iloc[0]
    assert f"`{worst['image']}` ({worst['dice']:.4f})" in card["Where it fails"]
    assert "View: worst is view" in card["Where it fails"]


def test_an_evaluation_of_other_weights_is_not_in_it(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, "run")
    evaluated(path, data="old_data")
    model, info = load_checkpoint(path)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    save_checkpoint(path, model, info)
    assert "old_data" not in model_card(path)


def test_a_damaged_evaluation_does_not_hide_the_others(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, "run")
    evaluated(path, "good")
    damaged = evaluation_path(subject_of(path), "bad")
    damaged.write_bytes(b"PAR1 nothing")
    assert "24 photos of 6 cars" in model_card(path)


def test_a_leak_stands_where_nobody_can_miss_it(tmp_path: Path) -> None:
    card = sections(model_card(write_checkpoint(tmp_path, "run", verdict=LEAK)))
    assert card["Data"].count("LEAKY")
    assert card["Limits"].lstrip().startswith(f"- **{LEAK.sentence()}**")


def test_an_unknown_split_is_marked_like_a_leak(tmp_path: Path) -> None:
    card = sections(model_card(write_checkpoint(tmp_path, "run", verdict=UNKNOWN)))
    assert card["Data"].count("UNKNOWN")
    assert card["Limits"].lstrip().startswith(f"- **{UNKNOWN.sentence()}**")


def test_a_name_with_a_bar_does_not_break_the_table(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, "run")
    model, info = load_checkpoint(path)
    facts = {"images": 3, "cars": 1, "layout": "paired", "fingerprint": "ab" * 32}
    save_checkpoint(path, model, replace(info, data={"a|b": facts}))
    (row,) = [line for line in model_card(path).splitlines() if line.startswith("| a\\|b")]
    assert row.count("|") - row.count("\\|") == 6


def test_the_command_in_it_trains_with_the_same_settings(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "run")
    config = TrainConfig(
        data=("data/one", "data/my cars"), epochs=3, seed=7, learning_rate=1e-3, recipe="studio"
    )
    (tmp_path / "run" / "config.json").write_text(json.dumps(asdict(config)))
    card = sections(model_card(tmp_path / "run"))
    (command,) = [
        line for line in card["How to repeat it"].splitlines() if line.startswith("python -m")
    ]
    parser = argparse.ArgumentParser()
    fit.add(parser.add_subparsers())
    given = fit.given_settings(parser.parse_args(shlex.split(command)[3:]))
    assert given == config


def test_the_card_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_checkpoint(tmp_path, "run")
    assert main(["card", str(path)]) == 0
    assert capsys.readouterr().out == model_card(path)
    assert main(["card", str(path), "--out", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text() == model_card(path)
    assert main(["card", str(path), "--out", str(tmp_path / "no" / "card.md")]) == 2
    assert main(["card", str(tmp_path / "nothing")]) == 2
    assert "There is no checkpoint" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_of_new_data_and_then_of_what_is_stored(
    tmp_path: Path, tiny_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(write_checkpoint(tmp_path, name)) for name in ("a", "b")]
    model, info = load_checkpoint(Path(runs[1]))
    save_checkpoint(Path(runs[1]), model, replace(info, threshold=0.4))
    out = tmp_path / "report.html"
    assert main(["report", *runs, "--out", str(out)]) == 2
    assert "--data DIR" in capsys.readouterr().err
    assert main(["report", *runs, "--data", str(tiny_data), "--out", str(out)]) == 0
    assert out.read_text().count("data:image/jpeg") > 3
    assert main(["report", *runs, "--metric", "hd95", "--out", str(out)]) == 0
    assert "data:image/jpeg" not in out.read_text()
    assert "15 photos of 5 cars: tiny, all photos. Compared by HD95" in out.read_text()
    assert main(["report", *runs, "--out", str(tmp_path / "no" / "report.html")]) == 2
    assert main(["report", *runs, "--metric", "beauty", "--out", str(out)]) == 2
    assert read_info(Path(runs[1])).threshold == 0.4
