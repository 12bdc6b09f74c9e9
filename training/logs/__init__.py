"""Reading runs: the list, the curves, the notes; our own runs and those of others."""
