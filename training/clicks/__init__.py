"""The network that answers clicks: its scenes, its simulated clicks, its training."""
