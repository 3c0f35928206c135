"""The file of a pack: a zip whose members have digests, whole or in pieces of at most 16 MiB; nothing that exists is replaced.

A whole pack holds pack.json (schema, settings, the digest of every other member), metrics.json and members of the form
tensors/NUMBER.safetensors. A piece FILE.2-of-3 holds piece.json and part, a stretch of the whole pack's bytes.
"""

import hashlib
import json
import lzma
import os
import re
import shutil
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from theory.records import to_json

__all__ = ["LIMIT", "Members", "opened", "place", "require_free", "temporary", "write_members"]

LIMIT = 16 * 2**20
"""Bytes that a file may have."""
PART = LIMIT - 4096
"""Bytes of the whole in a piece; the rest is for its own record."""
SWELLING = 200, 2**26
"""A pack may hold so many times its own bytes, and so many bytes in any case: more is an attack on memory."""
PIECE = "signescape.deep.piece/1"
NUMBERED = re.compile(r"(?P<stem>.+)\.(?P<number>[1-9]\d{0,5})-of-(?P<total>[1-9]\d{0,5})")
MEMBER = re.compile(r"(pack|metrics)\.json|tensors/\d{1,9}\.safetensors")
BROKEN = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, LookupError)
"""What reading a damaged zip raises."""


def write_members(file: IO[bytes], members: Iterable[tuple[str, bytes]], record: Callable[[], dict[str, Any]]) -> None:
    """Write the members, then pack.json: ``record()`` with their digests. The same members give the same bytes."""
    digests = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in members:
            archive.writestr(_info(name, zipfile.ZIP_LZMA), content)
            digests[name] = hashlib.sha256(content).hexdigest()
        content = to_json(record() | {"members": digests}).encode()
        archive.writestr(_info("pack.json", zipfile.ZIP_LZMA), content)
        archive.comment = hashlib.sha256(content).hexdigest().encode()


def _info(name: str, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type, info.external_attr = method, 0o644 << 16
    return info


def require_free(file: Path) -> None:
    """Raise ValueError where the file, or a piece of that name, is there already."""
    if NUMBERED.fullmatch(file.name):
        raise ValueError(f"{file.name!r} reads like a piece of a pack; choose another --out.")
    taken = [file] if file.exists() or file.is_symlink() else [path for path, _, _ in _pieces_of(file)]
    if taken:
        raise ValueError(f"{str(taken[0])!r} exists; nothing was changed, choose another --out.")


def place(whole: Path, file: Path, pieces: bool) -> list[Path]:
    """Put a written pack at ``file``, or in pieces beside it, each read again and compared; the files."""
    size = whole.stat().st_size
    if size <= LIMIT:
        _link(whole, file)
        return [file]
    number = -(-size // PART)
    if not pieces:
        raise ValueError(
            f"This pack needs {size:,} bytes, more than the {LIMIT:,} of one file; nothing was written, "
            f"--pieces writes {number} files."
        )
    digest, out = _digest(whole), list[Path]()
    try:
        with open(whole, "rb") as source:
            for i in range(1, number + 1):
                path = file.with_name(f"{file.name}.{i}-of-{number}")
                _write_piece(path, source.read(PART), {"piece": i, "of": number, "whole": digest, "bytes": size})
                out.append(path)
    except BaseException:
        for path in out:
            path.unlink()
        raise
    return out


def _write_piece(path: Path, part: bytes, record: dict[str, Any]) -> None:
    record = {"schema": PIECE, **record, "sha256": hashlib.sha256(part).hexdigest()}
    with temporary(path) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_info("piece.json", zipfile.ZIP_STORED), to_json(record))
            archive.writestr(_info("part", zipfile.ZIP_STORED), part)
        file.flush()
        os.fsync(file.fileno())
        if Path(file.name).stat().st_size > LIMIT or _piece(Path(file.name)) != (record, part):
            raise OSError(f"The piece {str(path)!r} was not written as it should be.")
        _link(Path(file.name), path)


@contextmanager
def temporary(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside ``path``, gone in the end."""
    own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(own, "xb") as file:
            yield file
    finally:
        own.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Give a finished file its name, unless that is taken."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links, or a taken name
        if target.exists() or target.is_symlink():
            raise ValueError(f"{str(target)!r} exists; nothing was changed, choose another --out.") from None
        with open(target, "xb") as file, open(source, "rb") as content:
            try:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                target.unlink()
                raise


class Members:
    """The members of a pack, each checked against its digest when it is read."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, schema: str):
        self._archive, self._path = archive, path
        names = archive.namelist()
        for name in names:
            if not MEMBER.fullmatch(name) or names.count(name) > 1:
                raise ValueError(
                    f"The pack {str(path)!r} holds a member {name!r}, which does not belong there; nothing was written."
                )
        self.bytes = sum(info.file_size for info in archive.infolist())
        if self.bytes > SWELLING[0] * sum(info.compress_size for info in archive.infolist()) + SWELLING[1]:
            raise ValueError(f"The pack {str(path)!r} would swell to {self.bytes:,} bytes; nothing was written.")
        content = self._read("pack.json")
        if hashlib.sha256(content).hexdigest().encode() != archive.comment:
            raise ValueError(f"The pack {str(path)!r} is damaged: the digest of 'pack.json' is wrong.")
        self.record = _json(content, path, schema)
        if self.record.get("members", {}).keys() != set(names) - {"pack.json"}:
            raise ValueError(f"The pack {str(path)!r} is damaged: its members are not those that it lists.")

    def __getitem__(self, name: str) -> bytes:
        if name not in self.record["members"]:
            raise ValueError(f"The pack {str(self._path)!r} is damaged: it has no member {name!r}.")
        content = self._read(name)
        if hashlib.sha256(content).hexdigest() != self.record["members"][name]:
            raise ValueError(f"The pack {str(self._path)!r} is damaged: the digest of {name!r} is wrong.")
        return content

    def check(self) -> None:
        """Read all members."""
        for name in self.record["members"]:
            _ = self[name]

    def _read(self, name: str) -> bytes:
        try:
            return self._archive.read(name)
        except BROKEN as error:
            raise ValueError(f"The pack {str(self._path)!r} is damaged: {name!r} can't be read ({error}).") from None


@contextmanager
def opened(file: Path, schema: str) -> Iterator[Members]:
    """The members of a pack in one file, or in the pieces that belong to ``file`` (the name given to pack, or one piece)."""
    paths = _complete(file)
    with tempfile.TemporaryFile() as joined:
        source: Any = file if paths is None else joined
        if paths is not None:
            _join(paths, joined)
        try:
            archive = zipfile.ZipFile(source)
        except (*BROKEN, ValueError) as error:
            raise ValueError(f"{str(file)!r} is no pack of signescape, or it is damaged: {error}.") from None
        with archive:
            yield Members(archive, file, schema)


def _complete(file: Path) -> list[Path] | None:
    """All pieces in their order, or None where ``file`` is a whole pack; ValueError that says which is missing."""
    match = NUMBERED.fullmatch(file.name)
    if file.is_file() and not match:
        return None
    stem = file.with_name(match["stem"]) if match else file
    found = _pieces_of(stem)
    totals = {total for _, _, total in found} if match is None else {int(match["total"])}
    if not found or not totals:
        raise ValueError(f"There is no file {str(file)!r}, nor pieces {file.name}.1-of-N.")
    if len(totals) > 1:
        raise ValueError(
            f"There are pieces of {' and of '.join(map(str, sorted(totals)))} for {str(stem)!r}; name one of them."
        )
    (total,) = totals
    there = {number: path for path, number, of in found if of == total}
    missing = [f"{stem.name}.{i}-of-{total}" for i in range(1, total + 1) if i not in there]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ValueError(
            f"Of {total} pieces in {str(stem.parent)!r} there is no {', '.join(missing[:5])}{more}; nothing was written."
        )
    return [there[i] for i in range(1, total + 1)]


def _pieces_of(stem: Path) -> list[tuple[Path, int, int]]:
    """The pieces beside each other: path, number, how many there are in all."""
    out = []
    for path in sorted(stem.parent.iterdir()) if stem.parent.is_dir() else ():
        match = NUMBERED.fullmatch(path.name)
        if match and match["stem"] == stem.name and int(match["number"]) <= int(match["total"]):
            out.append((path, int(match["number"]), int(match["total"])))
    return out


def _join(paths: list[Path], joined: IO[bytes]) -> None:
    whole, first = hashlib.sha256(), None
    for i, path in enumerate(paths, 1):
        record, part = _piece(path)
        first = first or record
        if (record["piece"], record["of"]) != (i, len(paths)):
            raise ValueError(f"The piece {str(path)!r} is number {record['piece']} of {record['of']}; nothing was written.")
        if record["whole"] != first["whole"]:
            raise ValueError(f"The pieces {str(paths[0])!r} and {str(path)!r} are of two packs; nothing was written.")
        whole.update(part)
        joined.write(part)
    if first is None or whole.hexdigest() != first["whole"]:
        raise ValueError(f"The pieces of {str(paths[0])!r} are damaged: joined, their digest is wrong.")


def _piece(path: Path) -> tuple[dict[str, Any], bytes]:
    if path.stat().st_size > LIMIT:
        raise ValueError(f"The piece {str(path)!r} is damaged: it has more than {LIMIT:,} bytes.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != ["part", "piece.json"] or sum(i.file_size for i in archive.infolist()) > LIMIT:
                raise ValueError(f"{str(path)!r} is no piece of a pack.")
            record, part = archive.read("piece.json"), archive.read("part")
    except BROKEN as error:
        raise ValueError(f"The piece {str(path)!r} is damaged: {error}.") from None
    found = _json(record, path, PIECE)
    if found.keys() < {"piece", "of", "whole", "sha256"} or hashlib.sha256(part).hexdigest() != found["sha256"]:
        raise ValueError(f"The piece {str(path)!r} is damaged: its digest is wrong.")
    return found, part


def _json(content: bytes, path: Path, schema: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is damaged: its record is no JSON ({error}).") from None
    got = found.get("schema") if isinstance(found, dict) else None
    if got != schema:
        raise ValueError(f"{str(path)!r} has schema {got!r}; this version reads {schema!r}.")
    return dict(found)


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
