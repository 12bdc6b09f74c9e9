"""Which of several checkpoints is better, and where."""
