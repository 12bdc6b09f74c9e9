"""Data folders: layouts, masks, cars and splits."""
