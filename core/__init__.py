"""The U-Net package: network, photos, prediction, masks, metrics and checkpoints."""
