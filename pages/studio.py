"""The Studio page: listing photos by a recipe."""

from __future__ import annotations

from dashboard.studio.page import show_page
from dashboard.ui.frame import STUDIO, open_page

open_page(STUDIO)
show_page()
