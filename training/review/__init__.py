"""Review: which photos and labels deserve a person's minute, and what that person decided."""
