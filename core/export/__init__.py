"""Checkpoints as ONNX files that take a photo and give its probability, without Carmask."""
