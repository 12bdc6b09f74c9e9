from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Watched, start_server, watched_page
from tests.e2e.data_folders import MANY, fill_index, write_folders, write_many, write_run

pytestmark = pytest.mark.browser
WIDE = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Place:
    """A server with a data folder of each kind."""

    base: str
    data: Path
    faults: dict[str, set[str]]


@pytest.fixture(scope="module")
def place(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("dataset")
    data, runs = root / "data", root / "runs"
    faults = write_folders(data)
    write_run(runs / "tiny", data / "tiny_carvana")
    write_run(runs / "lost", data / "tiny_carvana", root / "gone")
    places = {
        "CARMASK_DATA": os.pathsep.join(str(each) for each in sorted(data.iterdir())),
        "CARMASK_CACHE": root / "cache",
        "CARMASK_RECIPES": root / "recipes",
    }
    for base in start_server(runs, samples, root / "server.txt", **places):
        yield Place(base, data, faults)


@pytest.fixture
def data_app(browser: Browser, place: Place) -> Iterator[Watched]:
    yield from watched_page(browser, place.base, viewport=WIDE)


def measured(app: Watched) -> None:
    """Waits until all photos are measured and looked through."""
    expect(app.page.locator(".st-key-survey")).to_have_count(0)
    app.settle()


def tiles(app: Watched) -> list[str]:
    """Returns the names in the grid, each of whose pictures is there."""
    expect(app.page.locator("button[data-name]").first).to_be_visible()
    app.settle()
    shown = app.page.locator("button[data-name]")
    assert shown.locator("img").evaluate_all("all => all.every(e => e.naturalWidth > 0)")
    return [str(name) for name in shown.evaluate_all("all => all.map(e => e.dataset.name)")]


def metric(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def tab(app: Watched, name: str) -> None:
    app.page.get_by_role("tab", name=name).click()
    app.settle()


def pictures(app: Watched, names: str) -> list[str]:
    """Returns where the pictures come from whose words fit, once they are there."""
    shown = app.page.get_by_role("img", name=names)
    expect(shown.first).to_be_visible()
    app.settle()
    return [str(each) for each in shown.evaluate_all("all => all.map(e => e.src)")]


def changed(app: Watched, names: str, before: list[str]) -> list[str]:
    """Returns where the pictures come from as soon as none of them is one from before.

    The URL changes before the server has drawn anything anew.
    """
    until = time.monotonic() + 120
    while set(before) & set(now := pictures(app, names)):
        assert time.monotonic() < until, f"{names}: the pictures stay as they were"
        app.page.wait_for_timeout(200)
    return now


@pytest.mark.parametrize(
    ("name", "layout", "photos", "cars"),
    [
        ("samples", "Photos and masks in two folders", None, None),
        ("tiny_carvana", "Carvana layout", 32, 8),
        ("tiny_voc", "Pascal VOC", 6, 3),
        ("tiny_augmented", "Augmented set", 96, 8),
    ],
)
def test_a_folder_of_each_layout_is_counted_measured_and_shown(
    data_app: Watched, name: str, layout: str, photos: int | None, cars: int | None
) -> None:
    page = data_app.open(f"dataset?dataset={name}")
    expect(page.get_by_text(layout)).to_be_visible()
    measured(data_app)
    for label, count in (("Photos", photos), ("Cars", cars)):
        if count is not None:
            expect(metric(page, label)).to_have_text(str(count))
    expect(metric(page, "Car share")).to_contain_text("%")
    expect(page.get_by_role("img", name="Mean mask")).to_be_visible()
    tab(data_app, "Browse")
    captions = page.locator("button[data-name] .caption")
    expect(captions).to_have_count(len(tiles(data_app)))
    expect(captions.first).to_have_text(re.compile(r"^Car \d+\.\d%$"))


def test_the_category_of_coco_that_is_the_car_can_be_chosen(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=tiny_coco")
    measured(data_app)
    expect(page.get_by_text("classes: car")).to_be_visible()
    share = metric(page, "Car share").inner_text()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("combobox", name="Classes that are the car").click()
    page.get_by_role("option", name="person").click()
    page.wait_for_url("**classes=person**")
    page.keyboard.press("Escape")
    expect(page.get_by_text("classes: car, person")).to_be_visible()
    page = data_app.open("dataset?dataset=tiny_coco&classes=person")
    measured(data_app)
    expect(page.get_by_text("classes: person")).to_be_visible()
    expect(metric(page, "Car share")).not_to_have_text(share)


def test_every_finding_is_one_click_from_its_photos(data_app: Watched, place: Place) -> None:
    faults = {kind: set(names) for kind, names in place.faults.items()}
    for kind in ("exact_duplicates", "near_duplicates"):  # all on one side of this split
        faults[f"{kind}_within_side"] = faults.pop(f"{kind}_within") | faults.pop(f"{kind}_cars")
    page = data_app.open("dataset?dataset=faults")
    measured(data_app)
    expect(page.get_by_text("Training would fail")).to_be_visible()
    for number, kind in enumerate(("without_mask", "without_photo", "doubled")):
        page.get_by_role("button", name="Files").nth(number).click()
        (name,) = faults.pop(kind)
        expect(page.get_by_test_id("stPopoverBody")).to_have_text(name)
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("stPopoverBody")).to_be_hidden()
    shown = page.locator("[class*=st-key-show_finding_]")
    expect(shown).to_have_count(len(faults))
    for kind, names in faults.items():
        page.locator(f".st-key-show_finding_{kind} button:visible").click()
        page.wait_for_url(f"**finding={kind}**")
        expect(page.locator(".st-key-without_finding")).to_be_visible()
        data_app.settle()
        assert set(tiles(data_app)) == names, kind
        tab(data_app, "Overview")


def test_from_a_finding_to_one_photo_and_back(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=faults")
    measured(data_app)
    page.locator(".st-key-show_finding_area_outlier button:visible").click()
    page.wait_for_url("**finding=area_outlier**")
    page.locator("button[data-name=huge_01]").click()
    page.wait_for_url("**photo=huge_01**")
    expect(page.get_by_text("2 of 3")).to_be_visible()
    expect(page.get_by_role("img", name="Overlay")).to_be_visible()
    expect(page.get_by_text("far smaller or larger").first).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**photo=tiny_01**")
    expect(page.get_by_text("3 of 3")).to_be_visible()
    data_app.settle()

    other = Watched(page.context.new_page(), data_app.base)
    other.page.goto(page.url)
    other.settle()
    expect(other.page.get_by_text("3 of 3")).to_be_visible()
    expect(other.page.get_by_role("img", name="Overlay")).to_be_visible()
    other.page.close()

    page.get_by_role("button", name="All photos").click()
    assert sorted(tiles(data_app)) == ["framed_01", "huge_01", "tiny_01"]
    assert "photo=" not in page.url


def test_a_random_split_says_that_it_leaks(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=tiny_carvana")
    expect(page.get_by_text("Split by car").first).to_be_visible()
    page.get_by_role("radiogroup", name="How").get_by_text("Random").click()
    page.wait_for_url("**split=Random**")
    verdict = page.get_by_text("validation cars were trained on").first
    expect(verdict).to_contain_text("LEAKY: ")
    measured(data_app)
    page.reload()
    data_app.settle()
    expect(verdict).to_be_visible()


def test_the_grid_is_sorted_and_filtered(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=faults&tab=Browse")
    measured(data_app)
    choose(page, "Sort by", "Car share")
    page.wait_for_url("**sort=Car+share**")
    page.get_by_text("Reverse").click()
    page.wait_for_url("**down=true**")
    first = page.locator("button[data-name]").first
    expect(first).to_have_attribute("data-name", "full_01")  # the URL is quicker than the server
    assert tiles(data_app)[:2] == ["full_01", "huge_01"]
    page.get_by_role("button", name="Filter").click()
    choose(page, "View", "09")
    page.wait_for_url("**of_view=09**")
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 of 43 photos")).to_be_visible()
    assert sorted(tiles(data_app)) == ["good1_09", "good3_09"]
    page.get_by_role("button", name="View 09").click()
    expect(page.get_by_text("2 of 43 photos")).to_be_hidden()
    assert len(tiles(data_app)) == 24


def test_an_empty_folder_is_explained_and_another_one_is_a_click_away(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=nothing")
    expect(page.get_by_text("has none of the known layouts")).to_be_visible()
    choose(page, "Data folder", "tiny_voc")
    expect(metric(page, "Photos")).to_have_text("6")
    measured(data_app)


def test_dice_recipe_and_strip_change_the_pictures(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=tiny_carvana&tab=Augment&square=128+px&recipe=heavy")
    first = pictures(data_app, "Epoch")
    assert len(first) == 8
    page.get_by_role("button", name="Another seed", exact=True).click()
    page.wait_for_url("**seed=**")
    second = changed(data_app, "Epoch", first)
    choose(page, "Recipe", "paper")
    page.wait_for_url("**recipe=paper**")
    changed(data_app, "Epoch", second)
    page.get_by_role("button", name="Next photo", exact=True).click()
    page.wait_for_url("**image=car0_02**")
    page.get_by_role("radiogroup", name="Studio").get_by_text("Strip").click()
    expect(page.locator(".st-key-strip_row img")).to_have_count(9)
    data_app.settle()
    strip = page.locator(".st-key-strip_row img").evaluate_all("all => all.map(e => e.src)")
    assert len(set(strip)) > 4


def test_a_copied_recipe_stays_chosen_while_photos_are_measured(
    data_app: Watched, place: Place
) -> None:
    shutil.copytree(place.data / "tiny_carvana", place.data / "fresh")  # not measured yet
    query = f"data={place.data / 'fresh'}&dataset=fresh&tab=Augment&square=128+px"
    page = data_app.open(f"dataset?{query}&recipe=heavy&edit=true")
    page.get_by_role("button", name="Change a copy").click()
    measured(data_app)
    expect(page.get_by_role("combobox", name="Recipe")).to_have_value("my_heavy")
    assert "recipe=my_heavy" in page.url
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as my_heavy.json.")).to_be_visible()


def test_what_the_network_of_a_run_saw(data_app: Watched) -> None:
    page = data_app.open("dataset?dataset=tiny_voc&tab=Augment&studio=Network&run=tiny")
    first = pictures(data_app, "What the network sees")
    expect(page.get_by_text("Image tensor 3 \N{MULTIPLICATION SIGN} 64")).to_be_visible()
    page.get_by_role("spinbutton", name="Epoch").fill("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**epoch=2**")
    data_app.settle()
    changed(data_app, "What the network sees", first)
    choose(page, "Run", "lost")
    expect(page.get_by_text("trained on data that are not here")).to_be_visible()


def test_an_augmented_set_is_started_watched_and_opened(data_app: Watched, tmp_path: Path) -> None:
    made = tmp_path / "made"
    query = f"tab=Augment&studio=New+set&per_image=2&set_size=256+px+square&out={made}"
    page = data_app.open(f"dataset?dataset=tiny_voc&{query}")
    expect(page.get_by_text("= 12 pictures")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("All pictures are there")).to_be_visible()
    expect(page.get_by_text("12 of 12 pictures")).to_be_visible()
    assert len(pictures(data_app, "car0_01_a")) == 2
    expect(page.get_by_role("img", name="The photo")).to_be_visible()
    page.get_by_role("button", name="Open as data folder").click()
    expect(page.get_by_role("combobox", name="Data folder")).to_have_value("made")
    assert len(tiles(data_app)) == 12
    page.locator("button[data-name=car0_01_a01]").click()
    expect(page.get_by_text("Made from")).to_be_visible()
    measured(data_app)


def test_a_source_stands_beside_its_versions(data_app: Watched, place: Place) -> None:
    query = f"tab=Augment&studio=New+set&out={place.data / 'tiny_augmented'}&image=car3_02"
    page = data_app.open(f"dataset?dataset=tiny_carvana&{query}")
    assert len(pictures(data_app, "car3_02_a")) == 3
    box, *others = (
        page.locator(".st-key-versions img").nth(place).bounding_box() for place in range(4)
    )
    assert box is not None and all(each and each["y"] == box["y"] for each in others)


def test_a_phone_shows_every_tab_without_sideways_scroll(browser: Browser, place: Place) -> None:
    size = {"width": 390, "height": 844}
    for phone in watched_page(
        browser, place.base, viewport=size, has_touch=True, is_mobile=True, color_scheme="dark"
    ):
        for more in ("", "&tab=Browse", "&tab=Browse&photo=huge_01", "&tab=Augment&square=128+px"):
            page = phone.open(f"dataset?dataset=faults{more}")
            page.wait_for_timeout(200)
            widths = page.evaluate(
                "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
                ".map(e => e.scrollWidth)"
            )
            assert max(widths) <= 390, more


@pytest.fixture
def many(
    browser: Browser,
    runs: Path,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Watched]:
    write_many(tmp_path)
    fill_index(tmp_path / "many", tmp_path / "cache" / "facts.sqlite", monkeypatch)
    places = {"CARMASK_DATA": tmp_path / "many", "CARMASK_CACHE": tmp_path / "cache"}
    for base in start_server(runs, samples, tmp_path / "server.txt", **places):
        yield from watched_page(browser, base, viewport=WIDE)
    shutil.rmtree(tmp_path)


def test_a_hundred_thousand_photos_are_quickly_there(many: Watched) -> None:
    page = many.page
    many.open("dataset?dataset=samples")  # what a server imports once is no matter of size
    start = time.monotonic()
    page.goto(f"{many.base}/dataset?dataset=many&tab=Browse")
    page.locator("button[data-name] img").last.wait_for()
    seconds = time.monotonic() - start
    print(f"first grid of {MANY:,} photos: {seconds:.1f} s")
    assert len(tiles(many)) == 24
    expect(page.get_by_text(f"{MANY:,} photos").first).to_be_visible()
    page.locator(".st-key-next_sheet button").click()
    page.wait_for_url("**sheet=2**")
    expect(page.locator("button[data-name=car00001_09]")).to_be_visible()
    assert seconds < 10
