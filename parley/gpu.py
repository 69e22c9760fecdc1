"""Whether this machine shows a GPU that models can compute on, without loading what uses it."""

from pathlib import Path

_NVIDIA = ("nvidiactl", "dxg")
"""The device of NVIDIA's driver, and that of Windows' Linux."""


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether a driver for an NVIDIA GPU is there; its libraries may still be missing."""
    return any((devices / name).exists() for name in _NVIDIA)
