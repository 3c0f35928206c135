"""The run folder: what a run writes, how it goes on after being killed, and how it is read.

    run.json              schema, settings, provenance, identity
    metrics.jsonl         a line for each epoch and each level; made again from the levels' own lines
    midway.safetensors    the level under way (``deep.checkpoint``)
    levels/00/            level.json (provenance, digests of the files), metrics.jsonl, and safetensors: mask, start, final,
                          rewind points (step=500, epoch=2), the optimiser's memory at them

A level's folder is written under a temporary name, fsynced with all that is in it, and renamed: it is there whole or not at
all. Nothing stored is ever changed. What can't be written (a full disk, a read-only folder) raises ``NotSaved``, one sentence.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from theory.algorithms import Algorithm, At, Level, Tensors
from theory.console import from_mapping
from theory.definitions import definition
from theory.names import algorithm
from theory.records import plain, provenance, settings_hash, to_json, write

from .config import FREE, Config, moment, moment_name
from .definitions import restored
from .distributed import place
from .files import fsync_folder, make_folder, put, saving, temporaries

__all__ = ["Run", "StoredLevel", "create", "load_run", "locked", "read_json", "shares_level_0"]

RUN, LEVEL = "signescape.deep.run/2", "signescape.deep.level/2"
PATIENCE = 50
"""How often, every 0.2 s, a folder is tried that another process holds: a killed sweep's workers need a moment to end."""


class StoredLevel:
    """A finished level; tensors are read when asked for, and refused where their digest is wrong."""

    def __init__(self, path: Path):
        self.path, self.index = path, int(path.name)
        self.record = read_json(path / "level.json", LEVEL, ("files", "order"))

    @property
    def names(self) -> list[str]:
        """What is stored: "mask", "start", "final", rewind points."""
        return [name.removesuffix(".safetensors") for name in self.record["files"] if name.endswith(".safetensors")]

    @property
    def left_out(self) -> list[str]:
        """What was stored, but is not in a folder that came from a pack: only what resuming needs is there."""
        return [name.removesuffix(".safetensors") for name in self.record.get("left_out", ())]

    def tensors(self, name: str, device: str = "cpu") -> dict[str, Any]:
        """The tensors stored under ``name``, by parameter."""
        if name in self.left_out:
            raise ValueError(
                f"{str(self.path)!r} came from a pack, which leaves {name!r} out; the folder that was packed has it."
            )
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

    def _order(self, name: str) -> tuple[int, str]:
        """The network's own order of parameters; after them what else a point holds ("momentum_buffer:conv1.weight")."""
        order = self.record["order"]
        return order.index(name) if name in order else len(order), name

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
        self.record = read_json(path / "run.json", RUN, ("settings", "same"))
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

    @cached_property
    def place(self) -> dict[str, Any]:
        """What decides on bits here besides the settings: the version of torch, the machine and the device."""
        return _place(provenance(RUN, {}, device=_device(self.settings.device)))

    def changes(self, *others: Mapping[str, Any]) -> list[str]:
        """How the place differs here from those of the stored levels, and from ``others``."""
        here = self.place
        places = [_place(record) for record in (self.record, *(level.record for level in self.levels))]
        return sorted(
            {f"{n} {was[n]!r} before, {here[n]!r} now" for was in (*places, *others) for n in was if was[n] != here[n]}
        )

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
        latest = {name: level for level in levels for name in level.names if name not in ("mask", "start")}
        points = {"init": first.tensors("start", device)}
        points |= {_point(name): level.tensors(name, device) for name, level in latest.items()}
        start = {} if "start" in last.left_out else last.tensors("start", device)  # the loop goes on without it
        return Level(last.index, last.tensors("mask", device), start, points)

    def add(
        self,
        level: Level,
        points: Mapping[Any, Tensors],
        rows: list[dict[str, Any]],
        seconds: float,
        borrowed: Mapping[str, str],
    ) -> None:
        """Store a finished level: mask, start, the points that it produced, its metrics, digests of what it borrowed."""
        named = {_name(key): point for key, point in points.items()} | {"mask": level.mask, "start": level.start}
        files = {f"{name}.safetensors": save(_storable(name, point)) for name, point in named.items()}
        files["metrics.jsonl"] = "".join(to_json(row, indent=None) + "\n" for row in rows).encode()
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        more = {"level": level.index, "seconds": round(seconds, 3), "device": _device(self.settings.device)}
        more |= {"borrowed": dict(borrowed), "order": list(level.start), "files": digests}
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
                except OSError:  # another file system, or one without links
                    write(folder / source.name, source.read_bytes())

    @contextmanager
    def _new_level(self, index: int) -> Iterator[Path]:
        folder = self.path / "levels"
        temporary = folder / f".{index:02d}.tmp"
        with saving(self.path):
            make_folder(folder)
            try:
                temporary.mkdir()
                yield temporary
                fsync_folder(temporary)
                os.rename(temporary, folder / f"{index:02d}")
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)  # a full disk gets its space back
                raise
            fsync_folder(folder)
        self.tidy()

    def grow(self, levels: int) -> None:
        """Say in run.json that the run is to have at least so many levels."""
        if levels > self.settings.levels:
            settings = self.record["settings"] | {"levels": levels}
            self.record |= {"settings": settings, "settings_hash": settings_hash(settings)}
            with saving(self.path):
                put(self.path / "run.json", to_json(self.record))

    def tidy(self) -> None:
        """Remove what a killed run left half-written, and bring metrics.jsonl up to date."""
        lines, path = b"".join(level.content("metrics.jsonl") for level in self.levels), self.path / "metrics.jsonl"
        with saving(self.path):
            for file in temporaries(self.path):
                file.unlink()
            for half in (self.path / "levels").glob(".*.tmp"):
                shutil.rmtree(half)
            if not path.exists() or path.read_bytes() != lines:
                put(path, lines)


def load_run(path: Path | str) -> Run:
    """A stored run: ``.settings``, ``.levels`` (masks and points, read when asked for), ``.rows`` (metrics)."""
    path = Path(path)
    if not (path / "run.json").is_file():
        raise ValueError(f"{str(path)!r} is not a run folder: it has no run.json.")
    return Run(path)


def create(config: Config, digest: str | None, trainer: Any = None, borrowed: Mapping[str, str] = MappingProxyType({})) -> Run:
    """The run folder of ``config``: the one that is there, if it has the same settings, data, trainer and donors, or a new one.

    ``digest`` of the data, ``trainer`` as JSON (None: the project's own), ``borrowed``: identities of other runs by setting.
    """
    path, settings = config.path, plain(config.settings())
    same = {"data": digest, "algorithm": definition(config.program), "settings": _without(settings, FREE)}
    same = plain(same | {"trainer": trainer, "borrowed": dict(borrowed)})
    if not (path / "run.json").exists():
        if path.is_file() or (path.is_dir() and any(not p.name.startswith(".") for p in path.iterdir())):
            raise ValueError(f"{str(path)!r} exists and is not a run folder; nothing was changed, choose another --out.")
        more = {"device": _device(config.device), "identity": settings_hash(same), "same": same}
        with saving(path):
            put(path / "run.json", to_json(provenance(RUN, settings, **more)))
        return Run(path)
    run = Run(path)
    _require_same(run, same, config)
    return run


def _require_same(run: Run, asked: Mapping[str, Any], config: Config) -> None:
    stored, where = run.record["same"], f"The run in {str(run.path)!r}"
    if stored["trainer"] != asked["trainer"]:
        was, now = (json.dumps(same["trainer"]) for same in (stored, asked))
        raise ValueError(f"{where} was trained by {was}, not by {now}; choose another --out.")
    if stored["data"] != asked["data"]:
        raise ValueError(f"{where} was trained on other images: {run.settings.data!r}, not {config.data!r}.")
    for name, value in asked["settings"].items():
        if stored["settings"].get(name) != value:
            was = stored["settings"].get(name)
            raise ValueError(f"{where} has {name}={was!r}, not {value!r}; choose another --out.")
    for name in ("mask_from", "signs_from"):
        was, now = (same["borrowed"].get(name) for same in (stored, asked))
        if was != now:
            words = ("nothing" if identity is None else f"a run with identity {identity}" for identity in (was, now))
            raise ValueError(f"{where} borrows with {name} from {' and not from '.join(words)}; choose another --out.")
    if stored["algorithm"] != asked["algorithm"]:
        raise ValueError(
            f"The algorithm of the run in {str(run.path)!r} changed: {stored['algorithm']} was, {asked['algorithm']} is."
        )


def shares_level_0(one: Run, other: Run) -> bool:
    """Is level 0 of two runs the same but for the rewind points that it stores?"""

    def dense(run: Run) -> list[Any]:
        same = run.record["same"]
        return [same["data"], same["trainer"], _without(same["settings"], ("algorithm", "fraction", "fractions"))]

    return dense(one) == dense(other)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time writes into the folder ``path``; a lock ends with its process, however that ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    with saving(path):
        make_folder(path)
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


def read_json(path: Path, schema: str, needs: tuple[str, ...]) -> dict[str, Any]:
    """The JSON object in a file, of this schema and with these keys; ValueError in one sentence otherwise."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"The file {str(path)!r} can't be read as JSON: {error}.") from None
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema:
        raise ValueError(
            f"The file {str(path)!r} has schema {found!r}; this version reads {schema!r}: read it with the version that "
            "wrote it, or train again into another --out."
        )
    for name in needs:
        if name not in content:
            raise ValueError(f"The file {str(path)!r} lacks {name!r}.")
    return content


def _place(record: Mapping[str, Any]) -> dict[str, Any]:
    """What decides on bits besides the settings, as far as it was recorded."""
    place = {"torch": record.get("versions", {}).get("torch"), "machine": record.get("machine"), "device": record.get("device")}
    return {name: value for name, value in place.items() if value is not None}


def _device(name: str) -> str:
    return place(torch.cuda.get_device_name() if name == "cuda" else name)


def _without(settings: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in names}


def _name(key: Any) -> str:
    name = moment_name(key) if isinstance(key, At) else str(key)
    if name != os.path.basename(name) or name.startswith(".") or name in ("mask", "start"):
        raise ValueError(f"A point of training is stored under its name, so {name!r} can't be one.")
    return name


def _point(name: str) -> Any:
    return moment(name) if name.startswith(("step=", "epoch=", "time=")) else name


def _storable(name: str, point: Tensors) -> dict[str, Tensor]:
    """Copies on the CPU, of NumPy arrays too."""
    found = {}
    for parameter, tensor in point.items():
        if isinstance(tensor, np.ndarray | np.generic):
            tensor = torch.from_numpy(np.array(tensor, order="C"))
        if not isinstance(tensor, Tensor):
            raise ValueError(f"{parameter!r} of the point {name!r} is no NumPy array or torch tensor, but {tensor!r}.")
        found[parameter] = tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
    return found


def _level_number(name: str) -> tuple[int, str]:
    return int(name) if name.isdigit() else -1, name
