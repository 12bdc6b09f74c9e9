"""The content of the pages: widgets, layout and calls."""
