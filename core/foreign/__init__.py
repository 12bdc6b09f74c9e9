"""State dicts of other programs' U-Nets, turned into checkpoints of Carmask's own."""
