"""Data, training and evaluation for the U-Net in `core`."""
