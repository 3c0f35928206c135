"""The run folder: what a run writes, how it goes on after being killed, and how it is read.

    run.json              schema, settings, provenance, identity
    metrics.jsonl         a line for each epoch and each level; made again from the levels' own lines
    levels/00/            level.json (provenance, digests of the files), metrics.jsonl, and safetensors: mask, start, final,
                          rewind points (step=500, epoch=2), momentum

A level's folder is written under a temporary name and renamed: it is there whole or not at all. Nothing stored is ever changed.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from theory.algorithms import Algorithm, At, Level
from theory.console import from_mapping
from theory.definitions import definition
from theory.names import algorithm
from theory.records import plain, provenance, settings_hash, to_json, write

from .config import Config, moment, moment_name
from .definitions import restored

__all__ = ["Run", "StoredLevel", "create", "load_run", "locked", "shares_level_0"]

RUN, LEVEL = "signescape.deep.run/1", "signescape.deep.level/1"
FREE = ("levels", "remember", "data")
"""Settings that may differ when a run goes on; of the data it is the images that count, not their path."""
PATIENCE = 50
"""How often, every 0.2 s, a folder is tried that another process holds: a killed sweep's workers need a moment to end."""


class StoredLevel:
    """A finished level; tensors are read when asked for, and refused where their digest is wrong."""

    def __init__(self, path: Path):
        self.path, self.index = path, int(path.name)
        self.record = _read_json(path / "level.json", LEVEL, ("files", "order"))

    @property
    def names(self) -> list[str]:
        """What is stored: "mask", "start", "final", rewind points."""
        return [name.removesuffix(".safetensors") for name in self.record["files"] if name.endswith(".safetensors")]

    def tensors(self, name: str, device: str = "cpu") -> dict[str, Any]:
        """The tensors stored under ``name``, by parameter."""
        if name not in self.names:
            raise ValueError(f"{str(self.path)!r} holds no {name!r}; it holds {', '.join(self.names)}.")
        path = self.path / f"{name}.safetensors"
        try:
            tensors = load(self.content(path.name))
        except SafetensorError as error:
            raise ValueError(f"The file {str(path)!r} is damaged: {error}.") from None
        return {n: t.to(device) for n, t in sorted(tensors.items(), key=lambda item: self._order(item[0]))}

    @property
    def mask(self) -> dict[str, Any]:
        """The level's masks, by prunable parameter."""
        return self.tensors("mask")

    @property
    def start(self) -> dict[str, Any]:
        """All parameters at the start of the level; at level 0 the initialisation."""
        return self.tensors("start")

    @property
    def final(self) -> dict[str, Any]:
        """All parameters at the end of the level."""
        return self.tensors("final")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The lines of metrics: one for each epoch, then one for the level."""
        content = self.content("metrics.jsonl").decode()
        return [json.loads(line) for line in content.splitlines()]

    def _order(self, name: str) -> int:
        return self.record["order"].index(name)

    def content(self, name: str) -> bytes:
        """The bytes of a file, checked against the digest that was stored with it."""
        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"The file {str(path)!r} can't be read: {error.strerror}.") from None
        if hashlib.sha256(content).hexdigest() != self.record["files"][name]:
            raise ValueError(f"The file {str(path)!r} is damaged: its digest is not the one that was stored with it.")
        return content


class Run:
    """A run folder that exists."""

    def __init__(self, path: Path):
        self.path = path
        self.record = _read_json(path / "run.json", RUN, ("settings", "same"))
        self.settings: Config = from_mapping(Config, self.record["settings"] | {"algorithm": self._algorithm()})

    def _algorithm(self) -> str | Algorithm:
        """The name, or the object that was stored; also where the module of a ``module:OBJECT`` is not there any more."""
        law = self.record["settings"]["algorithm"]
        if isinstance(law, dict):
            return restored(law)
        try:
            algorithm(law)
        except ValueError:
            return restored(self.record["same"]["algorithm"] | {"name": law})
        return str(law)

    def changes(self) -> list[str]:
        """How the version of torch, the machine and the device differ here from those of the stored levels."""
        here = _place(provenance(RUN, {}, device=_device(self.settings.device)))
        places = [_place(record) for record in (self.record, *(level.record for level in self.levels))]
        return sorted({f"{n} {was[n]!r} before, {here[n]!r} now" for was in places for n in was if was[n] != here[n]})

    @property
    def levels(self) -> list[StoredLevel]:
        """The finished levels: 0, 1, …"""
        folder = self.path / "levels"
        names = sorted((p.name for p in folder.glob("[!.]*")), key=_level_number)
        for i, name in enumerate(names):
            if name != f"{i:02d}":
                raise ValueError(f"{str(folder)!r} should hold level {i:02d} next, but holds {name!r}.")
        return [StoredLevel(folder / name) for name in names]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All lines of metrics of the finished levels."""
        return [row for level in self.levels for row in level.rows]

    def last(self, device: str) -> Level | None:
        """The last finished level with all points that later levels may need, as the loop of ``theory`` takes it."""
        levels = self.levels
        if not levels:
            return None
        first, last = levels[0], levels[-1]
        points = {"init": first.tensors("start", device)}
        for level in dict.fromkeys((first, last)):
            points |= {_point(n): level.tensors(n, device) for n in level.names if n not in ("mask", "start")}
        return Level(last.index, last.tensors("mask", device), last.tensors("start", device), points)

    def add(self, level: Level, points: Mapping[Any, Mapping[str, Any]], rows: list[dict[str, Any]], seconds: float) -> None:
        """Store a finished level: mask, start, the points that it produced, its metrics."""
        files = {f"{_name(key)}.safetensors": save(dict(point)) for key, point in points.items()}
        files |= {"mask.safetensors": save(dict(level.mask)), "start.safetensors": save(dict(level.start))}
        files["metrics.jsonl"] = "".join(to_json(row, indent=None) + "\n" for row in rows).encode()
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        more = {"level": level.index, "seconds": round(seconds, 3), "device": _device(self.settings.device)}
        more |= {"order": list(level.start), "files": digests}
        files["level.json"] = to_json(provenance(LEVEL, self.record["settings"], **more)).encode()
        with self._new_level(level.index) as folder:
            for name, content in files.items():
                write(folder / name, content)

    def take_over(self, level: StoredLevel) -> None:
        """Hard-link (or copy) another run's level."""
        with self._new_level(level.index) as folder:
            for source in level.path.iterdir():
                try:
                    os.link(source, folder / source.name)
                except OSError:
                    shutil.copy2(source, folder / source.name)

    @contextmanager
    def _new_level(self, index: int) -> Iterator[Path]:
        folder = self.path / "levels"
        temporary = folder / f".{index:02d}.tmp"
        temporary.mkdir(parents=True)
        yield temporary
        os.rename(temporary, folder / f"{index:02d}")
        _sync(folder)
        self.tidy()

    def grow(self, levels: int) -> None:
        """Say in run.json that the run is to have at least so many levels."""
        if levels > self.settings.levels:
            settings = self.record["settings"] | {"levels": levels}
            self.record |= {"settings": settings, "settings_hash": settings_hash(settings)}
            write(self.path / "run.json", to_json(self.record))

    def tidy(self) -> None:
        """Remove what a killed run left half-written, and bring metrics.jsonl up to date."""
        for half in (self.path / "levels").glob(".*.tmp"):
            shutil.rmtree(half)
        lines = b"".join(level.content("metrics.jsonl") for level in self.levels)
        path = self.path / "metrics.jsonl"
        if not path.exists() or path.read_bytes() != lines:
            write(path, lines)


def load_run(path: Path | str) -> Run:
    """A stored run: ``.settings``, ``.levels`` (masks and points, read when asked for), ``.rows`` (metrics)."""
    path = Path(path)
    if not (path / "run.json").is_file():
        raise ValueError(f"{str(path)!r} is not a run folder: it has no run.json.")
    return Run(path)


def create(config: Config, digest: str) -> Run:
    """The run folder of ``config``: the one that is there, if it has the same settings and data, or a new one."""
    path, settings = Path(config.out), plain(config.settings())
    same = plain({"data": digest, "algorithm": definition(config.program), "settings": _without(settings, FREE)})
    if not (path / "run.json").exists():
        if path.is_file() or (path.is_dir() and any(not p.name.startswith(".") for p in path.iterdir())):
            raise ValueError(f"{str(path)!r} exists and is not a run folder; nothing was changed, choose another --out.")
        more = {"device": _device(config.device), "identity": settings_hash(same), "same": same}
        write(path / "run.json", to_json(provenance(RUN, settings, **more)))
        return Run(path)
    run = Run(path)
    if run.record["same"]["data"] != digest:
        raise ValueError(f"The run in {str(path)!r} was trained on other images: {run.settings.data!r}, not {config.data!r}.")
    _same(path, run.record["same"], same)
    return run


def _same(path: Path, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name, value in asked["settings"].items():
        if stored["settings"].get(name) != value:
            was = stored["settings"].get(name)
            raise ValueError(f"The run in {str(path)!r} has {name}={was!r}, not {value!r}; choose another --out.")
    if stored["algorithm"] != asked["algorithm"]:
        raise ValueError(
            f"The algorithm of the run in {str(path)!r} changed: {stored['algorithm']} was, {asked['algorithm']} is."
        )


def shares_level_0(one: Run, other: Run) -> bool:
    """Is level 0 of two runs the same but for the rewind points that it stores?"""
    apart = ("algorithm", "fraction")
    return one.record["same"]["data"] == other.record["same"]["data"] and _without(
        one.record["same"]["settings"], apart
    ) == _without(other.record["same"]["settings"], apart)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time writes into the folder ``path``; a lock ends with its process, however that ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    if not path.exists():
        path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for attempt in range(PATIENCE):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == PATIENCE - 1:
                    raise ValueError(f"Another process is writing into {str(path)!r}.") from None
                time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _read_json(path: Path, schema: str, needs: tuple[str, ...]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"The file {str(path)!r} can't be read as JSON: {error}.") from None
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema:
        raise ValueError(f"The file {str(path)!r} has schema {found!r}; this version reads {schema!r}.")
    for name in needs:
        if name not in content:
            raise ValueError(f"The file {str(path)!r} lacks {name!r}.")
    return content


def _place(record: Mapping[str, Any]) -> dict[str, Any]:
    """What decides on bits besides the settings, as far as it was recorded."""
    place = {"torch": record.get("versions", {}).get("torch"), "machine": record.get("machine"), "device": record.get("device")}
    return {name: value for name, value in place.items() if value is not None}


def _device(name: str) -> str:
    return torch.cuda.get_device_name() if name == "cuda" else name


def _without(settings: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in names}


def _name(key: Any) -> str:
    return moment_name(key) if isinstance(key, At) else str(key)


def _point(name: str) -> Any:
    return moment(name) if name.startswith(("step=", "epoch=")) else name


def _level_number(name: str) -> tuple[int, str]:
    return int(name) if name.isdigit() else -1, name


def _sync(folder: Path) -> None:
    """Make a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
