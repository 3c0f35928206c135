"""Images as uint8 arrays: scikit-learn's digits, and any folder or tar archive of train/CLASS/FILE and test/CLASS/FILE.

A folder is decoded once; the arrays are kept in the cache (``SIGNESCAPE_CACHE``, else ~/.cache/signescape), under a name that
depends on the path, sizes and times of change. A cached file whose digest is wrong is made again.
"""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load, save

from theory.console import say
from theory.records import write
from theory.streams import generator

__all__ = ["Images", "Split", "read"]

SUFFIXES = (".jpg", ".jpeg", ".png")
Named = list[tuple[str, NDArray[np.uint8]]]
Found = dict[tuple[str, str], Named]
"""(split, class) → file names and pixels."""


class Split(NamedTuple):
    """images (n, channels, height, width) uint8, labels (n,) int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


class Images(NamedTuple):
    """A data set: two splits, the number of classes, and the digest of all its numbers."""

    train: Split
    test: Split
    classes: int
    digest: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        _, c, h, w = self.train.images.shape
        return c, h, w


def read(spec: str) -> Images:
    """The data set "digits" or "image-folder:PATH"."""
    if spec == "digits":
        return _digits()
    source = Path(spec.removeprefix("image-folder:")).expanduser()
    if not source.exists():
        raise ValueError(f"There is no image folder or archive {str(source)!r}.")
    return _folder(source, _cache_folder() / f"images-{_fingerprint(source)}.safetensors")


@lru_cache(maxsize=2)
def _folder(source: Path, cached: Path) -> Images:
    if cached.exists():
        try:
            return _unpack(cached.read_bytes())
        except (OSError, ValueError, KeyError, SafetensorError):
            say(f"The cached images {str(cached)!r} are damaged; they are decoded again.")
    images = _decode(source)
    try:
        write(cached, _pack(images))
    except OSError as error:
        say(f"The decoded images can't be kept in {str(cached)!r} ({error}); going on without.")
    return images


@lru_cache(maxsize=1)
def _digits() -> Images:
    """1,797 digits, 8×8 grey levels 0…16 (spread to 0…240), a fifth of them for the test, the same for every seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images[:, None] * 15).astype(np.uint8)
    order = generator(0, "digits", "test").permutation(len(images))
    parts = [Split(images[i], bunch.target[i].astype(np.int64)) for i in (order[360:], order[:360])]
    return Images(parts[0], parts[1], 10, _digest(*parts))


def _cache_folder() -> Path:
    return Path(os.environ.get("SIGNESCAPE_CACHE") or Path.home() / ".cache" / "signescape")


def _fingerprint(source: Path) -> str:
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    stats = [(str(p.relative_to(source)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(repr((str(source.resolve()), stats)).encode()).hexdigest()[:16]


def _digest(train: Split, test: Split) -> str:
    hashed = hashlib.blake2b(digest_size=12)
    for array in (*train, *test):
        hashed.update(repr((array.shape, array.dtype.str)).encode())
        hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()


def _pack(images: Images) -> bytes:
    tensors = {f"{part}.{name}": array for part in ("train", "test") for name, array in getattr(images, part)._asdict().items()}
    tensors |= {"classes": np.array(images.classes), "digest": np.frombuffer(images.digest.encode(), dtype=np.uint8)}
    return save(tensors)


def _unpack(content: bytes) -> Images:
    stored = load(content)
    train, test = (Split(stored[f"{part}.images"], stored[f"{part}.labels"]) for part in ("train", "test"))
    digest = _digest(train, test)
    if digest.encode() != stored["digest"].tobytes():
        raise ValueError("wrong digest")
    return Images(train, test, int(stored["classes"]), digest)


def _files(source: Path) -> Iterator[tuple[PurePosixPath, bytes | None]]:
    """Every file of a folder or tar archive with its content, every folder with None."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            yield PurePosixPath(path.relative_to(source).as_posix()), None if path.is_dir() else path.read_bytes()
        return
    try:
        with tarfile.open(source, "r|*") as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                if opened or member.isdir():
                    yield PurePosixPath(member.name), opened.read() if opened else None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"The archive {str(source)!r} can't be read: {error}.") from None


def _decode(source: Path) -> Images:
    found: Found = {}
    done = 0
    for path, content in _files(source):
        split, label = ("", *(path.parts if content is None else path.parts[:-1]))[-2:]
        if split not in ("train", "test") or label.startswith("."):
            continue
        images = found.setdefault((split, label), [])
        if content is not None and path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            images.append((path.name, _pixels(content, f"{source}/{path}")))
            done += 1
            if done % 10_000 == 0:
                say(f"{source.name}: {done:,} images decoded")
    return _assemble(source, found)


def _pixels(content: bytes, name: str) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.mode[0] in "IF":
                raise ValueError(f"The image {name!r} has more than 8 bits a channel (mode {image.mode}).")
            return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"The image {name!r} can't be read: {error}.") from None


def _assemble(source: Path, found: Found) -> Images:
    classes, split_names = sorted({label for _, label in found}), ("train", "test")
    for split in split_names:
        if not any(part == split for part, _ in found):
            raise ValueError(f"{str(source)!r} has no {split}/CLASS/FILE; the layout is train/CLASS/FILE and test/CLASS/FILE.")
        for label in classes:
            if not found.get((split, label)):
                raise ValueError(f"The class {label!r} has no images in {split}/ of {str(source)!r}.")
    _require_one_size(source, found)
    colour = any(pixels.ndim == 3 for images in found.values() for _, pixels in images)
    parts = [_stacked([found[split, label] for label in classes], colour) for split in split_names]
    return Images(parts[0], parts[1], len(classes), _digest(*parts))


def _require_one_size(source: Path, found: Found) -> None:
    sizes: dict[tuple[int, ...], str] = {}
    for (split, label), images in found.items():
        for name, pixels in images:
            sizes.setdefault(pixels.shape[:2], f"{split}/{label}/{name}")
    if len(sizes) > 1:
        (first, one), (second, other) = list(sizes.items())[:2]
        raise ValueError(f"The images of {str(source)!r} differ in size: {one} is {first}, {other} is {second}.")


def _stacked(by_class: list[Named], colour: bool) -> Split:
    """One split, by class and file name; grey images among coloured ones get three equal channels."""
    pixels = [p for images in by_class for _, p in sorted(images, key=lambda image: image[0])]
    planes = [np.stack([p] * 3) if colour and p.ndim == 2 else p[None] if p.ndim == 2 else p.transpose(2, 0, 1) for p in pixels]
    stacked = np.ascontiguousarray(np.stack(planes))  # safetensors takes the memory as it lies
    return Split(stacked, np.repeat(np.arange(len(by_class)), [len(images) for images in by_class]))
