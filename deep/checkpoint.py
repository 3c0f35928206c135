"""A level under way in one file, so that a killed run goes on inside the level: RUN/midway.safetensors.

Tensors are named PART/PARAMETER (parameters/conv1.weight, optimiser/momentum_buffer:conv1.weight, step=500/…), the rest is JSON
in the header: schema, level, step, rows of metrics, what the file belongs to ("same"), and a digest over all of it. There is
one file: a new one replaces the old one by a rename, and it goes when its level is stored.

A file that can't be used (damaged, of another version, of other settings) loses no finished level: it is renamed to
midway.safetensors.refused, in place of an earlier one, one line says so, and its level starts anew.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from theory.console import say
from theory.records import plain, to_json

from .files import fsync_folder, put, remove, saving
from .store import Run
from .trainer import Midway

__all__ = ["FILE", "SCHEMA", "Watch", "drop", "keep", "resume", "watched"]

FILE, SCHEMA = "midway.safetensors", "signescape.deep.midway/1"


class _Refused(Exception):
    """Why a checkpoint is not used, as the end of a sentence."""


def keep(run: Path, midway: Midway, same: Mapping[str, Any], **more: Any) -> None:
    """Store ``midway`` in the folder of its run, in place of the one before; ``more`` is kept as it is.

    ``same``: what the rest of the level depends on besides ``midway``. Raises ``NotSaved``.
    """
    tensors = {
        f"{part}/{name}": tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for part, named in midway.tensors.items()
        for name, tensor in named.items()
    }
    order = {part: list(named) for part, named in midway.tensors.items()}
    place = {"schema": SCHEMA, "level": midway.level, "step": midway.step, "same": same}
    record = to_json(place | {"rows": midway.rows, "order": order} | more, indent=None)
    with saving(run):
        put(run / FILE, save(tensors, {"midway": f"{_digest(record, tensors)} {record}"}))


def resume(run: Path, level: int, same: Mapping[str, Any]) -> tuple[Midway, dict[str, Any]] | None:
    """The level under way that ``keep`` stored and its whole record, if it is ``level``; None where that starts anew."""
    path = run / FILE
    if not path.exists():
        return None
    try:
        record, tensors = _read(path)
        if record["level"] < level:
            with saving(run):
                remove(path)
            return None
        if record["level"] > level:
            raise _Refused(f"is of level {record['level']}, where level {level} comes next")
        if record["same"] != plain(same):
            raise _Refused("belongs to other settings")
    except _Refused as why:
        _set_aside(run, str(why), level)
        return None
    parts = {part: {name: tensors[f"{part}/{name}"] for name in names} for part, names in record["order"].items()}
    return Midway(record["level"], record["step"], record["rows"], parts), record


def drop(run: Path, level: int) -> None:
    """Remove the file if it is of ``level`` or one before, which are finished."""
    path = run / FILE
    if path.exists():
        try:
            record, _, _ = _header(path)
        except _Refused:
            return
        if record.get("level", level + 1) <= level:
            with saving(run):
                remove(path)


class Watch:
    """The level under way: how long it has taken, before it was stopped too, and what its checkpoint says."""

    def __init__(self, record: Mapping[str, Any]):
        self.rows: list[dict[str, Any]] = record.get("rows", [])
        """Metrics of the epochs that it has behind it."""
        self.places: list[dict[str, Any]] = [record["place"]] if record else []
        """Where its checkpoint was made, if there is one."""
        self._began = time.monotonic() - record.get("seconds", 0.0)

    @property
    def spent(self) -> float:
        """Seconds since the level began."""
        return round(time.monotonic() - self._began, 3)

    def seconds(self) -> float:
        """Seconds of the level that ended just now; the next one begins."""
        spent, self._began = self.spent, time.monotonic()
        return spent


@contextmanager
def watched(run: Run, trainer: Any, level: int, same: Callable[[int], Mapping[str, Any]]) -> Iterator[Watch]:
    """Let a trainer that can do so (``midway``, ``keep``) go on inside ``level``, and keep checkpoints of all it trains.

    ``same`` gives what a level depends on besides where it stands.
    """
    able = hasattr(trainer, "midway")
    midway, record = (resume(run.path, level, same(level)) if able else None) or (None, {})
    watch = Watch(record)
    if able:
        trainer.midway = midway
        trainer.keep = lambda at: keep(run.path, at, same(at.level), seconds=watch.spent, place=run.place)
    try:
        yield watch
    finally:
        if able:
            trainer.midway = trainer.keep = None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    record, text, stored = _header(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _Refused(f"is damaged ({error})") from None
    if _digest(text, tensors) != stored:
        raise _Refused("is damaged (its digest is not the one that was stored with it)")
    return record, tensors


def _header(path: Path) -> tuple[dict[str, Any], str, str]:
    """The record in a file's header, its text, and the digest before it."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
        digest, _, text = header["midway"].partition(" ")
        record = json.loads(text)
        schema = record["schema"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _Refused(f"is damaged ({error})") from None
    if schema != SCHEMA:
        raise _Refused(f"has schema {schema!r} instead of {SCHEMA!r}")
    return record, text, digest


def _digest(record: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the record, and name, type, shape and bytes of each tensor."""
    digest = hashlib.sha256(record.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _set_aside(run: Path, why: str, level: int) -> None:
    path = run / FILE
    refused = path.with_name(f"{FILE}.refused")
    with saving(run):
        os.replace(path, refused)
        fsync_folder(run)
    say(f"The checkpoint {str(path)!r} {why}: it is now {refused.name!r}, and level {level} starts anew.")
