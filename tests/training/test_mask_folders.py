"""Data folders of class numbers, colours and inverted masks: asked for, refused, named."""

import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.errors import DataError, UnclearMaskError
from core.image import encode_png
from training.augment.recipe import Recipe
from training.augment.written.settings import AugmentJob
from training.augment.written.status import augment_command
from training.commands.cli import main
from training.config import TrainConfig
from training.data.folder import Reading, open_dataset, open_datasets
from training.health.check import Report, check_dataset
from training.health.index import FactsIndex
from training.jobs.evaluation import EvaluationRequest

HEIGHT, WIDTH = 96, 128


def car(seed: int = 0) -> np.ndarray:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, (60 + seed, 50), (40, 24), 0, 0, 360, 1, -1)
    return drawn.astype(bool)


def write(root: Path, *masks: np.ndarray, layout: str = "paired") -> Path:
    photos, folder, mark = {
        "paired": ("images", "masks", ""),
        "carvana": ("train", "train_masks", "_mask"),
    }[layout]
    (root / photos).mkdir(parents=True)
    (root / folder).mkdir()
    for number, values in enumerate(masks):
        noise = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        (root / photos / f"car{number}_01.png").write_bytes(encode_png(noise))
        Image.fromarray(values).save(root / folder / f"car{number}_01{mark}.png")
    return root


def numbers(other: int, number: int, seed: int = 0) -> np.ndarray:
    return np.where(car(seed), number, other).astype(np.uint8)


def checked(root: Path, reading: Reading | None = None) -> Report:
    dataset = open_dataset(root, reading or Reading())
    index = FactsIndex(root.parent / "facts.sqlite")
    index.update(dataset.samples, workers=0)
    report = check_dataset(dataset, index)
    index.close()
    return report


def kinds(report: Report) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in report.findings}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("layout", ["paired", "carvana"])
def test_class_numbers_are_refused_until_one_is_named(tmp_path: Path, layout: str) -> None:
    street = numbers(7, 26)
    street[:30] = 23
    root = write(tmp_path / "street", street, street, layout=layout)
    with pytest.raises(UnclearMaskError):
        open_dataset(root).samples[0].read()
    assert kinds(checked(root)) == {"unclear_mask": "error"}
    reading = Reading(classes=("26",))
    dataset = open_dataset(root, reading)
    assert dataset.classes == ("26",)
    assert np.array_equal(dataset.samples[0].read()[1], street == 26)
    assert kinds(checked(root, reading)) == {}
    assert dataset.fingerprint() != open_dataset(root, Reading(classes=("7",))).fingerprint()


def test_the_command_line_takes_a_number_a_colour_and_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    colours = np.full((HEIGHT, WIDTH, 3), (128, 64, 128), np.uint8)
    colours[car()] = 64, 0, 128
    write(tmp_path / "colours", colours)
    instances = numbers(0, 1)
    instances[:, :60] *= 2
    write(tmp_path / "instances", instances)
    words = ["--workers", "0", "--json"]
    for root, given, status in (
        ("colours", [], 1),
        ("colours", ["--class", "64,0,128"], 0),
        ("instances", [], 1),
        ("instances", ["--class", "all"], 0),
        ("instances", ["--class", "1", "--class", "2"], 0),
    ):
        assert main(["check", str(tmp_path / root), *words, *given]) == status
    assert '"unclear_mask"' in capsys.readouterr().out


def test_a_class_is_meant_for_one_folder_of_several(tmp_path: Path) -> None:
    street = write(tmp_path / "street", numbers(7, 26))
    plain = write(tmp_path / "plain", numbers(0, 255))
    with pytest.raises(DataError, match=r"--class (street|plain)=26"):
        open_datasets([street, plain], Reading(classes=("26",)))
    reading = Reading(classes=("car", "street=26"))
    for dataset in open_datasets([street, plain], reading):
        assert np.array_equal(dataset.samples[0].read()[1], car())


@pytest.mark.parametrize("layout", ["paired", "carvana"])
def test_an_inverted_folder_is_found_and_turned_round(tmp_path: Path, layout: str) -> None:
    masks = [numbers(255, 0, seed) for seed in range(3)]
    root = write(tmp_path / "wrong", *masks, layout=layout)
    report = checked(root)
    assert kinds(report) == {"inverted": "error"}
    assert "--inverted-masks wrong" in report.text()
    reading = Reading(inverted=("wrong",))
    assert kinds(checked(root, reading)) == {}
    datasets = [open_dataset(root, each) for each in (Reading(), reading)]
    for seed, sample in enumerate(datasets[1].samples):
        assert np.array_equal(sample.read()[1], car(seed))
    assert datasets[0].fingerprint() != datasets[1].fingerprint()
    assert main(["check", str(root), "--workers", "0"]) == 1
    assert main(["check", str(root), "--workers", "0", "--inverted-masks", "wrong"]) == 0
    assert main(["check", str(root), "--workers", "0", "--inverted-masks", "other"]) == 2


def test_a_folder_is_named_in_either_form_of_unicode(tmp_path: Path) -> None:
    root = write(tmp_path / unicodedata.normalize("NFD", "gebäude"), numbers(26, 7))
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "gebäude")
        reading = Reading(classes=(f"{name}=26",), inverted=(name,))
        (dataset,) = open_datasets([root], reading)
        assert np.array_equal(dataset.samples[0].read()[1], car())


def test_a_single_inverted_mask_is_named(tmp_path: Path) -> None:
    masks = [numbers(0, 255, seed) for seed in range(4)]
    root = write(tmp_path / "some", *masks, 255 - masks[0])
    (finding,) = [each for each in checked(root).findings if each.kind == "inverted"]
    assert (finding.names, finding.severity) == (("car4_01",), "warning")
    cropped = np.zeros((HEIGHT, WIDTH), np.uint8)
    cropped[20:, :80] = 255  # a car that two borders cut
    close = write(tmp_path / "close", *masks, cropped)
    assert "inverted" not in kinds(checked(close))


def test_void_beside_plain_masks_is_named(tmp_path: Path) -> None:
    void = numbers(0, 1)
    void[:10] = 255
    alone = np.zeros((HEIGHT, WIDTH), np.uint8)
    alone[:10] = 255  # nobody can tell this void from a car
    root = write(tmp_path / "void", void, numbers(0, 1, 3), alone)
    (finding,) = [each for each in checked(root).findings if each.kind == "other_values"]
    assert finding.names == ("car2_01",)
    report = checked(root, Reading(classes=("1",)))
    assert "other_values" not in kinds(report)
    plain = write(tmp_path / "plain", numbers(0, 255), numbers(0, 1, 3), numbers(0, 255, 6))
    assert kinds(checked(plain)) == {}
    other = write(tmp_path / "other", numbers(0, 255), numbers(0, 100, 3), numbers(0, 255, 6))
    assert set(kinds(checked(other))) == {"other_values"}


def test_how_a_folder_is_read_goes_along(tmp_path: Path) -> None:
    reading = Reading(classes=("a=7", "all"), inverted=("a", "b"))
    words = ["--class=a=7", "--class=all", "--inverted-masks=a", "--inverted-masks=b"]
    request = EvaluationRequest((tmp_path,), (tmp_path,), reading)
    job = AugmentJob(tmp_path, tmp_path / "out", 1, Recipe("none", ""), reading=reading)
    for command in (request.arguments(), augment_command(job, "none")):
        assert [word for word in command if word in words] == words
    config = TrainConfig(classes=reading.classes, inverted_masks=reading.inverted)
    assert config.reading() == reading
    assert TrainConfig.from_json({"inverted_masks": ["a"]}).reading().inverted == ("a",)
