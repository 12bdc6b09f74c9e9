"""COCO files whose ids and file names are not as the format has them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError, MaskError
from tests.training.layout_folders import draw_pairs, write_coco
from training.data.folder import Dataset, open_dataset

SIZE = (48, 64)
MASKS = {name: mask for name, _, mask in draw_pairs(3, 2, SIZE)}
Content = dict[str, Any]


def rewrite(root: Path, edit: Callable[[Content], object]) -> Path:
    """Writes a COCO folder of three cars in two views, and changes its JSON."""
    write_coco(root)
    path = root / "annotations" / "instances.json"
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_text(json.dumps(content))
    return root


def each(key: str, field: str, change: Callable[[Any], object]) -> Callable[[Content], object]:
    """Returns the edit that changes one field of all entries of a list."""
    return lambda content: [entry.update({field: change(entry[field])}) for entry in content[key]]


def assert_true_masks(dataset: Dataset) -> None:
    assert [sample.name for sample in dataset.samples] == list(MASKS)
    for sample in dataset.samples:
        assert np.array_equal(sample.read()[1], MASKS[sample.name])


@pytest.mark.parametrize("change", [str, float, "{}.0".format, " {} ".format])
@pytest.mark.parametrize(
    "key, field",
    [
        ("images", "id"),
        ("annotations", "image_id"),
        ("annotations", "category_id"),
        ("categories", "id"),
    ],
)
def test_ids_are_matched_by_value(
    tmp_path: Path, key: str, field: str, change: Callable[[Any], object]
) -> None:
    assert_true_masks(open_dataset(rewrite(tmp_path, each(key, field, change))))


def test_ids_that_are_no_numbers(tmp_path: Path) -> None:
    def edit(content: Content) -> None:
        for key, field in (("images", "id"), ("annotations", "image_id")):
            each(key, field, "b3f0-{}".format)(content)
        for key, field in (("categories", "id"), ("annotations", "category_id")):
            each(key, field, {1: "person", 3: "car", 8: "truck"}.get)(content)

    assert_true_masks(open_dataset(rewrite(tmp_path, edit)))


@pytest.mark.parametrize("value", [True, None, 1.5, float("nan"), [1], {"id": 1}])
@pytest.mark.parametrize(
    "key, field",
    [
        ("images", "id"),
        ("annotations", "image_id"),
        ("annotations", "category_id"),
        ("categories", "id"),
    ],
)
def test_ids_that_are_neither_numbers_nor_text(
    tmp_path: Path, key: str, field: str, value: object
) -> None:
    rewrite(tmp_path, lambda content: content[key][0].update({field: value}))
    with pytest.raises(DataError, match=r"instances\.json.*an id"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "wide", [64]])
def test_sizes_that_are_none(tmp_path: Path, value: object) -> None:
    rewrite(tmp_path, lambda content: content["images"][0].update(width=value))
    with pytest.raises(DataError, match=r"instances\.json"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("field, among", [("image_id", "images"), ("category_id", "categories")])
def test_annotations_that_belong_nowhere_are_counted_and_named(
    tmp_path: Path, field: str, among: str
) -> None:
    rewrite(tmp_path, lambda c: [entry.update({field: 99}) for entry in c["annotations"][:2]])
    with pytest.raises(DataError, match=rf"2 of 7 annotations .*{among}: 99"):
        open_dataset(tmp_path)


def test_two_photos_of_one_id_are_named(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda content: content["images"][1].update(id=1))
    with pytest.raises(DataError, match=r"1 \(car0_01\.jpg and car0_02\.jpg\)"):
        open_dataset(tmp_path)


def test_two_categories_of_one_id_are_named(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda content: content["categories"].append({"id": "3", "name": "bus"}))
    with pytest.raises(DataError, match=r"3 \(car and bus\)"):
        open_dataset(tmp_path)


def test_an_entry_that_is_repeated_as_it_is(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda content: content["images"].append(content["images"][0]))
    dataset = open_dataset(tmp_path)
    assert_true_masks(dataset)
    assert dataset.remarks == ()


def test_a_photo_listed_under_several_ids_is_remarked(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda c: c["images"].append(c["images"][0] | {"id": 77}))
    [remark] = open_dataset(tmp_path).remarks
    assert (remark.kind, remark.names) == ("listed_again", ("car0_01",))


def test_a_photo_listed_at_two_sizes(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda c: c["images"].append(c["images"][0] | {"id": 77, "width": 65}))
    with pytest.raises(DataError, match=r"car0_01\.jpg at two sizes, 64 x 48 and 65 x 48"):
        open_dataset(tmp_path)


def test_the_background_is_never_the_only_class(tmp_path: Path) -> None:
    def edit(content: Content) -> None:
        content["categories"] = [{"id": 0, "name": "_background_"}, {"id": 3, "name": "lorry"}]
        content["annotations"].pop()

    assert open_dataset(rewrite(tmp_path, edit)).classes == ("lorry",)
    rewrite(tmp_path, lambda c: c.update(categories=[{"id": 0, "name": "background"}]))
    with pytest.raises(DataError, match="annotations"):
        open_dataset(tmp_path)
    rewrite(
        tmp_path, lambda c: c.update(categories=[{"id": 0, "name": "background"}], annotations=[])
    )
    with pytest.raises(DataError, match="no class"):
        open_dataset(tmp_path)


def test_files_without_outlines_draw_nothing(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda content: content.pop("annotations"))
    with pytest.raises(DataError, match=r"instances\.json.*segmentation"):
        open_dataset(tmp_path)
    rewrite(tmp_path, lambda c: [entry.pop("segmentation") for entry in c["annotations"]])
    with pytest.raises(DataError, match=r"instances\.json.*segmentation"):
        open_dataset(tmp_path)


def test_photos_of_a_list_without_annotations_have_no_mask(tmp_path: Path) -> None:
    write_coco(tmp_path, photos="train", annotations="annotations/train.json")
    write_coco(tmp_path, cars=1, photos="test", annotations="annotations/image_info_test.json")
    path = tmp_path / "annotations" / "image_info_test.json"
    content = json.loads(path.read_bytes())
    del content["annotations"]
    path.write_text(json.dumps(content))
    assert_true_masks(open_dataset(tmp_path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON, key=st.sampled_from(["images", "annotations", "categories"]), data=st.data())
def test_whatever_stands_in_a_file_is_read_or_refused(
    tmp_path: Path, value: object, key: str, data: st.DataObject
) -> None:
    def edit(content: Content) -> None:
        if data.draw(st.integers(0, 9)) == 0:
            content[key] = value
        else:
            entry = data.draw(st.sampled_from(content[key]))
            entry[data.draw(st.sampled_from(sorted(entry)))] = value

    rewrite(tmp_path, edit)
    try:
        dataset = open_dataset(tmp_path, allow_empty=True)
        "".join(dataset.problems()).encode()
        for sample in dataset.samples:
            sample.read()
    except (DataError, MaskError) as error:
        str(error).encode()


# Names of photos


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda name: name[:-4] + ".png",
        lambda name: name[:-4],
        lambda name: "images/" + name.title(),
    ],
)
def test_names_that_differ_in_case_or_suffix_are_matched_and_remarked(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    dataset = open_dataset(rewrite(tmp_path, each("images", "file_name", change)))
    assert_true_masks(dataset)
    [remark] = dataset.remarks
    assert (remark.kind, remark.names) == ("loose_names", tuple(MASKS))
    assert change("car0_01.jpg") in remark.details[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_compared_in_one_unicode_form(tmp_path: Path, form: Any) -> None:
    other: Any = {"NFC": "NFD", "NFD": "NFC"}[form]
    rewrite(
        tmp_path,
        each("images", "file_name", lambda name: unicodedata.normalize(form, f"Käfer/ö_{name}")),
    )
    (tmp_path / "images" / unicodedata.normalize(other, "Käfer")).mkdir()
    for name in MASKS:
        path = tmp_path / "images" / f"{name}.jpg"
        path.rename(tmp_path / "images" / unicodedata.normalize(other, f"Käfer/ö_{name}.jpg"))
    dataset = open_dataset(tmp_path)
    assert [sample.name for sample in dataset.samples] == [f"ö_{name}" for name in MASKS]
    assert dataset.remarks == ()


@pytest.mark.parametrize(
    "first, second, lost",
    [
        ("a/car0_01.jpg", "b/car0_01.jpg", ("a/car0_01", "b/car0_01")),
        ("CAR0_01.jpg", "car0_01.JPG", ("CAR0_01", "car0_01.JPG")),
    ],
)
def test_two_names_never_share_a_photo(
    tmp_path: Path, first: str, second: str, lost: tuple[str, str]
) -> None:
    def edit(content: Content) -> None:
        content["images"][0]["file_name"] = first
        content["images"][1]["file_name"] = second

    dataset = open_dataset(rewrite(tmp_path, edit))
    assert dataset.without_mask == ("car0_01", "car0_02")
    assert dataset.without_photo == lost
    assert len(dataset.samples) == 4


def test_the_better_name_takes_the_photo(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda c: c["images"][1].update(file_name="CAR0_01.png"))
    dataset = open_dataset(tmp_path)
    assert np.array_equal(dataset.samples[0].read()[1], MASKS["car0_01"])
    assert dataset.without_photo == ("CAR0_01",)
    assert dataset.without_mask == ("car0_02",)


def test_a_listed_photo_stands_before_its_namesake(tmp_path: Path) -> None:
    rewrite(tmp_path, lambda content: content["images"][0].update(file_name="car0_01.png"))
    jpeg = tmp_path / "images" / "car0_01.jpg"
    (tmp_path / "images" / "car0_01.png").write_bytes(jpeg.read_bytes())
    dataset = open_dataset(tmp_path)
    assert_true_masks(dataset)
    assert dataset.samples[0].image_path.suffix == ".png"
    assert dataset.doubled == ("images/car0_01.jpg",)
