"""Sets of augmented photos on disk: written, watched and read."""
