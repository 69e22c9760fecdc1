"""Moonshine on ONNX Runtime: English on CPUs, at a cost that follows the length of the sound."""
