"""``pack``: one file, or pieces of at most 16 MiB, from which a run or sweep goes on elsewhere to the same bits.

Every file of a run is known by its digest, and so is stored once however many runs share it. In a pack it is one of

    init    regenerated from the seed, where that gives the same digest here
    mask    a level of the run's nested masks, one number a weight for all levels
    values  a safetensors file without its zeros, in byte planes
    bytes   as it is, in a safetensors file of its own

Left out is what going on does not read: where each level but the dense one started, and the ends of all levels but the last,
unless another run of the sweep keeps the same file.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_arrays
from safetensors.torch import save

from theory.console import say
from theory.records import plain, provenance

from .checkpoint import FILE as MIDWAY
from .config import Config
from .data import load
from .network import network
from .pack_files import LIMIT, opened, place, require_free, temporary, write_members
from .store import Run, StoredLevel, load_run
from .sweep_records import read_sweep
from .tensor_bytes import expand, expand_masks, shrink, shrink_masks
from .trainer import engine

__all__ = ["PACK", "initial", "pack"]

PACK = "signescape.deep.pack/1"


def pack(
    folder: Path | str, file: Path | str, pieces: bool = False, init: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Write the run or sweep in ``folder`` into ``file``; what was written, as the command prints it.

    ``pieces`` allows FILE.1-of-N, … where 16 MiB do not suffice; ``init`` stores initial weights rather than their seed;
    ``dry_run`` finds the exact size and writes nothing. A run that another process trains may be packed: its finished levels
    and its last checkpoint are. Raises ValueError where something is damaged, exists already, or needs more than 16 MiB.
    """
    folder, file = Path(folder), Path(file)
    require_free(file)
    if not file.parent.is_dir():
        raise ValueError(f"There is no folder {str(file.parent)!r} to write {file.name!r} into.")
    packing = Packing(folder, init)
    with tempfile.TemporaryDirectory() as elsewhere, temporary(Path(elsewhere, "pack") if dry_run else file) as whole:
        write_members(whole, packing.members(), packing.record)
        whole.flush()
        os.fsync(whole.fileno())
        size = Path(whole.name).stat().st_size
        with opened(Path(whole.name), PACK) as members:
            members.check()
        files = [] if dry_run else place(Path(whole.name), file, pieces)
    return packing.summary() | {"bytes": size, "limit": LIMIT, "files": [str(path) for path in files]}


class Packing:
    """What goes into a pack: the records of the runs, and the files by digest."""

    def __init__(self, folder: Path, init: bool):
        self.folder, self.init = folder, init
        sweep = read_sweep(folder) if (folder / "sweep.json").exists() else None
        self.sweep = None if sweep is None else dict(sweep.record)
        paths = [folder] if sweep is None else sorted(p.parent for p in folder.glob("*/seed-*/run.json"))
        self.midway = {path: _midway(path) for path in paths}  # before the levels, which then are never behind it
        self.runs = {("" if sweep is None else path.relative_to(folder).as_posix()): load_run(path) for path in paths}
        self.levels = {name: run.levels for name, run in self.runs.items()}
        self.objects: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, str] = {}
        self._number, self._shapes = 0, dict[str, dict[str, Any]]()

    def members(self) -> Iterator[tuple[str, bytes]]:
        """Each member and its content, made one after another."""
        for name, levels in self.levels.items():
            yield from self._masks(levels)
            for level in levels:
                self.metrics[level.record["files"]["metrics.jsonl"]] = level.content("metrics.jsonl").decode()
                for own in sorted(_needed(level, levels)):
                    yield from self._file(name, level, own)
            if (content := self.midway[self.runs[name].path]) is not None:
                yield from self._values(hashlib.sha256(content).hexdigest(), content)
        yield "metrics.json", _json(self.metrics)

    def record(self) -> dict[str, Any]:
        """pack.json, once all members are made."""
        runs = {}
        for name, run in self.runs.items():
            content = self.midway[run.path]
            runs[name] = {
                "run": run.record,
                "levels": [self._without_left_out(level) for level in self.levels[name]],
                "midway": None if content is None else hashlib.sha256(content).hexdigest(),
            }
        settings = {"folder": str(self.folder), "init": self.init}
        return provenance(PACK, settings, sweep=self.sweep, runs=runs, objects=self.objects)

    def summary(self) -> dict[str, Any]:
        """What the pack holds, and what not."""
        out = {"folder": str(self.folder), "kind": "run" if self.sweep is None else "sweep", "runs": len(self.runs)}
        records = [self._without_left_out(level) for levels in self.levels.values() for level in levels]
        out |= {"levels": len(records), "midway": sum(content is not None for content in self.midway.values())}
        out |= {"left_out": sum(len(record.get("left_out", ())) for record in records)}
        elsewhere = [run.record["settings"].get(n) for run in self.runs.values() for n in ("mask_from", "signs_from")]
        images = {run.settings.data for run in self.runs.values()} - {"digits"}
        return out | {"needs": sorted(images | {str(path) for path in elsewhere if path})}

    def _without_left_out(self, level: StoredLevel) -> dict[str, Any]:
        """The level's record; what the pack lacks moves from its files to "left_out"."""
        files = level.record["files"]
        kept = {own: digest for own, digest in files.items() if digest in self.objects or digest in self.metrics}
        gone = {own: digest for own, digest in files.items() if own not in kept} | level.record.get("left_out", {})
        return level.record | {"files": kept} | ({"left_out": gone} if gone else {})

    def _masks(self, levels: Sequence[StoredLevel]) -> Iterator[tuple[str, bytes]]:
        digests = [level.record["files"]["mask.safetensors"] for level in levels]
        if all(digest in self.objects for digest in digests):
            return
        contents = [level.content("mask.safetensors") for level in levels]
        try:
            header, packed = shrink_masks(contents)
        except ValueError:  # not nested: each on its own
            for digest, content in zip(digests, contents, strict=True):
                yield from self._values(digest, content)
            return
        if any(expand_masks(header, packed, i) != content for i, content in enumerate(contents)):
            raise AssertionError("packed masks differ from the stored ones")
        member = self._member()
        for i, digest in enumerate(digests):
            self.objects.setdefault(digest, {"as": "mask", "member": member, "header": header, "level": i})
        yield member, packed

    def _file(self, name: str, level: StoredLevel, own: str) -> Iterator[tuple[str, bytes]]:
        digest = level.record["files"][own]
        if digest in self.objects:
            return
        if own == "start.safetensors" and not self.init and (images := self._regenerates(self.runs[name], digest)):
            self.objects[digest] = {"as": "init", "run": name, **images}
            return
        yield from self._values(digest, level.content(own))

    def _values(self, digest: str, content: bytes) -> Iterator[tuple[str, bytes]]:
        if digest in self.objects:
            return
        member = self._member()
        try:
            header, packed = shrink(content)
        except ValueError:
            self.objects[digest] = {"as": "bytes", "member": member}
            yield member, save_arrays({"bytes": np.frombuffer(content, dtype=np.uint8)})
            return
        if expand(header, packed) != content:
            raise AssertionError("packed values differ from the stored ones")
        self.objects[digest] = {"as": "values", "member": member, "header": header}
        yield member, packed

    def _member(self) -> str:
        self._number += 1
        return f"tensors/{self._number}.safetensors"

    def _regenerates(self, run: Run, digest: str) -> dict[str, Any] | None:
        """Shape and classes of the images, if these and the seed give the initial weights again."""
        try:
            images = self._shapes.get(run.settings.data)
            if images is None:
                data = load(run.settings)
                images = self._shapes[run.settings.data] = {"shape": list(data.shape), "classes": data.classes}
            return images if hashlib.sha256(initial(run.settings, **images)).hexdigest() == digest else None
        except (ValueError, OSError) as error:
            say(f"The initial weights are stored, since they can't be made again here: {error}")
            return None


def initial(config: Config, shape: Sequence[int], classes: int) -> bytes:
    """The stored form of the initial weights, made again from the seed (on the CPU, where they are drawn for any device)."""
    channels, height, width = map(int, shape)
    plain_config = replace(config, device="cpu", compile="none")
    with engine(plain_config):
        return save(network(plain_config, (channels, height, width), int(classes)).initial)


def _needed(level: StoredLevel, levels: Sequence[StoredLevel]) -> set[str]:
    """The files of a level that going on reads, but for mask and metrics: initial weights, and each point's latest values."""
    apart = {"mask.safetensors", "start.safetensors", "metrics.jsonl"}
    later = {own for other in levels if other.index > level.index for own in other.record["files"]}
    return level.record["files"].keys() - apart - later | ({"start.safetensors"} if level.index == 0 else set())


def _midway(path: Path) -> bytes | None:
    try:
        return (path / MIDWAY).read_bytes()
    except FileNotFoundError:
        return None


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(plain(content), ensure_ascii=False, sort_keys=True).encode()
