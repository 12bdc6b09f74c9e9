"""The Review page: which photo is worth a person's next minute."""

from __future__ import annotations

from dashboard.review.page import show_page
from dashboard.ui.frame import REVIEW, open_page

open_page(REVIEW)
show_page()
