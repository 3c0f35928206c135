"""ImageNet and Tiny ImageNet, unpacked. The images of val/ are the test part: those of test/ have no labels."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from .folders import counted, fingerprint, kept
from .images import Files, Images, Listing, Split, cache_folder, digest_of
from .listings import classes_of, content_of, files_of, is_image, listed, picture

__all__ = ["imagenet", "tiny_imagenet"]


@lru_cache(maxsize=1)
def imagenet(source: Path) -> Files:
    """train/WNID/FILE and val/WNID/FILE, not decoded; ValueError where that is not the layout."""
    _require_folder(source, "imagenet")
    found = {(part, wnid): files for part in ("train", "val") for wnid, files in _by_class(source, part).items()}
    return files_of(source, found, {"train": "train/WNID/FILE", "val": "val/WNID/FILE"})


def tiny_imagenet(source: Path) -> Images | Files:
    """train/WNID/images/FILE, and val/images/FILE with labels in val/val_annotations.txt; ValueError where they are damaged."""
    _require_folder(source, "tiny-imagenet")
    return kept(source, _decode, cache_folder() / f"tiny-imagenet-{fingerprint(source)}.safetensors")


def _require_folder(source: Path, kind: str) -> None:
    if not source.is_dir():
        raise ValueError(f"There is no folder {str(source)!r} of {kind}.")


def _by_class(source: Path, part: str, inner: str = "") -> dict[str, list[str]]:
    """CLASS → paths PART/CLASS/(INNER/)FILE below ``source``, in order."""
    found: dict[str, list[str]] = {}
    for entry in os.scandir(source / part) if (source / part).is_dir() else ():
        if entry.is_dir() and not entry.name.startswith("."):
            below = Path(part, entry.name, inner)
            names = os.listdir(source / below) if (source / below).is_dir() else []
            found[entry.name] = [f"{below.as_posix()}/{name}" for name in sorted(filter(is_image, names))]
    return found


def _decode(source: Path) -> Images:
    found = {("train", wnid): files for wnid, files in _by_class(source, "train", "images").items()}
    found |= {("val", wnid): files for wnid, files in _annotated(source).items()}
    classes = classes_of(source, found, {"train": "train/WNID/images/FILE", "val": "val/images/FILE"})
    listings = [listed([found[part, wnid] for wnid in classes]) for part in ("train", "val")]
    shape = np.shape(_colours(source, listings[0].names[0]))
    parts = [_pixels(source, listing, shape) for listing in listings]
    return Images(parts[0], parts[1], len(classes), digest_of(*parts))


def _annotated(source: Path) -> dict[str, list[str]]:
    """WNID → paths of val/images, from the first two columns of val/val_annotations.txt."""
    table, found = source / "val" / "val_annotations.txt", dict[str, list[str]]()
    try:
        rows = sorted(line.split()[:2] for line in table.read_text().splitlines() if line.strip())
        there = set(filter(is_image, os.listdir(source / "val" / "images")))
        for name, wnid in rows:
            found.setdefault(wnid, []).append(f"val/images/{name}")
    except (OSError, ValueError) as error:
        raise ValueError(f"The file {str(table)!r} can't be read as one image and its WNID a line: {error}.") from None
    if other := there ^ {name for name, _ in rows}:
        raise ValueError(f"{str(table)!r} and val/images/ differ in {min(other)!r}, which is in one of them only.")
    return found


def _pixels(source: Path, listing: Listing, shape: tuple[int, ...]) -> Split:
    images = np.empty((len(listing.names), *shape), np.uint8)
    for i, name in enumerate(listing.names):
        pixels = _colours(source, name)
        if pixels.shape != shape:
            sizes = f"{os.fsdecode(name)} is {pixels.shape[1:]}, the first one {shape[1:]}"
            raise ValueError(f"The images of {str(source)!r} differ in size: {sizes}.")
        images[i] = pixels
        counted(source, i + 1)
    return Split(images, listing.labels)


def _colours(source: Path, name: bytes) -> np.ndarray:
    path = source / os.fsdecode(name)
    return np.asarray(picture(content_of(path), str(path), "RGB")).transpose(2, 0, 1)
