"""What is known of the data folder that a page shows; found out when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import CarmaskError
from dashboard.dataset.sources import Opened
from dashboard.dataset.split_choice import Sides, SplitChoice, sides_of
from training.health.survey import Survey, Surveys

if TYPE_CHECKING:
    from training.health.check import Report


@dataclass(frozen=True)
class Known:
    """A data folder with its survey and the split that was chosen for it."""

    opened: Opened
    survey: Survey
    split: SplitChoice

    @property
    def sides(self) -> Sides | None:
        """Both sides of the split; None where the folder can't be split in this way."""
        found = self.split_or_error
        return found if isinstance(found, Sides) else None

    @cached_property
    def split_or_error(self) -> Sides | CarmaskError:
        """Both sides of the split, or why there are none."""
        try:
            return sides_of(self.opened, self.survey, self.split)
        except CarmaskError as error:
            return error

    @cached_property
    def report(self) -> Report | None:
        """What is wrong with the folder, split like this; None as long as that is not known."""
        return self.survey.report(self.sides.split if self.sides else None)


@st.cache_resource(show_spinner=False)
def _surveys() -> Surveys:
    """Returns the surveys of all sessions."""
    return Surveys()


def survey_of(opened: Opened) -> Survey:
    """Returns what is measured of a data folder beside the page, once for all sessions."""
    return _surveys().of(opened.dataset, opened.reading, opened.key)
