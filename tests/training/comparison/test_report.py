"""The report: one file that holds all it needs, whatever the photos are."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError, MaskError
from core.metric_table import find_metric
from tests.training.evaluation.tables import evaluation_of
from tests.training.pairs import write_pair
from training.comparison.report import EACH, Photos, report_html
from training.comparison.verdict import compare
from training.data.folder import Sample, open_dataset
from training.evaluation.curves import calibration_of
from training.evaluation.measure import ImageRow
from training.evaluation.stored import StoredEvaluation

DICE = find_metric("dice")
COLOURS = ("#1C86C7", "#E69F00", "#009E73")


class Page(HTMLParser):
    """What a browser would fetch, and what a person reads."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def samples(tmp_path: Path) -> dict[tuple[str, str], Sample]:
    for car in range(4):
        for view in range(1, 4):
            write_pair(tmp_path / "cars", f"car{car}_{view:02}", 10 * car + view)
    return {(each.source, each.name): each for each in open_dataset(tmp_path / "cars").samples}


def evaluated(title: str, shift: float, *, broken: str = "", photos: int = 12) -> StoredEvaluation:
    rows = []
    for place in range(photos):
        names = "cars", f"car{place // 3}_{place % 3 + 1:02}", f"car{place // 3}"
        view = f"{place % 3 + 1:02}"
        if names[1] == broken:
            rows.append(ImageRow(*names, view, error="the file is damaged"))
            continue
        figures = dict.fromkeys(["dice", "iou", "precision", "recall"], 0.9 + shift - place / 500)
        edges = ["boundary_iou", "boundary_iou_3px", "boundary_f1"]
        edges += ["boundary_f1_1px", "boundary_f1_2px", "hd95", "assd"]
        figures |= dict.fromkeys(edges, 0.5 + place / 100)
        known = {"share": place / 100, "brightness": 0.5 + place / 50}
        rows.append(ImageRow(*names, view, 64, 48, **figures, **known))  # type: ignore[arg-type]
    return evaluation_of(rows, title=title, key=title[:24], warnings=())


def half_of(place: int, sample: Sample) -> np.ndarray:
    _, truth = sample.read()
    found = truth.copy()
    found[:, : 20 + 10 * place] = False
    return found


def test_the_file_needs_nothing_else(samples: dict[tuple[str, str], Sample]) -> None:
    pair = evaluated("a", 0), evaluated("b", 0.05)
    page = report_html(pair, COLOURS[:2], DICE, 0, Photos(samples, half_of))
    read = Page(page)
    assert read.sources and all(source.startswith("data:image/jpeg") for source in read.sources)
    assert page.count(b"plotly.js v") == 1
    assert page.count(b"Plotly.newPlot(") >= 8
    errors = [calibration_of(each, "edge").error for each in pair]
    assert f"calibration error: a {errors[0]:.4f}, b {errors[1]:.4f}." in read.text
    verdict = compare(pair[0].rows, pair[1].rows, DICE, ("a", "b"))
    assert verdict.kind == "better" and verdict.sentence in read.text
    # B gains in all photos, so there is no list of those in which it loses.
    assert len(read.sources) == 3 * 2 * EACH
    assert "Where b gains most" in read.text and "Where b loses most" not in read.text
    assert len(page) < 8_000_000


@pytest.mark.slow
def test_it_comes_out_the_same_again(samples: dict[tuple[str, str], Sample]) -> None:
    pair = evaluated("a", 0), evaluated("b", 0.05)
    pages = {report_html(pair, COLOURS[:2], DICE, 0, Photos(samples, half_of)) for _ in range(2)}
    assert len(pages) == 1


def test_without_the_photos_the_figures_stay() -> None:
    pair = evaluated("a", 0), evaluated("b", 0.05)
    read = Page(report_html(pair, COLOURS[:2], DICE, 1, Photos({}, half_of)))
    assert not read.sources
    assert "not on this machine" in read.text
    assert "car0_01" in read.text and "a is worse by" in read.text


def test_a_photo_that_is_lost_or_unreadable_is_named(
    samples: dict[tuple[str, str], Sample],
) -> None:
    pair = evaluated("a", 0, broken="car1_01"), evaluated("b", 0.05, broken="car1_01")
    samples["cars", "car0_01"].image_path.write_bytes(b"no photo")

    def fails(place: int, sample: Sample) -> np.ndarray:
        if sample.name == "car0_02":
            raise MaskError("The network is gone.")
        return half_of(place, sample)

    text = Page(report_html(pair, COLOURS[:2], DICE, 0, Photos(samples, fails))).text
    assert "1 photo can't be read and is in no figure: cars/car1_01" in text
    assert "car0_01.jpg" in text
    assert "The network is gone." in text


def test_identical_checkpoints_and_one_photo_and_names_with_mark_up() -> None:
    same = evaluated("<b>a</b>", 0, photos=1)
    page = report_html([same, same], COLOURS[:2], DICE, 0, Photos({}, half_of))
    assert b"<b>a</b>" not in page
    assert "identical" in Page(page).text


@pytest.mark.slow
def test_one_alone_and_three_at_once() -> None:
    three = [evaluated(name, shift) for name, shift in (("a", 0), ("b", 0.05), ("c", -0.05))]
    alone = Page(report_html(three[:1], COLOURS[:1], DICE, 0, Photos({}, half_of))).text
    assert "against" not in alone
    text = Page(report_html(three, COLOURS, DICE, 0, Photos({}, half_of))).text
    assert "b is better by" in text and "c is worse by" in text
    assert "c against a, photo by photo" in text


def test_what_cannot_be_compared_is_refused() -> None:
    other = evaluated("b", 0, photos=9)
    with pytest.raises(DataError, match="can't be compared"):
        report_html([evaluated("a", 0), other], COLOURS[:2], DICE, 0, Photos({}, half_of))
