"""Recipes of listing photos: read, checked, saved, and the presets that ship."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import to_json

from core.errors import ConfigError, reason
from core.files import read_json, write_bytes_atomically
from core.listing.pictures import embedded, located, picture_digest
from core.listing.steps import STEPS, Background, Output, Step
from core.names import shortened

VERSION = 1
"""Version of the file's form; rises when a file of this version would mean something else."""
PRESETS = Path(__file__).with_name("presets")

Kind = TypeVar("Kind", bound=Step)


@dataclass(frozen=True)
class PhotoException:
    """What is different for one photo of a series."""

    skip: bool = False
    """Whether no picture is made of it."""
    steps: tuple[Step, ...] = ()
    """Steps whose settings, as far as they are given, win over the recipe's."""

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON's kinds of values, with the settings that are given only."""
        steps = [step.model_dump(mode="json", exclude_unset=True) for step in self.steps]
        named = [
            {"step": step.step, **plain} for step, plain in zip(self.steps, steps, strict=True)
        ]
        return ({"skip": True} if self.skip else {}) | ({"steps": named} if named else {})


@dataclass(frozen=True)
class ListingRecipe:
    """A named list of steps, with the photos for which something is different."""

    name: str
    note: str = ""
    """What it is for, and which source it rests on."""
    steps: tuple[Step, ...] = ()
    photos: Mapping[str, PhotoException] = field(default_factory=dict)
    """By a photo's name, as results.csv has it."""

    def __post_init__(self) -> None:
        _check_order(self.steps)
        output, background = self.get(Output), self.get(Background)
        if output.format == "jpeg" and background.kind == "transparent":
            raise ConfigError(
                "A jpeg has no transparency; choose the format png or webp, or a background."
            )
        for name in self.photos:
            try:
                self.for_photo(name)
            except ConfigError as error:
                raise ConfigError(f"The photo {shortened(name)}: {error}") from error

    def find(self, kind: type[Kind]) -> Kind | None:
        """Returns the step of a kind, None if the recipe has none."""
        return next((step for step in self.steps if isinstance(step, kind)), None)

    def get(self, kind: type[Kind]) -> Kind:
        """Returns the step of a kind, with its defaults where the recipe has none.

        For cut_out, background and output, without which there is no picture.
        """
        return self.find(kind) or kind()

    def with_step(self, step: Step) -> ListingRecipe:
        """Returns the recipe with a step in its place, instead of the one of its kind."""
        others = [each for each in self.steps if each.step != step.step]
        order = list(STEPS)
        steps = sorted([*others, step], key=lambda each: order.index(each.step))
        return replace(self, steps=tuple(steps))

    def without_step(self, name: str) -> ListingRecipe:
        """Returns the recipe without the step of a name."""
        return replace(self, steps=tuple(step for step in self.steps if step.step != name))

    def only(self, *kinds: type[Step]) -> ListingRecipe:
        """Returns the steps of some kinds alone, to tell by their `fingerprint` what they make."""
        return ListingRecipe(
            "", steps=tuple(step for step in self.steps if isinstance(step, kinds))
        )

    def for_photo(self, name: str) -> ListingRecipe:
        """Returns the recipe for one photo: its exceptions are in the steps."""
        result = replace(self, photos={})
        for step in self.photos.get(name, PhotoException()).steps:
            ours = result.find(type(step)) or type(step)()
            given = {key: getattr(step, key) for key in step.model_fields_set}
            result = result.with_step(_read_step(ours.model_dump() | given))
        return result

    def skips(self, name: str) -> bool:
        """Whether no picture is made of a photo."""
        return self.photos.get(name, PhotoException()).skip

    def to_json(self) -> dict[str, Any]:
        """Returns the recipe as JSON's kinds of values."""
        photos = {name: each.to_json() for name, each in self.photos.items()}
        return {
            "version": VERSION,
            "name": self.name,
            "note": self.note,
            "steps": [step.model_dump(mode="json") for step in self.steps],
        } | ({"photos": photos} if photos else {})

    def to_bytes(self) -> bytes:
        """Returns the recipe's file; pictures of one's own are in it."""
        whole = replace(
            self,
            steps=tuple(map(embedded, self.steps)),
            photos={
                name: replace(each, steps=tuple(map(embedded, each.steps)))
                for name, each in self.photos.items()
            },
        )
        return (json.dumps(whole.to_json(), indent=1, ensure_ascii=False) + "\n").encode()

    def save(self, path: Path) -> None:
        """Writes the recipe as one file, for `load_recipe`; its folder is made where it is missing.

        Raises:
            OSError: It can't be written.
            ImageError: One of its pictures can't be read.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, self.to_bytes())

    def fingerprint(self) -> str:
        """Returns a digest of all that the steps do, pictures' content too; not of the photos."""
        plain = [step.model_dump(mode="json") for step in self.steps]
        for step in plain:
            if step.get("picture"):
                step["picture"] = picture_digest(step["picture"])
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def read_recipe(plain: Any, folder: Path | None) -> ListingRecipe:
    """Returns a recipe from JSON's kinds of values.

    Args:
        plain: What the file holds.
        folder: Where pictures that it names by file lie; None refuses such names, for a recipe
            that came from somebody else.

    Raises:
        ConfigError: A version, step, setting or value is wrong; the message says what is known.
    """
    if not isinstance(plain, dict):
        raise ConfigError("It is no recipe; it must be an object with version, name and steps.")
    version = plain.get("version")
    if type(version) is not int or version != VERSION:
        came = "no version" if version is None else f"version {shortened(repr(version))}"
        raise ConfigError(f"It has {came}; this Carmask reads version {VERSION}.")
    _check_keys(plain, "A recipe", ("version", "name", "note", "steps", "photos"))
    for key in ("name", "note"):
        if not isinstance(plain.get(key, ""), str):
            raise ConfigError(f"{key} is {shortened(repr(plain[key]))}; it must be a text.")
    if not plain.get("name", "").strip():
        raise ConfigError("It has no name; give it one.")
    photos = plain.get("photos", {})
    if not isinstance(photos, dict):
        raise ConfigError("photos must be an object: a photo's name, and what is different for it.")
    return ListingRecipe(
        plain["name"],
        plain.get("note", ""),
        _read_steps(plain.get("steps"), folder),
        {name: _read_exception(name, each, folder) for name, each in photos.items()},
    )


def load_recipe(path: Path) -> ListingRecipe:
    """Returns a recipe from its JSON file.

    Raises:
        ConfigError: The file can't be read, is no JSON, or holds something wrong.
    """
    try:
        return read_recipe(read_json(path), path.parent)
    except OSError as error:
        raise ConfigError(f"The recipe {path} can't be read: {reason(error)}.") from error
    except ValueError as error:
        raise ConfigError(f"The recipe {path} is no JSON: {reason(error)}.") from error
    except ConfigError as error:
        raise ConfigError(f"The recipe {path}: {error}") from error


@cache
def presets() -> Mapping[str, ListingRecipe]:
    """Returns the recipes that ship, by the names of their files."""
    return {path.stem: load_recipe(path) for path in sorted(PRESETS.glob("*.json"))}


def find_recipe(name_or_path: str) -> ListingRecipe:
    """Returns a preset by its name, or a recipe from its JSON file.

    Raises:
        ConfigError: There is no such preset (the message names them), or the file is wrong.
    """
    if name_or_path in presets():
        return presets()[name_or_path]
    if name_or_path.lower().endswith(".json"):
        return load_recipe(Path(name_or_path))
    raise ConfigError(
        f"The recipe is {name_or_path!r}; choose one of: {', '.join(presets())}; or give the path "
        "of a recipe's .json file."
    )


def _read_steps(plain: Any, folder: Path | None) -> tuple[Step, ...]:
    if not isinstance(plain, list):
        raise ConfigError("steps must be a list of steps.")
    steps = []
    for number, each in enumerate(plain, start=1):
        try:
            steps.append(located(_read_step(each), folder))
        except ConfigError as error:
            raise ConfigError(f"Step {number}: {error}") from error
    return tuple(steps)


def _read_step(plain: Any) -> Step:
    name = plain.get("step") if isinstance(plain, dict) else None
    if not isinstance(name, str) or name not in STEPS:
        came = shortened(repr(name if isinstance(plain, dict) else plain))
        raise ConfigError(f"There is no step {came}; the steps are: {', '.join(STEPS)}.")
    kind = STEPS[name]
    try:
        return kind.model_validate_json(to_json(plain))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "settings"
        if first["type"] == "extra_forbidden":
            known = ", ".join(key for key in kind.model_fields if key != "step")
            raise ConfigError(
                f"{name} has no setting {shortened(where)}; its settings are: {known}."
            ) from error
        came = "" if not first["loc"] else f" (it is {shortened(repr(first['input']))})"
        why = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name}, {where}: {why}{came}.") from error


def _read_exception(name: str, plain: Any, folder: Path | None) -> PhotoException:
    try:
        if not isinstance(plain, dict) or not isinstance(plain.get("skip", False), bool):
            raise ConfigError("it must be an object with skip (true or false) and steps.")
        _check_keys(plain, "it", ("skip", "steps"))
        return PhotoException(plain.get("skip", False), _read_steps(plain.get("steps", []), folder))
    except ConfigError as error:
        raise ConfigError(f"The photo {shortened(name)}: {error}") from error


def _check_keys(plain: Mapping[str, Any], what: str, known: Sequence[str]) -> None:
    unknown = [key for key in plain if key not in known]
    if unknown:
        raise ConfigError(
            f"{what} has no {shortened(str(unknown[0]))!r}; what there is: {', '.join(known)}."
        )


def _check_order(steps: Sequence[Step]) -> None:
    names = [step.step for step in steps]
    order = [name for name in STEPS if name in names]
    if names != order:
        twice = next((name for name in names if names.count(name) > 1), None)
        why = f"{twice} is there twice" if twice else f"the order is {', '.join(names)}"
        raise ConfigError(
            f"The steps: {why}; each may be there once, in this order: {', '.join(STEPS)}."
        )
