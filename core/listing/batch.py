"""Many photos through one recipe: finished pictures, a table, and a journal to go on from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import CarmaskError, ImageError
from core.files import write_bytes_atomically
from core.image import ReadPhoto, thumbnail
from core.listing.car import CarBox, cut_car, mask_settings
from core.listing.compose import Picture, compose, shared_series
from core.listing.encode import encode
from core.listing.journal import ListingJournal
from core.listing.place import Series
from core.listing.recipe import ListingRecipe
from core.listing.steps import CutOut, Output, Place, Straighten
from core.names import safe_stem, unique
from core.own_results import TABLE_NAME, OwnResults
from core.photos import PhotoSource
from core.results import ResultRow, result_row, results_table
from core.segment import check_free, check_table
from core.session import PhotoResult, PredictionSession

PIPELINE = 1
"""Rises when the same recipe begins to make other pictures, so that they are made anew."""
NO_CAR = "No car was found, so there is no picture."
_MEASURED_AT = 1400  # longest side in px of the copy on which a series is measured


@dataclass(frozen=True, eq=False)
class Made:
    """A photo's finished picture."""

    data: bytes
    """Its file."""
    row: ResultRow
    """The photo's row; the note has all that a person should know."""
    picture: Picture
    """Its pixels."""


@dataclass(frozen=True)
class Finished:
    """A photo's picture, or why there is none."""

    row: ResultRow
    file: str = ""
    """Name of the picture's file; "" where there is none."""
    was_there: bool = False
    """Whether an earlier call had made it."""


def make_pictures(
    session: PredictionSession,
    sources: Sequence[PhotoSource],
    out: Path,
    recipe: ListingRecipe,
    progress: Callable[[int, ResultRow], None],
    *,
    prepared: Callable[[int], None] = lambda done: None,
    checkpoints: str = "",
    anew: bool = False,
) -> list[Finished]:
    """Returns what became of each photo, after its picture was written to `out`.

    A photo that can't be read or has no car gets a row with its error, and the others go on. What
    an earlier call finished with the same photo, recipe and network stays and is not made again.
    results.csv is written at the end, also when the work is interrupted.

    Args:
        session: What predicts.
        sources: Photos; each is read when its turn comes.
        out: Folder, made where it is missing.
        recipe: The steps.
        progress: Called after each photo with (photos done, its row).
        prepared: Called with the photos measured so far, before a series begins.
        checkpoints: Names networks and edited masks with their state; others make pictures anew.
        anew: Makes all pictures again.

    Raises:
        ImageError: `out` holds a results.csv of somebody else.
        OSError: A result can't be written; what was written stays.
    """
    out.mkdir(parents=True, exist_ok=True)
    own = OwnResults()
    check_table(out / TABLE_NAME, own)
    work = _Work(session, out, own, ListingJournal(out, anew=anew), checkpoints)
    wanted = [source for source in sources if not recipe.skips(source.name)]
    recipes = [recipe.for_photo(source.name) for source in wanted]
    files = file_names(recipes, wanted)
    done: list[Finished] = []
    try:
        series = work.series(recipe, wanted, recipes, prepared)
        for source, own_recipe, file in zip(wanted, recipes, files, strict=True):
            done.append(work.picture(source, own_recipe, file, series))
            progress(len(done), done[-1].row)
    finally:
        write_bytes_atomically(out / TABLE_NAME, results_table(each.row for each in done))
    return done


def file_names(recipes: Sequence[ListingRecipe], sources: Sequence[PhotoSource]) -> list[str]:
    """Returns the name of each photo's picture; no two are the same."""
    digits = max(2, len(str(len(sources))))
    stems = []
    for number, (recipe, source) in enumerate(zip(recipes, sources, strict=True), start=1):
        named = {"name": source.stem, "number": f"{number:0{digits}}", "recipe": recipe.name}
        stems.append(safe_stem(recipe.get(Output).name.format(**named) + ".x"))
    free = unique(stems, "{}_{}", str.casefold)
    return [stem + recipe.get(Output).suffix for stem, recipe in zip(free, recipes, strict=True)]


def series_box(
    photo: ReadPhoto, result: PhotoResult, recipe: ListingRecipe, limit: float
) -> CarBox | None:
    """Returns where a photo's car is, measured on a smaller copy; None if there is none.

    Args:
        photo: The photo.
        result: What was predicted for it.
        recipe: The photo's steps.
        limit: The checkpoint's threshold.
    """
    hard = recipe.with_step(recipe.get(CutOut).model_copy(update={"edge": "hard"}))
    small = thumbnail(photo.pixels, _MEASURED_AT)
    mask = result.mask(mask_settings(recipe, limit), small.shape[:2])
    car = cut_car(small, mask, None, hard.without_step("plate"))
    return None if car is None else car.box


@dataclass(frozen=True)
class _Work:
    """What all photos of a call share."""

    session: PredictionSession
    out: Path
    own: OwnResults
    journal: ListingJournal
    checkpoints: str

    def picture(
        self, source: PhotoSource, recipe: ListingRecipe, file: str, series: Series
    ) -> Finished:
        """Makes one photo's picture, unless it is there."""
        key = self._key(source, recipe, file, series)
        row = self.journal.finished(source.name, key)
        if row is not None:
            return Finished(row, file, was_there=True)
        try:
            check_free(source.name, [self.out / file], self.own)
            photo = source.load()
            # Only a series needs a prediction twice; the others are not remembered.
            shared = recipe.find(Place) is not None and series != Series()
            result = self._predicted(source, photo) if shared else self.session.predict(photo)
            limit = self.session.model.threshold
            made = make_picture(source, photo, result, recipe, limit, series, file)
        except CarmaskError as error:
            return Finished(ResultRow(source.name, error=str(error)))
        write_bytes_atomically(self.out / file, made.data)
        self.journal.finish(source.name, key, {file: len(made.data)}, made.row)
        return Finished(made.row, file)

    def series(
        self,
        recipe: ListingRecipe,
        sources: Sequence[PhotoSource],
        recipes: Sequence[ListingRecipe],
        prepared: Callable[[int], None],
    ) -> Series:
        """Measures all photos of a series; a photo that can't be read is passed over."""
        step = recipe.find(Place)
        if step is None or step.series == "each":
            return Series()
        boxes = []
        for done, (source, own_recipe) in enumerate(zip(sources, recipes, strict=True)):
            prepared(done)
            measured = self._measured(source, own_recipe)
            if measured is not None:
                boxes.append(measured)
        return shared_series(recipe, boxes)

    def _measured(self, source: PhotoSource, recipe: ListingRecipe) -> CarBox | None:
        key = self._key(source, recipe.only(CutOut, Straighten), "", Series())
        known = self.journal.measured(source.name, key)
        if known is not None:
            return known
        try:
            photo = source.load()
            result = self._predicted(source, photo)
            box = series_box(photo, result, recipe, self.session.model.threshold)
        except CarmaskError:  # its turn comes, and says why
            return None
        if box is not None:
            self.journal.measure(source.name, key, box)
        return box

    def _predicted(self, source: PhotoSource, photo: ReadPhoto) -> PhotoResult:
        return self.session.result(f"{source.place}/{source.name}/{source.stamp}", lambda: photo)

    def _key(self, source: PhotoSource, recipe: ListingRecipe, file: str, series: Series) -> str:
        """Returns a digest of all that a picture depends on."""
        shared = [series.height, series.box and list(vars(series.box).values())[:5]]
        limit = self.session.model.threshold
        plain = [PIPELINE, source.stamp, recipe.fingerprint(), file, shared, limit]
        text = json.dumps([*plain, self.checkpoints])
        return hashlib.sha256(text.encode()).hexdigest()


def make_picture(
    source: PhotoSource,
    photo: ReadPhoto,
    result: PhotoResult,
    recipe: ListingRecipe,
    threshold: float,
    series: Series,
    file: str,
) -> Made:
    """Returns a photo's finished picture.

    Args:
        source: Where the photo comes from.
        photo: The photo.
        result: What was predicted for it.
        recipe: The photo's steps; see `ListingRecipe.for_photo`.
        threshold: The checkpoint's.
        series: What the photos of its series share.
        file: Name of the picture's file.

    Raises:
        ImageError: There is no car, or a picture of the recipe can't be read.
    """
    mask = result.mask(mask_settings(recipe, threshold))
    car = cut_car(photo.pixels, mask, result.edge_probability, recipe)
    if car is None:
        raise ImageError(f"{source.name}: {NO_CAR}")
    row = result_row(source.name, mask, result, stem=Path(file).stem)
    picture = compose(car, recipe, series=series)
    data, about_file = encode(picture.pixels, recipe.get(Output))
    notes = [row.note, row.advice, *picture.notes, about_file]
    return Made(data, replace(row, note=" ".join(filter(None, notes))), picture)


def unknown_exceptions(recipe: ListingRecipe, sources: Sequence[PhotoSource]) -> list[str]:
    """Returns the names of exceptions that are for none of the photos, perhaps misspelt."""
    names = {source.name for source in sources}
    return [name for name in recipe.photos if name not in names]
