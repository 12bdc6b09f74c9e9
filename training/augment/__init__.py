"""Augmentation: recipes as data, the table of transforms, and the recipes at work.

`recipe` and `table` know no albumentations, so that a page may import them; `compose` does.
"""
