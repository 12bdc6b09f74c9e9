"""Run folders: written, listed and read; our own and those of other programs."""
