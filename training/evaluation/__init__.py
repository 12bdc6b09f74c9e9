"""What is measured of a checkpoint on a set of photos: computed once, stored and found again."""
