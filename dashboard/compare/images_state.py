"""Which two rows, which list, which box and which photo are looked at; all of it in the URL."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.masks import MaskSettings
from dashboard.compare.figures import sides_of
from dashboard.compare.rows import Chosen, Row
from dashboard.ui.named_choice import select_from_url
from training.comparison.aligned import Box, Order, Pairs, pairs_of
from training.comparison.figures import Side

_PHOTO, _BOX = "photo", "box"
_TITLES: dict[str, Order] = {
    "Most improved": "improved",
    "Most worsened": "worsened",
    "Worst of all": "worst",
}


@dataclass(frozen=True, eq=False)
class Pair:
    """The two rows that are looked at photo by photo."""

    a: Row
    """The baseline."""
    b: Row
    """Its challenger; the baseline itself where there is no other."""
    settings: tuple[MaskSettings, MaskSettings]
    """How the masks of both were made."""
    tables: tuple[pd.DataFrame, pd.DataFrame]
    """A row a photo of each; see `training.evaluation.measure`."""
    pairs: Pairs
    """Their figures."""

    @property
    def alone(self) -> bool:
        """Whether there is nothing to compare with."""
        return self.a.name == self.b.name

    @property
    def sides(self) -> tuple[Side, Side]:
        """Titles and colours of both."""
        a, b = sides_of((self.a, self.b))
        return a, b


def pick_pair(chosen: Chosen) -> Pair:
    """Draws the choice of the challenger where there is one, and returns both rows."""
    a, b = chosen.baseline, _pick_challenger(chosen)
    rows_a, rows_b = chosen.compared.rows[a], chosen.compared.rows[b]
    return Pair(
        chosen.rows[a],
        chosen.rows[b],
        (_settings(chosen, a), _settings(chosen, b)),
        (rows_a, rows_b),
        pairs_of(rows_a, rows_b, chosen.metric),
    )


def _settings(chosen: Chosen, place: int) -> MaskSettings:
    facts = chosen.evaluations[place].facts
    return facts.settings.masks(facts.threshold)


def _pick_challenger(chosen: Chosen) -> int:
    others = {row.name: at for at, row in enumerate(chosen.rows) if at != chosen.baseline}
    if len(others) < 2:
        return chosen.challenger
    label = f"Beside {chosen.rows[chosen.baseline].title}"
    titles = {name: chosen.rows[place].title for name, place in others.items()}
    return others[select_from_url("beside", label, titles, width=360)]


def pick_order(pair: Pair) -> Order:
    """Draws the choice of the list and returns it; a row alone has but the worst photos."""
    if pair.alone:
        return "worst"
    title = st.segmented_control(
        "Photos",
        list(_TITLES),
        default=next(iter(_TITLES)),
        required=True,
        key="photos",
        bind="query-params",
    )
    return _TITLES[str(title)]


def chosen_box() -> Box | None:
    """Returns the box that was dragged in the scatter, from the URL; None if none was."""
    try:
        low_a, high_a, low_b, high_b = map(float, st.query_params.get(_BOX, "").split(","))
    except ValueError:
        return None
    return low_a, high_a, low_b, high_b


def choose_box(box: Box | None) -> None:
    """Writes the box to the URL, or takes it away; its first photo is looked at. For callbacks."""
    if box is None:
        st.query_params.pop(_BOX, None)
    else:
        st.query_params.pop(_PHOTO, None)
        st.query_params[_BOX] = ",".join(f"{edge:.6g}" for edge in box)


def chosen_photo(pairs: Pairs, places: NDArray[np.intp]) -> int | None:
    """Returns the place of the photo that is looked at: the URL's, else the list's first one."""
    wanted = st.query_params.get(_PHOTO, "")
    for place, name in enumerate(pairs.names):
        if "/".join(name) == wanted:
            return place
    return int(places[0]) if len(places) else None


def place_on_list(places: NDArray[np.intp], photo: int | None) -> int:
    """Returns where a photo stands on a list of photos; -1 where it is not on it."""
    found = np.flatnonzero(places == photo)
    return int(found[0]) if len(found) else -1


def choose_photo(pairs: Pairs, place: int) -> None:
    """Writes a photo to the URL. For callbacks."""
    st.query_params[_PHOTO] = "/".join(pairs.names[place])
