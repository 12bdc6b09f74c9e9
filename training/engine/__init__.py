"""The engine: one training from its first step to its last; only here are optimiser and loss."""
