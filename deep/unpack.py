"""``unpack``: the folder of a packed run or sweep, every file checked against the digest that was stored with it."""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load

from theory.console import from_mapping
from theory.records import to_json, write

from .checkpoint import FILE as MIDWAY
from .config import Config
from .definitions import restored
from .pack import PACK, initial
from .pack_files import Members, opened
from .tensor_bytes import expand, expand_masks

__all__ = ["unpack"]

RUN_NAME = re.compile(r"[^/\\\x00-\x1f]{1,200}/seed-\d{1,19}")
FILE_NAME = re.compile(r"[\w(][\w.=+()-]*( [\w.=+()-]+)*\.(safetensors|jsonl)")


def unpack(file: Path | str, out: Path | str, dry_run: bool = False) -> dict[str, Any]:
    """Make the folder ``out`` from a pack, whole or in pieces; what it holds, as the command prints it.

    ``dry_run`` checks every member and writes nothing. Raises ValueError where a piece is missing, something is damaged, or
    ``out`` exists; nothing is left then.
    """
    file, out = Path(file), Path(out)
    if out.exists() or out.is_symlink():
        raise ValueError(f"{str(out)!r} exists; nothing was changed, choose another --out.")
    with opened(file, PACK) as members:
        members.check()
        unpacking = Unpacking(members, file)
        if not dry_run:
            with _whole_or_not_at_all(out) as folder:
                unpacking.write(folder)
    return {"out": str(out), "written": not dry_run} | unpacking.summary()


class Unpacking:
    """The checked records of a pack, and its files by digest."""

    def __init__(self, members: Members, file: Path):
        self.members, self.file = members, file
        try:
            self._read(members.record)
        except (LookupError, TypeError, AttributeError) as error:
            raise self._damaged(f"its record lacks something ({type(error).__name__} {error})") from None

    def _read(self, record: Mapping[str, Any]) -> None:
        self.sweep, self.runs, self.objects = record["sweep"], dict(record["runs"]), dict(record["objects"])
        self.metrics: dict[str, str] = json.loads(self.members["metrics.json"])
        if self.sweep is None and list(self.runs) != [""]:
            raise self._damaged(f"without a sweep it holds the runs {list(self.runs)}")
        if not all(isinstance(lines, str) for lines in self.metrics.values()):
            raise self._damaged("its metrics are no lines")
        for name, run in self.runs.items():
            if self.sweep is not None and (not RUN_NAME.fullmatch(name) or name.startswith((".", "..", "~"))):
                raise self._damaged(f"it has a run {name!r}")
            for i, level in enumerate(run["levels"]):
                self._check_level(level, i, name)
            if not isinstance(run["run"], dict) or (run["midway"] is not None and run["midway"] not in self.objects):
                raise self._damaged(f"the record of the run {name!r} is not whole")

    def _check_level(self, level: Mapping[str, Any], index: int, name: str) -> None:
        if level["level"] != index or "metrics.jsonl" not in level["files"]:
            raise self._damaged(f"level {index} of the run {name!r} is not whole")
        for own, digest in level["files"].items():
            if not FILE_NAME.fullmatch(own):
                raise self._damaged(f"it has a file {own!r}")
            if digest not in (self.metrics if own == "metrics.jsonl" else self.objects):
                raise self._damaged(f"nothing in it has the digest of {own!r} in level {index}")

    def write(self, folder: Path) -> None:
        """Write all runs into ``folder``; equal files are hard links to one."""
        if self.sweep is not None:
            write(folder / "sweep.json", to_json(self.sweep))
        known: dict[str, Path] = {}
        for name, run in self.runs.items():
            home = folder / name
            write(home / "run.json", to_json(run["run"]))
            (home / "levels").mkdir()
            for i, record in enumerate(run["levels"]):
                for own, digest in record["files"].items():
                    self._write(home / "levels" / f"{i:02d}" / own, digest, known)
                write(home / "levels" / f"{i:02d}" / "level.json", to_json(record))
            write(home / "metrics.jsonl", "".join(self.metrics[r["files"]["metrics.jsonl"]] for r in run["levels"]))
            if run["midway"] is not None:
                self._write(home / MIDWAY, run["midway"], known)

    def summary(self) -> dict[str, Any]:
        """What the folder holds."""
        levels = [level for run in self.runs.values() for level in run["levels"]]
        left_out = sum(len(level.get("left_out", ())) for level in levels)
        midway = sum(run["midway"] is not None for run in self.runs.values())
        kind = "run" if self.sweep is None else "sweep"
        return {"kind": kind, "runs": len(self.runs), "levels": len(levels), "midway": midway, "left_out": left_out}

    def _write(self, path: Path, digest: str, known: dict[str, Path]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if digest in known:
            try:
                os.link(known[digest], path)
                return
            except OSError:  # a file system without hard links
                pass
        write(path, self._content(digest))
        known[digest] = path

    def _content(self, digest: str) -> bytes:
        if digest in self.metrics:
            content, where = self.metrics[digest].encode(), "metrics"
        else:
            content, where = self._object(self.objects[digest])
        if hashlib.sha256(content).hexdigest() == digest:
            return content
        if where == "init":
            raise ValueError(
                "The initial weights come out otherwise on this machine (another version of numpy?): pack with --init."
            )
        raise self._damaged(f"what it holds as {where} has another digest than the file that was packed")

    def _object(self, recipe: Mapping[str, Any]) -> tuple[bytes, str]:
        try:
            where = str(recipe["as"])
            if where == "init":
                return self._initial(recipe), where
            packed = self.members[recipe["member"]]
            if where == "mask":
                return expand_masks(recipe["header"], packed, int(recipe["level"])), where
            if where == "values":
                return expand(recipe["header"], packed), where
            if where == "bytes":
                return load(packed)["bytes"].tobytes(), where
        except (LookupError, TypeError, AttributeError, SafetensorError) as error:
            raise self._damaged(f"one of its files can't be made ({type(error).__name__} {error})") from None
        raise self._damaged(f"it has a file of the unknown kind {where!r}")

    def _initial(self, recipe: Mapping[str, Any]) -> bytes:
        settings = self.runs[recipe["run"]]["run"]["settings"]
        law = settings["algorithm"]
        config = from_mapping(Config, settings | {"algorithm": restored(law) if isinstance(law, dict) else law})
        return initial(config, recipe["shape"], recipe["classes"])

    def _damaged(self, what: str) -> ValueError:
        return ValueError(f"The pack {str(self.file)!r} is damaged: {what}; nothing was written.")


@contextmanager
def _whole_or_not_at_all(out: Path) -> Iterator[Path]:
    """A new folder that gets its name in the end."""
    out.parent.mkdir(parents=True, exist_ok=True)
    own = out.with_name(f".{out.name}.{uuid.uuid4().hex}.tmp")
    own.mkdir()
    try:
        yield own
        own.rename(out)
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
