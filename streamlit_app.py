"""The start page: photos in, cut-outs out."""

from __future__ import annotations

from dashboard.segment.controls import CUT_OUT
from dashboard.segment.page import show_page
from dashboard.ui.frame import START, open_page

open_page(START)
show_page(START, CUT_OUT)
