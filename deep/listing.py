"""What lies under a folder: every run and sweep, how far it is, and what is wrong with it. Nothing stored is changed."""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from theory.names import algorithm

from .checkpoint import FILE as MIDWAY
from .store import Run, load_run
from .sweep_records import Sweep, read_sweep

__all__ = ["is_locked", "listing"]

NO_RECORD = "It has no sweep.json: the command that began it goes on with it, deep resume can't."
READING = (ValueError, OSError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading a damaged record can raise."""


def listing(folder: Path | str, check: bool = False) -> list[dict[str, Any]]:
    """One entry for each sweep and each other run under ``folder``, by path; the runs of a sweep are in its "runs".

    The state of a run is "finished", "unfinished", "midway" (in the level after the last finished one), "not started", "being
    written" (another process holds its lock) or "damaged", with one sentence in "note". Always checked: the records, that every
    file is there, and the digest of the last metrics; with ``check`` the digests of all files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r}.")
    sweeps, runs = _places(folder)
    out = [_sweep_entry(path, members, check) for path, members in sweeps.items()]
    out += [_entry(path, check) | {"kind": "run"} for path in runs]
    return sorted(out, key=lambda entry: str(entry["path"]))


def is_locked(path: Path) -> bool:
    """Does another process write into the folder?"""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _places(folder: Path) -> tuple[dict[Path, list[Path]], list[Path]]:
    """Sweep folders with their run folders, and run folders of their own."""
    sweeps: dict[Path, list[Path]] = {}
    runs = []
    for name, below, files in os.walk(folder):
        path = Path(name)
        below[:] = sorted(n for n in below if not n.startswith("."))
        if "sweep.json" in files:
            sweeps.setdefault(path, [])
        if "run.json" in files or "levels" in below or MIDWAY in files:
            below.clear()
            runs.append(path)
    alone = []
    for path in runs:
        home = path.parent.parent  # a sweep of a version without sweep.json has a folder "dense"
        if path.name.startswith("seed-") and (
            home in sweeps or (folder in (home, *home.parents) and (home / "dense").is_dir())
        ):
            sweeps.setdefault(home, []).append(path)
        else:
            alone.append(path)
    return sweeps, alone


def _entry(path: Path, check: bool, levels: int = 0) -> dict[str, Any]:
    """One run, of a sweep to so many levels; whatever can't be read is None, and the note says why."""
    row: dict[str, Any] = dict.fromkeys(("algorithm", "seed", "model", "data", "settings_hash", "identity"))
    row |= {"path": str(path), "levels_done": None, "levels_asked": None, "state": "damaged", "note": None, "test": None}
    row |= _disk([path])
    try:
        run = load_run(path)
        row |= {"algorithm": run.settings.name, "seed": run.settings.seed, "model": run.settings.model}
        row |= {"data": run.settings.data, "levels_asked": _asked(run, levels)}
        row |= {name: run.record.get(name) for name in ("settings_hash", "identity")}
        row["levels_done"] = max((level.index for level in run.levels), default=None)
        row["test"] = _last_test(run)
        _require_whole(run, check)
    except READING as error:
        return row | {"note": _sentence(path, error)}
    return row | _state(path, row)


def _asked(run: Run, levels: int) -> int:
    """Prunings that are to be done; a sweep asks its runs for one level after another."""
    law = run.settings.algorithm
    prunings = algorithm(law).prunings if isinstance(law, str) else law.prunings
    asked = max(run.settings.levels, levels)
    return asked if prunings is None else min(asked, prunings)


def _last_test(run: Run) -> float | None:
    """Test accuracy at the end of the last finished level."""
    levels = run.levels
    test = levels[-1].rows[-1].get("test") if levels else None
    return float(test["correct"] / test["n"]) if isinstance(test, dict) and {"correct", "n"} <= test.keys() else None


def _require_whole(run: Run, check: bool) -> None:
    for level in run.levels:
        for name in level.record["files"]:
            if check:
                level.content(name)
            elif not (level.path / name).is_file():
                raise ValueError(f"The file {str(level.path / name)!r} is missing.")


def _state(path: Path, row: dict[str, Any]) -> dict[str, Any]:
    done = -1 if row["levels_done"] is None else row["levels_done"]
    if is_locked(path):
        return {"state": "being written"}
    if done >= row["levels_asked"]:
        return {"state": "finished"}
    return _midway(path, done + 1) or {"state": "unfinished"}


def _midway(path: Path, level: int) -> dict[str, Any] | None:
    """What the checkpoint inside a level says; one of a level that is finished counts for nothing."""
    if not (path / MIDWAY).exists():
        return None
    try:
        with safe_open(path / MIDWAY, "np") as file:
            text = (file.metadata() or {})["midway"]
        record = json.loads(text[text.index("{") :])  # behind its digest
        if record["level"] < level:
            return None
        return {"state": "midway", "note": f"midway in level {record['level']}", "step": record["step"]}
    except (*READING, SafetensorError):
        return {"state": "unfinished", "note": f"Its checkpoint {MIDWAY!r} is damaged: level {level} will start anew."}


def _sweep_entry(path: Path, members: Iterable[Path], check: bool) -> dict[str, Any]:
    """A sweep: its own settings, its runs, and those that were asked for but are not there yet."""
    members, sweep, note = list(members), None, None
    try:
        sweep = read_sweep(path)
    except READING as error:
        note = _sentence(path, error) if (path / "sweep.json").exists() else NO_RECORD
    runs = [_entry(member, check, 0 if sweep is None else sweep.settings.levels) for member in members]
    entry: dict[str, Any] = {"kind": "sweep", "path": str(path), "note": note, "settings_hash": None}
    entry |= _disk([*members, path / "sweep.json"])
    entry |= {name: next((run[name] for run in runs if run[name]), None) for name in ("model", "data")}
    if sweep is not None:
        entry |= {
            "settings_hash": sweep.record.get("settings_hash"),
            "model": sweep.settings.model,
            "data": sweep.settings.data,
        }
        there = {(run["algorithm"], run["seed"]) for run in runs}
        runs += [_not_started(sweep, name, seed) for name, seed in _asked_for(sweep) if (name, seed) not in there]
    return entry | {"runs": sorted(runs, key=lambda run: (run["algorithm"] or "", run["seed"] or 0))}


def _asked_for(sweep: Sweep) -> list[tuple[str, int]]:
    return [(str(law), seed) for law in sweep.algorithms for seed in sweep.seeds]


def _not_started(sweep: Sweep, name: str, seed: int) -> dict[str, Any]:
    row: dict[str, Any] = {"algorithm": name, "seed": seed, "model": sweep.settings.model, "data": sweep.settings.data}
    empty = dict.fromkeys(("path", "settings_hash", "identity", "levels_done", "note", "test", "changed"))
    return row | empty | {"levels_asked": sweep.settings.levels, "state": "not started", "bytes": 0}


def _disk(paths: Iterable[Path]) -> dict[str, Any]:
    """Bytes of all files, each once however many names it has, and the time of the last change."""
    seen: dict[tuple[int, int], os.stat_result] = {}
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            try:
                found = file.stat(follow_symlinks=False)
            except OSError:  # gone in the meantime, or never there
                continue
            if not file.is_dir():
                seen[found.st_dev, found.st_ino] = found
    changed = max((s.st_mtime for s in seen.values()), default=None)
    when = None if changed is None else datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds")
    return {"bytes": sum(s.st_size for s in seen.values()), "changed": when}


def _sentence(path: Path, error: Exception) -> str:
    if isinstance(error, ValueError | OSError):
        return " ".join(str(error).split())
    return f"A record in {str(path)!r} is damaged: {type(error).__name__} {error}."
