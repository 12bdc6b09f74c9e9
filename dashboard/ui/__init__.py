"""What every page shares: frame, text, lists, pictures."""
