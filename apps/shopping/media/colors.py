"""The color of what a picture shows, by its pixels: a small classifier, which knows no kinds."""

import io

import numpy as np
from numpy.typing import NDArray

_SIDE = 64
_LEAST_SHARE = 0.22
"""Of the object's pixels, below which a color is not named."""
_BORDER = 4
_SAME = 40.0
"""How far from the border's color (of 441) a pixel may be and still be background."""


def colors_of(data: bytes) -> list[str]:
    """The one or two colors that most of the object has, the most common first.

    The object is what differs from the picture's border; where all is alike, all counts. Pixels
    are named by hue, saturation and lightness.
    """
    from PIL import Image  # noqa: PLC0415 - of the extra `shopping`

    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize((_SIDE, _SIDE))
    pixels = np.asarray(small, dtype=np.float64)
    own = pixels[_object(pixels)]
    names = _named(own if len(own) >= 0.02 * _SIDE * _SIDE else pixels.reshape(-1, 3))
    found, counts = np.unique(names, return_counts=True)
    order = np.argsort(-counts)
    shares = counts / counts.sum()
    return [str(found[each]) for each in order[:2] if shares[each] >= _LEAST_SHARE]


def _object(pixels: NDArray[np.float64]) -> NDArray[np.bool_]:
    edge = np.ones(pixels.shape[:2], dtype=bool)
    edge[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    background = np.median(pixels[edge], axis=0)
    differs: NDArray[np.bool_] = np.linalg.norm(pixels - background, axis=2) > _SAME
    return differs


def _named(pixels: NDArray[np.float64]) -> NDArray[np.str_]:
    red, green, blue = (pixels / 255).T
    high, low = pixels.max(axis=1) / 255, pixels.min(axis=1) / 255
    span = high - low
    saturation = np.where(high > 0, span / np.maximum(high, 1e-9), 0)
    safe = np.maximum(span, 1e-9)
    hue = np.select(
        [high == red, high == green],
        [((green - blue) / safe) % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    hue = hue * 60
    return np.select(
        [
            high < 0.2,
            (saturation < 0.14) & (high > 0.88),
            (saturation < 0.14) & (high > 0.68),
            saturation < 0.14,
            (hue < 50) & (hue >= 15) & (saturation < 0.4) & (high > 0.7),
            (hue < 45) & (hue >= 12) & (high < 0.65),
            ((hue < 12) | (hue >= 345)) & (saturation < 0.55) & (high > 0.75),
            (hue < 12) | (hue >= 345),
            hue < 42,
            hue < 52,
            hue < 70,
            hue < 170,
            (hue < 255) & (high < 0.45),
            hue < 255,
            hue < 312,
        ],
        [
            "black",
            "white",
            "silver",
            "gray",
            "beige",
            "brown",
            "pink",
            "red",
            "orange",
            "gold",
            "yellow",
            "green",
            "navy",
            "blue",
            "purple",
        ],
        "pink",
    )
