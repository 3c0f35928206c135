"""Lists of image files by class, checked for gaps, and one image decoded."""

import hashlib
import io
import os
import struct
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path

import numpy as np
from PIL import Image

from .images import Files, Listing

__all__ = ["classes_of", "content_of", "files_of", "is_image", "listed", "picture"]

SUFFIXES = (".jpg", ".jpeg", ".png")


def is_image(name: str) -> bool:
    """Whether a file of this name is taken for an image.

    >>> is_image("n01443537_0.JPEG"), is_image("boxes.txt"), is_image("._0.png")
    (True, False, False)
    """
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def content_of(path: Path | str) -> bytes:
    """The bytes of an image file, or ValueError."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"The image {str(path)!r} can't be read: {error}.") from None


def picture(content: bytes, name: str, mode: str | None = None) -> Image.Image:
    """A decoded image in ``mode``, which is "L" for grey ones and "RGB" for all others unless given.

    Raises ValueError that quotes ``name`` for what is no image, a damaged one, or one with more than 8 bits a channel.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind = image.mode
            deep = kind[0] in "IF" or any(";16" in str(tile[3]) for tile in image.tile)  # Pillow halves the bits of 16-bit RGB
            converted = None if deep else image.convert(mode or ("L" if kind in ("1", "L") else "RGB"))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise ValueError(f"The image {name!r} can't be read: {error}.") from None
    if converted is None:
        raise ValueError(f"The image {name!r} has more than 8 bits a channel (mode {kind}).")
    return converted


def classes_of(source: Path, found: Mapping[tuple[str, str], Sized], layout: Mapping[str, str]) -> list[str]:
    """The names of the classes, in order, of (split, class) → images; ``layout`` says where each split should be.

    Raises ValueError unless each class has images in each split.

    >>> classes_of(Path("pets"), {("train", "cat"): "ab", ("test", "cat"): ""}, {"train": "train/", "test": "test/"})
    Traceback (most recent call last):
    ValueError: The class 'cat' has no images in test/ of 'pets'.
    """
    classes = sorted({label for _, label in found})
    for split in layout:
        if not any(part == split for part, _ in found):
            raise ValueError(f"{str(source)!r} has no {layout[split]}; the layout is {' and '.join(layout.values())}.")
        for label in classes:
            if not found.get((split, label)):
                raise ValueError(f"The class {label!r} has no images in {split}/ of {str(source)!r}.")
    return classes


def files_of(source: Path, found: Mapping[tuple[str, str], Sequence[str]], layout: Mapping[str, str]) -> Files:
    """The data set of the files (split, class) → paths below ``source``; ``layout`` names the training and the test split."""
    classes = classes_of(source, found, layout)
    train, test = (listed([found[split, label] for label in classes]) for split in layout)
    return Files(str(source), train, test, len(classes), _digest(source, train, test))


def listed(by_class: Sequence[Sequence[str]]) -> Listing:
    """One split: the paths of class 0, of class 1, …"""
    names = np.array([os.fsencode(name) for names in by_class for name in names])
    return Listing(names, np.repeat(np.arange(len(by_class)), [len(names) for names in by_class]))


def _digest(source: Path, *splits: Listing) -> str:
    hashed, root = hashlib.blake2b(digest_size=12), os.fsencode(source)
    for names, labels in splits:
        for name, label in zip(names.tolist(), labels.tolist(), strict=True):
            hashed.update(repr((name, os.stat(os.path.join(root, name)).st_size, label)).encode())
    return hashed.hexdigest()
