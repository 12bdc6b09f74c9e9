"""The command `cutout`: photos in, finished listing photos out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.cli_photos import (
    add_network_options,
    chosen_checkpoints,
    chosen_edits,
    name_edited,
    networks_state,
    photo_progress,
)
from core.errors import ConfigError
from core.exits import EXIT_OK, EXIT_SOME_FAILED
from core.listing.recipe import ListingRecipe, find_recipe, presets
from core.listing.steps import Place
from core.names import first_few
from core.photos import list_photos

_SERIES = ("camera", "height")


def add_cutout(commands: Any) -> None:
    """Adds the command to those of a command line."""
    parser = commands.add_parser(
        "cutout",
        help="write finished listing photos: background, shadow, place, size",
        description="Makes a picture of each photo by a recipe of named steps, and results.csv, "
        "whose column note says what to check. Started again, it goes on where it ended: what is "
        "finished stays, unless photo, recipe or network changed.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="photo, folder, ZIP")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--recipe",
        required=True,
        metavar="PRESET_OR_FILE",
        help="a preset (--presets lists them) or the .json file of a recipe",
    )
    parser.add_argument(
        "--presets", action=_ListPresets, help="list the presets with their sources, and end"
    )
    parser.add_argument(
        "--together",
        choices=_SERIES,
        help="one car through a whole series: camera moves all photos alike (turntable, tripod), "
        "height gives all cars one height (by hand)",
    )
    parser.add_argument("--anew", action="store_true", help="make finished pictures again")
    add_network_options(parser)
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.set_defaults(command=_run)


class _ListPresets(argparse.Action):
    """Prints the presets and ends."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        for name, preset in presets().items():
            print(f"{name}\n    {preset.note}")
        parser.exit()


def _run(options: argparse.Namespace) -> int:
    """Makes the pictures; the recipe is checked before the first photo is touched."""
    from core.listing.batch import make_pictures, unknown_exceptions
    from core.predict import load_model
    from core.session import PredictionSession

    recipe = _recipe(options)
    sources = list_photos(options.paths)
    if unknown := unknown_exceptions(recipe, sources):
        print(
            f"No photo has the name of these exceptions: {first_few(unknown, 5)}", file=sys.stderr
        )
    paths = chosen_checkpoints(options)
    model = load_model(*paths, options.device)
    edits = chosen_edits(options)
    with photo_progress("cutout", sources) as bar:
        done = make_pictures(
            PredictionSession(model, edits=edits),
            sources,
            options.out,
            recipe,
            bar.show,
            prepared=bar.prepared,
            checkpoints=networks_state(paths, edits),
            anew=options.anew,
        )
    failed = sum(bool(each.row.error) for each in done)
    if options.json:
        photos = [{**asdict(each.row), "picture": each.file} for each in done]
        print(json.dumps({"out": str(options.out), "photos": photos, "left_out": sources.left_out}))
        return EXIT_SOME_FAILED if failed else EXIT_OK
    kept = sum(each.was_there for each in done)
    before = f", {kept} of them finished before" if kept else ""
    skipped = len(sources) - len(done)
    left = f", {skipped} skipped by the recipe" if skipped else ""
    print(f"{len(done) - failed} of {len(done)} pictures{before}{left}: {options.out}")
    name_edited([each.row for each in done])
    if uncertain := [each.row.file for each in done if each.row.advice]:
        print(f"Check the masks of {len(uncertain)} of them: {first_few(uncertain, 5)}")
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _recipe(options: argparse.Namespace) -> ListingRecipe:
    """Returns the recipe, all its pictures readable."""
    from core.listing.pictures import read_picture

    recipe = find_recipe(options.recipe)
    if options.together:
        step = recipe.find(Place)
        if step is None:
            raise ConfigError(
                f"--together needs a recipe with the step place; {recipe.name} has none."
            )
        recipe = recipe.with_step(step.model_copy(update={"series": options.together}))
    for each in recipe.steps:
        if picture := getattr(each, "picture", ""):
            read_picture(picture)
    return recipe
