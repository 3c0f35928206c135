"""Where images come from: every data set as uint8 arrays, or as a list of files to stream where it is too large for that.

| spec | what it is |
|---|---|
| digits | scikit-learn's 1,797 digits, 8×8 |
| cifar10, cifar100 | Krizhevsky's binary archives, downloaded once, checked by their MD5 |
| cifar10:PATH, cifar100:PATH | the same from a local archive or unpacked folder |
| image-folder:PATH | a folder or tar of train/CLASS/FILE and test/CLASS/FILE; streamed where sizes differ |
| tiny-imagenet:PATH | the folder tiny-imagenet-200; its validation images are the test part |
| imagenet:PATH | train/WNID/FILE and val/WNID/FILE, streamed; val is the test part |

Downloads and decoded folders are kept in the cache (``SIGNESCAPE_CACHE``, else ~/.cache/signescape).
"""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from theory.streams import generator

__all__ = ["CROP", "Files", "Images", "Listing", "Split", "cache_folder", "digest_of", "read"]

CROP = 224
"""Pixels a side of a streamed image."""


class Split(NamedTuple):
    """images (n, channels, height, width) uint8, labels (n,) int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


class Images(NamedTuple):
    """A data set in memory: two splits, the number of classes, and the digest of all its numbers."""

    train: Split
    test: Split
    classes: int
    digest: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        _, c, h, w = self.train.images.shape
        return c, h, w


class Listing(NamedTuple):
    """names (n,), paths below the root as bytes (half the memory of text, one object for all), and labels (n,) int64."""

    names: NDArray[np.bytes_]
    labels: NDArray[np.int64]


class Files(NamedTuple):
    """A data set on disk: two lists of files below ``root``, number of classes, digest of all names, sizes and labels."""

    root: str
    train: Listing
    test: Listing
    classes: int
    digest: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of what training sees."""
        return 3, CROP, CROP


def read(spec: str) -> Images | Files:
    """The data set that ``spec`` names, see above.

    Raises ValueError, one sentence, for a spec of no such form, and for data that are missing, damaged or can't be downloaded.

    >>> images = read("digits")
    >>> images.shape, images.classes, len(images.train.labels), len(images.test.labels)
    ((1, 8, 8), 10, 1437, 360)
    """
    kind, _, path = spec.partition(":")
    source = Path(path).expanduser()
    if spec == "digits":
        return _digits()
    if kind in ("cifar10", "cifar100"):
        from . import archives

        return archives.read(kind, source if path else None)
    if kind == "image-folder" and path:
        from .folders import image_folder

        return image_folder(source)
    if kind in ("tiny-imagenet", "imagenet") and path:
        from . import imagenet

        return imagenet.imagenet(source) if kind == "imagenet" else imagenet.tiny_imagenet(source)
    raise ValueError(
        "data is digits, cifar10, cifar100, cifar10:PATH, cifar100:PATH, image-folder:PATH, tiny-imagenet:PATH or "
        f"imagenet:PATH, not {spec!r}."
    )


def cache_folder() -> Path:
    """Where downloads and decoded images are kept."""
    return Path(os.environ.get("SIGNESCAPE_CACHE") or Path.home() / ".cache" / "signescape")


def digest_of(train: Split, test: Split) -> str:
    """24 hex digits that stand for all pixels and labels."""
    hashed = hashlib.blake2b(digest_size=12)
    for array in (*train, *test):
        hashed.update(repr((array.shape, array.dtype.str)).encode())
        hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()


@lru_cache(maxsize=1)
def _digits() -> Images:
    """1,797 digits, 8×8 grey levels 0…16 (spread to 0…240), a fifth of them for the test, the same for every seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images[:, None] * 15).astype(np.uint8)
    order = generator(0, "digits", "test").permutation(len(images))
    parts = [Split(images[i], bunch.target[i].astype(np.int64)) for i in (order[360:], order[:360])]
    return Images(parts[0], parts[1], 10, digest_of(*parts))
