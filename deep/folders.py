"""Any folder or tar archive of train/CLASS/FILE and test/CLASS/FILE.

Images of one size are decoded once; the arrays are kept in the cache, under a name that depends on the path, sizes and times of
change, and a cached file whose digest is wrong is made again. A folder whose images differ in size is only listed.
"""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from theory.console import say
from theory.records import write

from .images import Files, Images, Split, cache_folder, digest_of
from .listings import classes_of, files_of, is_image, picture

__all__ = ["counted", "fingerprint", "image_folder", "kept"]

LAYOUT = {"train": "train/CLASS/FILE", "test": "test/CLASS/FILE"}
Named = list[tuple[str, NDArray[np.uint8]]]
"""File names and pixels."""


class _Mixed(ValueError):
    """Two images differ in size."""


def image_folder(source: Path) -> Images | Files:
    """The images of a folder or archive that has train/CLASS/FILE and test/CLASS/FILE at any depth, or their list."""
    if not source.exists():
        raise ValueError(f"There is no image folder or archive {str(source)!r}.")
    return kept(source, _decode, cache_folder() / f"images-{fingerprint(source)}.safetensors")


@lru_cache(maxsize=2)
def kept(source: Path, decode: Callable[[Path], Images | Files], cached: Path) -> Images | Files:
    """``decode(source)``, or what ``cached`` holds of it; decoded arrays are stored there."""
    if cached.exists():
        try:
            return _unpack(cached.read_bytes())
        except (OSError, ValueError, KeyError, SafetensorError):
            say(f"The cached images {str(cached)!r} are damaged; they are decoded again.")
    images = decode(source)
    if isinstance(images, Images):
        try:
            write(cached, _pack(images))
        except OSError as error:
            say(f"The decoded images can't be kept in {str(cached)!r} ({error}); going on without.")
    return images


def fingerprint(source: Path) -> str:
    """16 hex digits that stand for the path, and the size and time of change of each file."""
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    stats = [(str(p.relative_to(source)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(repr((str(source.resolve()), stats)).encode()).hexdigest()[:16]


def counted(source: Path, done: int) -> None:
    """Say now and then how many images are decoded."""
    if done % 10_000 == 0:
        say(f"{source.name}: {done:,} images decoded")


def _pack(images: Images) -> bytes:
    tensors = {f"{part}.{name}": array for part in ("train", "test") for name, array in getattr(images, part)._asdict().items()}
    tensors |= {"classes": np.array(images.classes), "digest": np.frombuffer(images.digest.encode(), dtype=np.uint8)}
    return save(tensors)


def _unpack(content: bytes) -> Images:
    stored = load(content)
    train, test = (Split(stored[f"{part}.images"], stored[f"{part}.labels"]) for part in ("train", "test"))
    digest = digest_of(train, test)
    if digest.encode() != stored["digest"].tobytes():
        raise ValueError("wrong digest")
    return Images(train, test, int(stored["classes"]), digest)


def _members(source: Path, contents: bool) -> Iterator[tuple[PurePosixPath, bytes | None]]:
    """Every file of a folder or tar archive with its content (that of an image, if wanted), every folder with None."""
    try:
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                content = None if path.is_dir() else path.read_bytes() if contents and is_image(path.name) else b""
                yield PurePosixPath(path.relative_to(source).as_posix()), content
            return
        with tarfile.open(source, "r|*") as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened or member.isdir():
                    yield PurePosixPath(member.name), opened.read() if opened else None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"The {'folder' if source.is_dir() else 'archive'} {str(source)!r} can't be read: {error}.") from None


def _found(source: Path, contents: bool) -> Iterator[tuple[tuple[str, str], PurePosixPath, bytes | None]]:
    """(split, class), path and content of each image, and of each class folder with None."""
    for path, content in _members(source, contents):
        split, label = ("", *(path.parts if content is None else path.parts[:-1]))[-2:]
        if split in LAYOUT and not label.startswith(".") and (content is None or is_image(path.name)):
            yield (split, label), path, content


def _decode(source: Path) -> Images | Files:
    try:
        return _assembled(source, _pixels(source))
    except _Mixed as mixed:
        if not source.is_dir():
            raise ValueError(f"{mixed}; an unpacked folder of such images can be streamed.") from None
    paths: dict[tuple[str, str], list[str]] = {}
    for where, path, content in _found(source, contents=False):
        paths.setdefault(where, []).extend([] if content is None else [str(path)])
    return files_of(source, {where: sorted(some, key=os.path.basename) for where, some in paths.items()}, LAYOUT)


def _pixels(source: Path) -> dict[tuple[str, str], Named]:
    """(split, class) → file names and pixels; ``_Mixed`` as soon as two sizes are seen."""
    found: dict[tuple[str, str], Named] = {}
    first, done = None, 0
    for where, path, content in _found(source, contents=True):
        images = found.setdefault(where, [])
        if content is not None:
            pixels, name = np.asarray(picture(content, f"{source}/{path}")), "/".join((*where, path.name))
            first = first or (name, pixels.shape[:2])
            if pixels.shape[:2] != first[1]:
                sizes = f"{first[0]} is {first[1]}, {name} is {pixels.shape[:2]}"
                raise _Mixed(f"The images of {str(source)!r} differ in size: {sizes}")
            images.append((path.name, pixels))
            done += 1
            counted(source, done)
    return found


def _assembled(source: Path, found: Mapping[tuple[str, str], Named]) -> Images:
    classes = classes_of(source, found, LAYOUT)
    colour = any(pixels.ndim == 3 for images in found.values() for _, pixels in images)
    parts = [_stacked([found[split, label] for label in classes], colour) for split in LAYOUT]
    return Images(parts[0], parts[1], len(classes), digest_of(*parts))


def _stacked(by_class: list[Named], colour: bool) -> Split:
    """One split, by class and file name; grey images among coloured ones get three equal channels."""
    pixels = [p for images in by_class for _, p in sorted(images, key=lambda image: image[0])]
    planes = [np.stack([p] * 3) if colour and p.ndim == 2 else p[None] if p.ndim == 2 else p.transpose(2, 0, 1) for p in pixels]
    stacked = np.ascontiguousarray(np.stack(planes))  # safetensors takes the memory as it lies
    return Split(stacked, np.repeat(np.arange(len(by_class)), [len(images) for images in by_class]))
