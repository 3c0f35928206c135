"""What a streamed image becomes: 224×224 pixels, a random part of it (training) or its middle (evaluation).

Training: a rectangle of a uniform share of 8 … 100 % of the area and of an aspect ratio between 3/4 and 4/3, uniform in its
logarithm, at a uniform place, resized, and mirrored half the time (Szegedy et al., Going Deeper with Convolutions, 2014). Ten
rectangles are tried; where none fits into the image, the largest part in its middle within these ratios is taken. Evaluation:
the shorter side resized to 256, then the middle.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from theory.streams import key, uniform

from .images import CROP

__all__ = ["draws", "middle", "random_part", "rectangle"]

RESIZED = 256
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
TRIES = 10


def draws(seed: int, level: int, epoch: int, images: NDArray[np.int64]) -> NDArray[np.float64]:
    """Uniform numbers (m, 4·TRIES + 1) for the images (m,) of a data set, each by (seed, level, epoch, image) alone.

    >>> both = draws(0, 1, 2, np.array([5, 9]))
    >>> bool((both[1] == draws(0, 1, 2, np.array([9]))).all())
    True
    """
    keys = key(np.full(len(images), seed), "crop", level, epoch, images)
    return uniform(keys, size=4 * TRIES + 1)


def rectangle(width: int, height: int, u: NDArray[np.float64]) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the part to show, from the first 4·TRIES uniform numbers.

    >>> rectangle(400, 300, np.full(41, 0.5))
    (73, 23, 328, 278)
    """
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    for share, aspect, x, y in u[: 4 * TRIES].reshape(TRIES, 4).tolist():
        area = width * height * (AREA[0] + (AREA[1] - AREA[0]) * share)
        ratio = math.exp(low + (high - low) * aspect)
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(x * (width - w + 1)), int(y * (height - h + 1))
            return left, top, left + w, top + h
    w, h = width, height
    if w / h < RATIO[0]:
        h = round(w / RATIO[0])
    elif w / h > RATIO[1]:
        w = round(h * RATIO[1])
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def random_part(image: Image.Image, u: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The part that ``u`` (4·TRIES + 1) says, (CROP, CROP, 3), mirrored where its last number is below 1/2."""
    part = np.asarray(image.crop(rectangle(*image.size, u)).resize((CROP, CROP), Image.Resampling.BILINEAR))
    return part[:, ::-1] if u[-1] < 0.5 else part


def middle(image: Image.Image) -> NDArray[np.uint8]:
    """The shorter side resized to 256, the middle (CROP, CROP, 3) of that."""
    short = min(image.size)
    w, h = (RESIZED * side // short for side in image.size)
    left, top = round((w - CROP) / 2), round((h - CROP) / 2)
    resized = image.resize((w, h), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + CROP, top + CROP)))
