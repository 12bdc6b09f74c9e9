"""The Segment page: photos in; masks, overlays and cut-outs out."""

from __future__ import annotations

from dashboard.segment.controls import SIDE_BY_SIDE
from dashboard.segment.page import show_page
from dashboard.ui.frame import SEGMENT, open_page

open_page(SEGMENT)
show_page(SEGMENT, SIDE_BY_SIDE)
