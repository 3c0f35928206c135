"""CIFAR-10 and CIFAR-100 in their binary version (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009).

A record is the label (CIFAR-100: coarse label, then fine label, of which the fine one counts), then 3072 pixels: red, green and
blue plane, each row by row. The python version of these sets is a pickle, and is not read.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import numpy as np

from .images import Images, Split, cache_folder, digest_of

__all__ = ["ARCHIVES", "Archive", "download", "read", "unpack"]

SHAPE = (3, 32, 32)


@dataclass(frozen=True)
class Archive:
    """Where a binary archive is, its MD5 (hex), its files with their number of records, and its labels."""

    url: str
    md5: str
    train: tuple[str, ...]
    test: str
    train_records: int
    """Of each file."""
    test_records: int
    label_bytes: int
    """Before the pixels of a record; the last one is the class."""
    classes: int


ARCHIVES = {
    "cifar10": Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
        test="test_batch.bin",
        train_records=10_000,
        test_records=10_000,
        label_bytes=1,
        classes=10,
    ),
    "cifar100": Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        md5="03b5dce01913d631647c71ecec9e9cb8",
        train=("train.bin",),
        test="test.bin",
        train_records=50_000,
        test_records=10_000,
        label_bytes=2,
        classes=100,
    ),
}
"""MD5 as on https://www.cs.toronto.edu/~kriz/cifar.html."""


def read(name: str, source: Path | None = None) -> Images:
    """ "cifar10" or "cifar100" from a local archive or unpacked folder, or downloaded where there is no ``source``.

    Raises ValueError, one sentence, where it is missing, damaged, incomplete, or can't be downloaded.
    """
    archive = ARCHIVES[name]
    found = download(name, archive) if source is None else source
    if not found.exists():
        raise ValueError(f"There is no archive or folder {str(found)!r} of {name}.")
    return _remembered(archive, found, found.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _remembered(archive: Archive, source: Path, changed: int) -> Images:
    return unpack(archive, source)


def download(name: str, archive: Archive) -> Path:
    """The archive in the cache, fetched unless a file of that MD5 is there; what is there is replaced by the right one only."""
    import pooch

    file = urlsplit(archive.url).path.rpartition("/")[2]
    try:
        return Path(pooch.retrieve(archive.url, f"md5:{archive.md5}", fname=file, path=cache_folder()))
    except (ValueError, OSError) as error:
        if getattr(error, "response", None) is not None:
            error.response.close()  # type: ignore[union-attr]  # requests' own errors; pooch leaves the connection open
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise ValueError(
            f"{name} can't be downloaded from {archive.url} ({reason}); a copy on this machine is read as {name}:PATH."
        ) from None


def unpack(archive: Archive, source: Path) -> Images:
    """The images of an archive file, or of the folder it unpacks to."""
    wanted = (*archive.train, archive.test)
    found = dict(_contents(source, wanted))
    for name in wanted:
        if name not in found:
            raise ValueError(f"{str(source)!r} has no {name}; it should be the binary version, as {Path(archive.url).name} is.")
    train = [_records(archive, found[name], archive.train_records, f"{source}/{name}") for name in archive.train]
    test = _records(archive, found[archive.test], archive.test_records, f"{source}/{archive.test}")
    parts = Split(np.concatenate([s.images for s in train]), np.concatenate([s.labels for s in train])), test
    return Images(*parts, archive.classes, digest_of(*parts))


def _contents(source: Path, wanted: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each wanted file in a folder (or in the one folder in it), or anywhere in a tar archive."""
    try:
        if source.is_dir():
            for path in sorted((*source.glob("*.bin"), *source.glob("*/*.bin"))):
                if path.name in wanted:
                    yield path.name, path.read_bytes()
            return
        with tarfile.open(source, "r|*") as members:
            for member in members:
                name = PurePosixPath(member.name).name
                if name in wanted and (opened := members.extractfile(member)):
                    yield name, opened.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"The archive {str(source)!r} can't be read: {error}.") from None


def _records(archive: Archive, content: bytes, n: int, name: str) -> Split:
    size = archive.label_bytes + int(np.prod(SHAPE))
    if len(content) != n * size:
        raise ValueError(f"The file {name!r} has {len(content):,} bytes instead of {n * size:,} ({n:,} records of {size}).")
    records = np.frombuffer(content, np.uint8).reshape(n, size)
    labels = records[:, archive.label_bytes - 1].astype(np.int64)
    if labels.max() >= archive.classes:
        raise ValueError(f"The file {name!r} has the label {labels.max()}, though there are {archive.classes} classes.")
    return Split(records[:, archive.label_bytes :].reshape(n, *SHAPE).copy(), labels)
