"""Results on disk, whole or not at all: finished chunks beside the result while it grows, then one zarr folder.

While ``OUT`` is computed, ``OUT.parts/`` holds settings.json and one file for each finished chunk (NumPy's npz, never pickle).
A run killed at any moment goes on from there; a chunk that a dying machine left damaged is computed again. At the end the
result is written under a temporary name, renamed to ``OUT``, and the parts are removed. Only one run at a time writes, where
the file system has locks; where it has none, two runs write the same bits by renames, and the first to end makes ``OUT``.
Whatever stands at ``OUT`` with other settings is refused and left alone; an empty folder is as good as none.
"""

import io
import json
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.cluster import connected
from theory.console import progress, say
from theory.records import provenance, to_json, write
from theory.workers import completed

if TYPE_CHECKING:
    import xarray

__all__ = ["Chunk", "chunks", "load", "stored"]

Arrays = dict[str, NDArray[Any]]

PATIENCE = 1.0
"""Seconds to wait for another run's lock: a run that is being killed takes a moment to let go of it."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some trials: the name of their file, how many they are, and the arguments of the function that computes them."""

    name: str
    trials: int
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"chunk {self.name!r}"


def stored(
    out: str | Path | None, schema: str, settings: Mapping[str, Any], build: Callable[[Path | None], "xarray.Dataset"]
) -> "xarray.Dataset":
    """The result at ``out`` if it is there with these settings; else what ``build(folder for parts)`` makes, stored there."""
    record = provenance(schema, settings)
    if out is None:
        return build(None).assign_attrs(provenance=to_json(record, indent=None))
    out = Path(out)
    if _is_there(out):
        return _same(out, record)
    parts = out.with_name(f"{out.name}.parts")
    with _alone(parts):
        if not _is_there(out):
            _begin(parts, record)
            result = build(parts).assign_attrs(provenance=to_json(record, indent=None))
            _save(result, out, parts)
        else:  # another run has made it meanwhile
            result = _same(out, record)
        shutil.rmtree(parts, ignore_errors=True)
    return result


def load(path: str | Path) -> "xarray.Dataset":
    """A stored result, in memory; ``.attrs["provenance"]`` is its settings and origin as JSON. ValueError for anything else."""
    import xarray

    path = Path(path)
    if not path.exists():
        raise ValueError(f"There is no result at {str(path)!r}.")
    try:
        result = _words(xarray.open_zarr(path, consolidated=False).load(), str)
        json.loads(result.attrs["provenance"])["settings_hash"]
    except Exception as error:
        raise ValueError(
            f"{str(path)!r} is not a result of 'signescape simulate', or is damaged ({type(error).__name__})."
        ) from None
    return result


def _same(out: Path, record: Mapping[str, Any]) -> "xarray.Dataset":
    result = load(out)
    found = json.loads(result.attrs["provenance"])
    if (found["schema"], found["settings_hash"]) != (record["schema"], record["settings_hash"]):
        raise ValueError(f"{str(out)!r} holds a result of other settings: {_differences(found, record)}; choose another --out.")
    return result


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if found.get("schema") != wanted["schema"]:
        return f"it is a {found.get('schema')}, not a {wanted['schema']}"
    ours, theirs = _leaves(wanted["settings"]), _leaves(found.get("settings", {}))
    names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return ", ".join(f"{name} is {theirs.get(name)!r:.60} there and {ours.get(name)!r:.60} here" for name in names)


def _leaves(settings: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested settings as one mapping: ``definitions.LRR.rewind.sign``."""
    leaves: dict[str, Any] = {}
    for name, value in settings.items():
        leaves |= _leaves(value, f"{path}{name}.") if isinstance(value, Mapping) else {f"{path}{name}": value}
    return leaves


def _is_there(out: Path) -> bool:
    return out.exists() and not (out.is_dir() and not any(out.iterdir()))


@contextmanager
def _alone(parts: Path) -> Iterator[None]:
    """The only run that writes to the folder ``parts``, made if it isn't there. The lock ends with its process."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        fcntl = None  # type: ignore[assignment]
    parts.mkdir(parents=True, exist_ok=True)
    folder = os.open(parts, os.O_RDONLY)
    try:
        until = time.monotonic() + PATIENCE
        while fcntl is not None:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise ValueError(f"Another run is writing to {str(parts)!r}.") from None
                time.sleep(0.1)
                continue
            except OSError:  # a file system without locks
                pass
            break
        yield
    finally:
        os.close(folder)


def _begin(parts: Path, record: Mapping[str, Any]) -> None:
    head = parts / "settings.json"
    if not head.exists():
        if any(path for path in parts.iterdir() if not path.name.startswith(".settings")):
            raise ValueError(f"{str(parts)!r} is in the way and holds no settings.json of an unfinished run.")
        _write(head, to_json(record))
    try:
        found = json.loads(head.read_text())
        same = (found["schema"], found["settings_hash"]) == (record["schema"], record["settings_hash"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(head)!r} can't be read ({error}); remove {str(parts)!r} to start afresh.") from None
    if not same:
        raise ValueError(f"{str(parts)!r} is an unfinished run of other settings: {_differences(found, record)}.")


def _save(result: "xarray.Dataset", out: Path, parts: Path) -> None:
    temporary = parts / f"result-{uuid.uuid4().hex}"
    with _told(out):
        try:
            _words(result, object).to_zarr(temporary, mode="w", consolidated=False)
            for path in [*temporary.rglob("*"), temporary, out.parent]:
                handle = os.open(path, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
            os.rename(temporary, out)
        except OSError:
            if not _is_there(out):
                raise  # else another run was quicker, on a file system without locks, and its bits are the same


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A full disk and the like in one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            f"{str(path)!r} can't be written ({reason}); what is stored stays, and the same command goes on from there."
        ) from error


def _write(path: Path, content: str | bytes) -> None:
    with _told(path):
        write(path, content)


def _words(result: "xarray.Dataset", dtype: type) -> "xarray.Dataset":
    """Labels as Python strings on disk (zarr's own text type), as NumPy's fixed width in memory."""
    labels = {name: values for name, values in result.coords.items() if values.dtype.kind in "UTO"}
    return result.assign_coords({n: (v.dims, np.array(v.values.tolist(), dtype), v.attrs) for n, v in labels.items()})


def chunks(
    work: Callable[..., Arrays],
    todo: Sequence[Chunk],
    *,
    parts: Path | None = None,
    workers: int = 1,
    executor: Executor | str | None = None,
    show: str = "",
) -> Iterator[tuple[Chunk, Arrays]]:
    """Each chunk with ``work(*chunk.arguments)``, in the order in which they end; few of them are in memory at a time.

    Chunks that ``parts`` holds already come first, new ones are stored there. ``executor``: any ``concurrent.futures``
    executor, or the address of a Dask cluster, in place of ``workers`` processes. ``show``: name of a progress line on standard
    error; none if empty. ``work`` may be done twice for a chunk whose worker was lost.
    """
    missing = []
    with progress(show, sum(chunk.trials for chunk in todo)) if show else nullcontext() as step:
        for chunk in todo:
            arrays = None if parts is None else _read(parts / f"{chunk.name}.npz")
            if arrays is None:
                missing.append(chunk)
                continue
            if step:
                step.skip(chunk.trials)
            yield chunk, arrays
        with connected(executor if missing else None) as pool:
            tasks = ((chunk, chunk.arguments) for chunk in missing)
            with closing(completed(work, tasks, workers=min(workers, len(missing)) or 1, executor=pool)) as results:
                for chunk, arrays in results:
                    if parts is not None:
                        _write(parts / f"{chunk.name}.npz", _bytes(arrays))
                    if step:
                        step(chunk.trials)
                    yield chunk, arrays


def _bytes(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _read(path: Path) -> Arrays | None:
    """A stored chunk; None if there is none, or only a damaged one, of which the person is told."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        say(f"The stored chunk {str(path)!r} is damaged ({error}); it is computed again.")
        return None
