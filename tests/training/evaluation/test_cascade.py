"""The cascade as a candidate: what users get is what is measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint import load_checkpoint, save_checkpoint, save_facts
from core.masks import mask_from_probability
from core.metrics import score
from core.predict import load_model
from core.split_verdict import SplitVerdict
from core.uncertainty import Limits
from training.commands.cli import main
from training.comparison.model_card import model_card
from training.evaluation.cost import cost_of, measure_costs
from training.evaluation.images import EvaluationSettings, open_images
from training.evaluation.run import evaluate_subjects
from training.evaluation.stored import StoredEvaluation, facts_of, list_evaluations
from training.evaluation.subjects import Subject, cascade_of, ensemble_of, subject_of

SETTINGS = EvaluationSettings()


def evaluated(data: Path, *subjects: Subject) -> list[StoredEvaluation]:
    return evaluate_subjects(subjects, open_images([data]), SETTINGS, device="cpu")


@pytest.mark.parametrize("limit", [-1.0, 0.5, 2.0])  # the fallback predicts all, some, none
def test_its_rows_are_those_of_the_masks_that_users_get(
    tiny_data: Path,
    checkpoints: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    limit: float,
) -> None:
    a, b = checkpoints
    if limit == 0.5:
        firsts = [load_model(a, device="cpu").predict(s.read()[0]).uncertainty
                  for s in open_images([tiny_data]).samples]  # fmt: skip
        limit = float(np.median(np.array(firsts, float)))
    monkeypatch.setattr("core.cascade.FALLBACK_LIMIT", limit)
    first, fallback = (subject_of(path, flips=True) for path in checkpoints)
    single = subject_of(b)
    cascade, one, other, _ = evaluated(tiny_data, cascade_of(a, b), first, fallback, single)
    model = load_model(a, b, "cpu")
    fell_back = 0
    for place, sample in enumerate(open_images([tiny_data]).samples):
        image, truth = sample.read()
        prediction = model.predict(image)
        by_fallback = prediction.by_fallback
        fell_back += by_fallback
        probability = prediction.at_size(*image.shape[:2])
        mask = mask_from_probability(probability, SETTINGS.masks(model.threshold))
        row = cascade.image_rows[place]
        assert row.dice == score(mask, truth).dice and row.seconds > 0
        if not by_fallback:
            assert row.dice == one.image_rows[place].dice
        else:  # but for the rounding of the threshold that was moved
            assert row.dice == pytest.approx(other.image_rows[place].dice, abs=0.02)
    assert {-1.0: fell_back == 15, 2.0: fell_back == 0}.get(limit, 0 < fell_back < 15)
    alone = evaluated(tiny_data, cascade_of(a, b))[0]  # found again
    assert alone.facts == cascade.facts


def test_a_finer_grid_is_part_of_it_for_large_photos_alone(
    tiny_data: Path, checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cascade.FALLBACK_LIMIT", 1.0)
    a, b = checkpoints
    plain = evaluated(tiny_data, cascade_of(a, b))[0].image_rows
    save_facts(a, limits=Limits(check=1.0), detail=56)  # photos have 48 x 64 px, less than 56 x 56
    assert [row.dice for row in evaluated(tiny_data, cascade_of(a, b))[0].image_rows] == [
        row.dice for row in plain
    ]
    save_facts(a, detail=55)
    cascade = evaluated(tiny_data, cascade_of(a, b))[0].image_rows
    model = load_model(a, b, "cpu")
    for row, sample in zip(cascade, open_images([tiny_data]).samples, strict=True):
        image, truth = sample.read()
        mask = mask_from_probability(model(image), SETTINGS.masks(model.threshold))
        assert row.dice == score(mask, truth).dice
    assert [row.dice for row in cascade] != [row.dice for row in plain]


def test_its_key_verdict_and_threshold(tiny_data: Path, checkpoints: tuple[Path, Path]) -> None:
    a, b = checkpoints
    model, info = load_checkpoint(b)
    leaky, clean = (SplitVerdict(kind, 3, 5, "car") for kind in ("leaky", "clean"))
    save_checkpoint(b, model, replace(info, split={"verdict": leaky.to_json()}))
    model, info = load_checkpoint(a)
    save_checkpoint(a, model, replace(info, split={"verdict": clean.to_json()}))
    cascade, turned = cascade_of(a, b), cascade_of(b, a)
    both = ensemble_of([subject_of(a), subject_of(b)], flips=True)
    images = open_images([tiny_data])
    keys = {facts_of(each, images, SETTINGS).key for each in (cascade, turned, both)}
    assert len(keys) == 3
    assert cascade.verdict == leaky and images.judge(cascade)[0].kind == "leaky"
    assert (cascade.threshold, turned.threshold) == (0.5, 0.4)
    evaluated(tiny_data, cascade, turned)
    assert [facts.identity for facts in list_evaluations(a)] == [cascade.identity]


def test_compare_ranks_it_beside_the_first_and_the_fallback(
    tiny_data: Path, checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = checkpoints
    words = f"{a} {b} --cascade {a} {b}"
    command = ["compare", *words.split(), "--device", "cpu", "--json"]
    assert main([*command, "--data", str(tiny_data)]) == 0
    told = json.loads(capsys.readouterr().out)
    names = {"a/best", "b/best", "a/best, fallback b/best"}
    assert {place["name"] for place in told["ranking"]} == names
    assert told["photos"] == 15 and len(told["verdicts"]) == 3
    assert main(command) == 0, "stored, it is compared without the photos"
    again = json.loads(capsys.readouterr().out)
    assert again["ranking"] == told["ranking"]
    # The card of the first has it; the fallback's has not.
    assert "a/best, fallback b/best" in model_card(a)
    assert "fallback" not in model_card(b)


def test_evaluate_scores_it_alone_with_its_gain_and_cost(
    tiny_data: Path, checkpoints: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = checkpoints
    command = ["evaluate", "--data", str(tiny_data), "--device", "cpu", "--json"]
    assert main([*command, "--cascade", str(a), str(b)]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["title"] == "a/best, fallback b/best" and told["cascade"]
    assert told["gain"] is None
    assert main([*command, "--checkpoint", str(a), "--cascade", str(a), str(b)]) == 0
    assert json.loads(capsys.readouterr().out)[1]["gain"]["over"] == "a/best"
    cascade = cascade_of(a, b)
    (cost,) = measure_costs([cascade], device="cpu", sizes=[(60, 40)], rounds=3)
    assert cost == cost_of(cascade) and cost.peak_bytes
    assert cost.parameters == 2 * cost_of(subject_of(a)).parameters
    assert not cost_of(ensemble_of([subject_of(a), subject_of(b)], flips=True)).latency
