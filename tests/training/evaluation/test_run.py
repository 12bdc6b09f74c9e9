"""Evaluating: right figures, the same ones whatever stands beside or comes between."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.checkpoint import load_checkpoint, save_checkpoint, save_threshold
from core.errors import CheckpointError, ConfigError, DataError
from core.masks import MaskSettings
from core.metric_table import METRICS
from core.metrics import counts, score
from core.predict import Ensemble
from core.torch_predictor import TorchPredictor
from tests.training.evaluation.tables import same_figures
from training.data.folder import Sample
from training.data.sides import Split
from training.evaluation import compute
from training.evaluation.images import EvaluationImages, EvaluationSettings, open_images
from training.evaluation.measure import measure_samples, summary_of
from training.evaluation.run import evaluate_subjects
from training.evaluation.stored import (
    StoredEvaluation,
    evaluation_path,
    find_evaluation,
    folder_of,
    list_evaluations,
)
from training.evaluation.subjects import Subject, ensemble_of, subject_of

SETTINGS = EvaluationSettings()


def evaluated(subject: Subject, images: EvaluationImages, **more: Any) -> StoredEvaluation:
    return evaluate_subjects([subject], images, SETTINGS, device="cpu", **more)[0]


def test_a_leak_that_is_noticed_later_is_told_and_stored(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    path = checkpoints[0]
    split = Split({"other": ("y",)}, {"other": images.datasets[0].cars})  # under another name
    own = {"fingerprint": split.fingerprint(), "verdict": split.verdict().to_json()}
    model, info = load_checkpoint(path)
    save_checkpoint(path, model, replace(info, split=own))
    subject = subject_of(path)
    first = evaluated(subject, images)
    assert first.facts.verdict.kind == "unknown"
    split.save(path.parent.parent / "split.json")
    again = evaluated(subject, images)
    assert again.facts.verdict.kind == "leaky"
    assert again.rows.equals(first.rows)
    (stored,) = list_evaluations(path)
    assert stored == again.facts
    # What was known stays known where the record is gone.
    (path.parent.parent / "split.json").unlink()
    assert evaluated(subject, images).facts.verdict.kind == "leaky"


@pytest.fixture
def images(tiny_data: Path) -> EvaluationImages:
    return open_images([tiny_data])


def test_rows_say_what_the_predictor_and_the_metrics_say(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    evaluation = evaluated(subject_of(checkpoints[1]), images)
    predictor = TorchPredictor.load(checkpoints[1], "cpu")
    assert len(evaluation.rows) == 15 and evaluation.facts.cars == 5
    assert evaluation.facts.title == "b/best" and evaluation.facts.threshold == 0.4
    for place in (0, 7, 14):
        row, sample = evaluation.image_rows[place], images.samples[place]
        image, truth = sample.read()
        probability = predictor(image)
        mask = probability >= 0.4
        assert (row.source, row.image, row.car) == ("tiny", sample.name, sample.car)
        assert row.view == sample.name[-2:]
        assert {m.name: getattr(row, m.name) for m in METRICS} == vars_of(score(mask, truth))
        pixels = counts(mask, truth)
        assert (row.true_positive, row.false_negative) == (
            pixels.true_positive,
            pixels.false_negative,
        )
        assert (row.share, row.predicted_share) == (truth.mean(), mask.mean())
        assert row.brightness == pytest.approx(luma(image).mean() / 255, abs=0.002)
        assert row.seconds > 0
        here = evaluation.histograms.everywhere[place]
        assert here.sum() == truth.size and here[1].sum() == truth.sum()
        assert here[:, 40:].sum() == mask.sum()


@pytest.mark.slow
def test_what_is_evaluated_beside_it_changes_nothing(
    images: EvaluationImages, checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = (subject_of(path) for path in checkpoints)
    alone = [evaluated(each, images) for each in (other, subject_of(checkpoints[0], flips=True))]
    forget(checkpoints)
    flipped = subject_of(checkpoints[0], flips=True)
    both = ensemble_of([one, other])
    together = evaluate_subjects([one, both, other, flipped], images, SETTINGS, device="cpu")
    same_figures(together[2], alone[0])
    same_figures(together[3], alone[1])
    forget(checkpoints)
    same_figures(evaluated(ensemble_of([other, one]), images), together[1])


def test_ensembles_and_flips_are_means_of_probabilities(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    subject = ensemble_of([subject_of(path) for path in checkpoints], flips=True)
    assert subject.title == "a/best + b/best, mirrored too" and subject.threshold == 0.45
    image, truth = images.samples[3].read()
    answers = []
    for path in subject.paths:
        predictor = TorchPredictor.load(path, "cpu")
        answers.append(predictor(image))
        answers.append(predictor(np.ascontiguousarray(image[:, ::-1]))[:, ::-1])
    expected = np.mean(np.stack(answers, dtype=np.float64), axis=0)
    ensemble = subject.load("cpu")
    assert isinstance(ensemble, Ensemble)
    assert ensemble(image) == pytest.approx(expected, abs=1e-6)
    row = evaluated(subject, images).image_rows[3]
    assert row.dice == score(ensemble(image) >= np.float32(0.45), truth).dice


def test_each_photo_is_read_once_and_nothing_twice(
    images: EvaluationImages, checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()
    really = Sample.read_truth

    def count(sample: Sample) -> Any:
        read[sample.name] += 1
        return really(sample)

    monkeypatch.setattr(Sample, "read_truth", count)
    subjects = [subject_of(path, flips=flips) for path in checkpoints for flips in (False, True)]
    first = evaluate_subjects(subjects, images, SETTINGS, device="cpu")
    assert set(read.values()) == {1} and len(read) == 15
    again = evaluate_subjects(subjects, images, SETTINGS, device="cpu")
    assert set(read.values()) == {1}
    for one, other in zip(first, again, strict=True):
        assert one.facts == other.facts
        pd.testing.assert_frame_equal(one.rows, other.rows)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "interrupt"])
def test_interrupted_and_continued_it_equals_an_uninterrupted_one(
    images: EvaluationImages,
    checkpoints: tuple[Path, Path],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subject, other = (subject_of(path) for path in checkpoints)
    whole = evaluated(subject, images)
    forget(checkpoints)
    monkeypatch.setattr(compute, "_EVERY", 0.0)
    seen: list[int] = []

    def progress(done: int, total: int) -> None:
        seen.append(done)
        if how == "interrupt" and len(seen) == 4:
            raise KeyboardInterrupt

    def stop() -> bool:
        return how == "stop" and len(seen) == 4

    more = {"device": "cpu", "progress": progress, "stop": stop}
    if how == "stop":
        assert evaluate_subjects([subject], images, SETTINGS, **more) == []
    else:
        with pytest.raises(KeyboardInterrupt):
            evaluate_subjects([subject], images, SETTINGS, **more)
    assert find_evaluation(subject, images, SETTINGS) is None
    path = evaluation_path(subject, whole.facts.key)
    assert path.with_suffix(".part").is_file() and not path.exists()
    seen.clear()
    # Beside one that has not begun yet: the first photos are of that one alone.
    again, _ = evaluate_subjects([subject, other], images, SETTINGS, device="cpu")
    same_figures(again, whole)
    assert not path.with_suffix(".part").exists()


@pytest.mark.slow
def test_asked_about_several_photos_at_once_it_says_the_same(
    tiny_data: Path, checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tiny_data / "images" / "car1_02.jpg").write_bytes(b"no photo")
    images = open_images([tiny_data])
    one, other = (subject_of(path) for path in checkpoints)
    subjects = [one, subject_of(checkpoints[0], flips=True), ensemble_of([one, other])]
    whole = evaluate_subjects(subjects, images, SETTINGS, device="cpu")
    forget(checkpoints)
    assert len(evaluate_subjects(subjects[:1], images, SETTINGS, device="cpu")) == 1
    evaluate_subjects(subjects[1:2], images, SETTINGS, device="cpu", stop=lambda: True)
    monkeypatch.setattr(compute, "_batch", lambda device: 4)  # as on a graphics card
    for again, before in zip(
        evaluate_subjects(subjects, images, SETTINGS, device="cpu"), whole, strict=True
    ):
        same_figures(again, before)


def test_a_part_of_another_device_is_begun_anew(
    images: EvaluationImages, checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = subject_of(checkpoints[0])
    evaluate_subjects([subject], images, SETTINGS, device="cpu", stop=lambda: True)
    done: list[int] = []
    monkeypatch.setattr("training.evaluation.compute._versions", lambda: "another torch")
    evaluated(subject, images, progress=lambda at, total: done.append(at))
    assert done == list(range(1, 16))


def test_a_photo_that_cannot_be_read_is_a_row(
    tiny_data: Path, checkpoints: tuple[Path, Path]
) -> None:
    before = evaluated(subject_of(checkpoints[0]), open_images([tiny_data]))
    (tiny_data / "images" / "car1_02.jpg").write_bytes(b"no photo")
    (tiny_data / "masks" / "car2_01.png").write_bytes(b"no mask either")
    evaluation = evaluated(subject_of(checkpoints[0]), open_images([tiny_data]))
    assert evaluation.facts.key != before.facts.key
    assert (evaluation.facts.images, evaluation.facts.failed) == (15, 2)
    failed = evaluation.rows[evaluation.rows["error"] != ""]
    assert failed["image"].tolist() == ["car1_02", "car2_01"]
    assert failed["dice"].isna().all() and "car1_02.jpg" in failed["error"].iloc[0]
    assert not evaluation.histograms.counts[failed.index].any()
    good = evaluation.scored
    columns = ["image", *(metric.name for metric in METRICS)]
    pd.testing.assert_frame_equal(good[columns], before.rows.loc[good.index, columns])
    assert summary_of(evaluation.image_rows)["images"] == 13


def test_a_missed_car_scores_nothing_and_stays_in_the_mean(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    settings = EvaluationSettings(threshold=1.0)
    missed = evaluate_subjects([subject_of(checkpoints[0])], images, settings, device="cpu")[0]
    assert (missed.rows["predicted_share"] == 0).all() and (missed.rows["share"] > 0).all()
    figures = summary_of(missed.image_rows)
    assert (figures["images"], figures["dice"], figures["boundary_f1_2px"]) == (15, 0.0, 0.0)
    assert figures["hd95"] == figures["assd"] == math.hypot(48, 64)


def test_one_photo_is_enough(images: EvaluationImages, checkpoints: tuple[Path, Path]) -> None:
    one = EvaluationImages(images.datasets, "all", None, images.samples[:1])
    evaluation = evaluated(subject_of(checkpoints[0]), one)
    assert (evaluation.facts.images, evaluation.facts.cars) == (1, 1)


def test_settings_and_photos_are_told_apart_and_a_saved_threshold_is_found(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    subject = subject_of(checkpoints[0])
    evaluation = evaluated(subject, images)
    assert find_evaluation(subject, images, EvaluationSettings(threshold=0.5)) is not None
    for other in (EvaluationSettings(threshold=0.6), EvaluationSettings(keep_largest=True)):
        assert find_evaluation(subject, images, other) is None
    assert find_evaluation(subject_of(checkpoints[0], flips=True), images, SETTINGS) is None
    assert [each.key for each in list_evaluations(checkpoints[0])] == [evaluation.facts.key]

    # A threshold is no part of the network: what was measured with the old one is still its own.
    save_threshold(checkpoints[0], 0.25)
    changed = subject_of(checkpoints[0])
    assert changed.fingerprints == subject.fingerprints
    assert find_evaluation(changed, images, SETTINGS) is None
    assert find_evaluation(changed, images, EvaluationSettings(threshold=0.5)) is not None
    assert len(list_evaluations(checkpoints[0])) == 1

    # Another network under the same name has no evaluation yet.
    checkpoints[0].write_bytes(checkpoints[1].read_bytes())
    assert list_evaluations(checkpoints[0]) == []


def test_a_damaged_evaluation_is_computed_again(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    subject = subject_of(checkpoints[0])
    whole = evaluated(subject, images)
    evaluation_path(subject, whole.facts.key).write_bytes(b"PAR1")
    assert list_evaluations(checkpoints[0]) == []
    same_figures(evaluated(subject, images), whole)


def test_a_side_without_photos_is_an_error(tiny_data: Path, tmp_path: Path) -> None:
    cars = tuple(f"car{n}" for n in range(5))
    Split({"tiny": ("elsewhere",)}, {"tiny": cars}).save(tmp_path / "split.json")
    with pytest.raises(DataError, match="No photo of the data stands on the side 'val'"):
        open_images([tiny_data], split=tmp_path / "split.json", part="val")
    images = open_images([tiny_data], split=tmp_path / "split.json", part="train")
    assert len(images.samples) == 15 and images.cars == 5


def test_bad_checkpoints_are_refused(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    subject = subject_of(checkpoints[0])
    with pytest.raises(ConfigError, match="two different checkpoints"):
        ensemble_of([subject, subject])
    data = checkpoints[0].read_bytes()
    for content in (b"", b"\x80pickle", data[:-5]):
        checkpoints[0].write_bytes(content)
        with pytest.raises(CheckpointError):
            subject_of(checkpoints[0])
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        subject_of(checkpoints[0].with_name("none.safetensors"))


def test_a_folder_that_cannot_be_written_is_an_error(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    checkpoints[0].with_name("best.evaluations").write_text("in the way")
    with pytest.raises(DataError, match="can't be written"):
        evaluated(subject_of(checkpoints[0]), images)


def test_a_training_measures_the_same(
    images: EvaluationImages, checkpoints: tuple[Path, Path]
) -> None:
    predictor = TorchPredictor.load(checkpoints[0], "cpu")
    rows = measure_samples(predictor, images.samples, MaskSettings())
    stored = evaluated(subject_of(checkpoints[0]), images).image_rows
    assert summary_of(rows) == summary_of(stored)


def vars_of(scores: Any) -> dict[str, float]:
    return {name: getattr(scores, name) for name in scores.__dataclass_fields__}


def luma(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(image @ np.array([0.299, 0.587, 0.114]))


def forget(checkpoints: tuple[Path, Path]) -> None:
    """Deletes what was stored, so that it is computed again."""
    for checkpoint in checkpoints:
        shutil.rmtree(folder_of(checkpoint), ignore_errors=True)
