"""Files that outlive a kill, a power cut and a full disk.

A file is written under another name, fsynced and renamed, then its folder is fsynced: it is there whole or not at all, and once
a function here has returned, a power cut takes nothing of it back.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from theory.records import write

__all__ = ["NotSaved", "fsync_folder", "make_folder", "put", "remove", "saving", "temporaries"]

TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
"""What ``theory.records.write`` leaves behind when it is killed."""


class NotSaved(OSError):
    """A run can't be stored: the disk is full, the folder is read-only. What was finished before stays as it is."""


@contextmanager
def saving(run: Path) -> Iterator[None]:
    """Turn what the operating system refuses while ``run`` is written into one sentence (``NotSaved``)."""
    try:
        yield
    except NotSaved:
        raise
    except OSError as error:
        file, reason = run if error.filename is None else error.filename, error.strerror or str(error)
        failed = NotSaved(
            f"The run in {str(run)!r} can't be stored: {reason} ({str(file)!r}). Its finished levels stay, and once that is "
            "mended the same command goes on from there."
        )
        failed.errno = error.errno
        raise failed from None


def put(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, to last."""
    try:
        write(path, content)
        fsync_folder(path.parent)
    except OSError as error:
        error.filename = str(path)
        raise


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    if path.exists():
        path.unlink()
        fsync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, to last."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)


def fsync_folder(path: Path) -> None:
    """Make what was made, renamed or removed in a folder last through a power cut, where the file system knows how."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def temporaries(folder: Path) -> list[Path]:
    """The files that killed writers left in a folder."""
    return [path for path in folder.glob(".*.tmp") if TEMPORARY.fullmatch(path.name) and path.is_file()]
