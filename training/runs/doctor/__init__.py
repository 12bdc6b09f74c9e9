"""The training doctor: says of a run what is wrong, by what it is judged, and what to do."""
