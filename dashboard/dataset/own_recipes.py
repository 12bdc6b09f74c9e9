"""Recipes of one's own: saved as files in one folder, or being changed in this session.

A recipe of one's own is called by its name everywhere: it is the file's name, the name in the list
and the one in the URL.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import streamlit as st

from core.errors import CarmaskError, ConfigError
from core.files import parse_json
from dashboard.ui.folders import data_folder
from training.augment.recipe import RECIPES, Recipe, load_recipe
from training.augment.step import Step

KEY = "recipe"
_DRAFTS = "recipe_drafts"
_NAME = re.compile(r"[\w-][\w.-]{0,59}")


@dataclass(frozen=True)
class Entry:
    """A step that is being edited."""

    key: str
    """Names its widgets; a step keeps it when it moves, and gets a new one when its widgets must
    start anew."""
    step: Step


@dataclass(frozen=True)
class Draft:
    """A recipe that is being edited."""

    name: str
    reason: str
    entries: tuple[Entry, ...]

    @property
    def recipe(self) -> Recipe:
        """The recipe as it stands."""
        return Recipe(self.name, self.reason, tuple(entry.step for entry in self.entries))


def recipes_folder() -> Path:
    """Returns the folder of saved recipes: CARMASK_RECIPES where it is set, else data/recipes/."""
    return Path(os.environ.get("CARMASK_RECIPES") or data_folder() / "recipes")


def recipe_file(name: str) -> Path:
    """Returns where a recipe of a name is saved."""
    return recipes_folder() / f"{name}.json"


def saved_recipes() -> tuple[dict[str, Recipe], list[str]]:
    """Returns the saved recipes by name, and why others can't be read."""
    good: dict[str, Recipe] = {}
    problems = []
    for path in sorted(recipes_folder().glob("*.json")):
        if path.stem in RECIPES:
            problems.append(f"{path.name} has the name of a recipe that ships; rename the file.")
            continue
        try:
            good[path.stem] = replace(load_recipe(path), name=path.stem)
        except CarmaskError as error:
            problems.append(str(error))
    return good, problems


def drafts() -> dict[str, Draft]:
    """Returns the recipes that are being edited in this session, by name."""
    found: dict[str, Draft] = st.session_state.setdefault(_DRAFTS, {})
    return found


def is_unsaved(name: str) -> bool:
    """Whether a recipe is being edited and differs from its file, or has none."""
    draft = drafts().get(name)
    return draft is not None and saved_recipes()[0].get(name) != draft.recipe


def start_draft(recipe: Recipe, name: str) -> Draft:
    """Returns a recipe ready to be edited under a name, which is chosen from then on."""
    draft = Draft(name, recipe.reason, tuple(new_entry(step) for step in recipe.steps))
    drafts()[name] = draft
    return draft


def new_entry(step: Step) -> Entry:
    """Returns a step with a key that no other had."""
    numbers = st.session_state.setdefault("recipe_step_numbers", count())
    return Entry(f"step_{next(numbers)}", step)


def free_name(wanted: str) -> str:
    """Returns a name like the wanted one that no recipe has yet and that a file can have."""
    plain = re.sub(r"[^\w.-]+", "_", wanted.strip()).strip("._")[:50] or "recipe"
    taken = RECIPES.keys() | drafts().keys() | saved_recipes()[0].keys()
    if plain not in taken:
        return plain
    return next(name for i in count(2) if (name := f"{plain}_{i}") not in taken)


def rename_draft(old: str, new: str) -> None:
    """Gives a draft another name; a file under the old name stays.

    Raises:
        ConfigError: The name is no file's name, or another recipe has it.
    """
    if not _NAME.fullmatch(new):
        raise ConfigError(
            f"{new!r} can't be a name; use up to 60 letters, digits, '-', '_' and no blanks."
        )
    if new != old and new in RECIPES.keys() | drafts().keys() | saved_recipes()[0].keys():
        raise ConfigError(f"There is a recipe {new!r} already; choose another name.")
    drafts()[new] = replace(drafts().pop(old), name=new)


def save_draft(name: str) -> Path:
    """Writes a draft to its file and returns the file.

    Raises:
        ConfigError: The file can't be written.
    """
    path = recipe_file(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drafts()[name].recipe.save(path)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}.") from error
    return path


def recipe_json(recipe: Recipe) -> bytes:
    """Returns the recipe as the content of its file."""
    return (json.dumps(recipe.to_json(), indent=1, ensure_ascii=False) + "\n").encode()


def read_upload(data: bytes, file_name: str) -> Recipe:
    """Returns the recipe in an uploaded file.

    Raises:
        ConfigError: It is no JSON, or holds a wrong step.
    """
    try:
        return Recipe.from_json(parse_json(data))
    except ValueError as error:
        raise ConfigError(f"{file_name} is no JSON: {error}.") from error
    except ConfigError as error:
        raise ConfigError(f"{file_name}: {error}") from error
