"""Results on disk, whole or not at all: finished chunks beside the result while it grows, then one zarr folder.

While ``OUT`` is computed, ``OUT.parts/`` holds settings.json and one file for each finished chunk (NumPy's npz, never pickle).
A run killed at any moment goes on from there. At the end the result is written under a temporary name, renamed to ``OUT``,
and the parts are removed. Whatever stands at ``OUT`` with other settings is refused and left alone; an empty folder
is as good as none.
"""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, as_completed
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from theory.console import progress
from theory.records import provenance, to_json, write
from theory.workers import pool

if TYPE_CHECKING:
    import xarray

__all__ = ["compute", "load", "stored"]

Arrays = dict[str, NDArray[Any]]


def stored(
    out: str | Path | None, schema: str, settings: Mapping[str, Any], build: Callable[[Path | None], "xarray.Dataset"]
) -> "xarray.Dataset":
    """The result at ``out`` if it is there with these settings; else what ``build(folder for parts)`` makes, stored there."""
    record = provenance(schema, settings)
    if out is None:
        return build(None).assign_attrs(provenance=to_json(record, indent=None))
    out = Path(out)
    if out.exists() and not _empty(out):
        return _same(out, record)
    parts = _parts(out, record)
    result = build(parts).assign_attrs(provenance=to_json(record, indent=None))
    _save(result, out)
    shutil.rmtree(parts)
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


def _empty(out: Path) -> bool:
    return out.is_dir() and not any(out.iterdir())


def _parts(out: Path, record: Mapping[str, Any]) -> Path:
    folder = out.with_name(f"{out.name}.parts")
    head = folder / "settings.json"
    if not head.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(f"{str(folder)!r} is in the way and holds no settings.json of an unfinished run.")
        write(head, to_json(record))
    try:
        found = json.loads(head.read_text())
        same = (found["schema"], found["settings_hash"]) == (record["schema"], record["settings_hash"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(head)!r} can't be read ({error}); remove {str(folder)!r} to start afresh.") from None
    if not same:
        raise ValueError(f"{str(folder)!r} is an unfinished run of other settings: {_differences(found, record)}.")
    return folder


def _save(result: "xarray.Dataset", out: Path) -> None:
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    _words(result, object).to_zarr(temporary, mode="w", consolidated=False)
    for path in [*temporary.rglob("*"), temporary, out.parent]:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    os.rename(temporary, out)


def _words(result: "xarray.Dataset", dtype: type) -> "xarray.Dataset":
    """Labels as Python strings on disk (zarr's own text type), as NumPy's fixed width in memory."""
    labels = {name: values for name, values in result.coords.items() if values.dtype.kind in "UTO"}
    return result.assign_coords({n: (v.dims, np.array(v.values.tolist(), dtype), v.attrs) for n, v in labels.items()})


def compute(
    work: Callable[..., Arrays],
    tasks: Mapping[str, tuple[Any, ...]],
    *,
    parts: Path | None = None,
    workers: int = 1,
    executor: Executor | None = None,
    show: str = "",
) -> list[Arrays]:
    """``work(*task)`` for each task, in order; chunks that ``parts`` holds already are read, new ones are stored there.

    ``executor``: any ``concurrent.futures`` executor (a Dask cluster's, for instance) in place of ``workers`` processes.
    ``show``: name of a progress line on standard error; none if empty.
    """
    done = {name: _read(parts / f"{name}.npz") for name in tasks if parts and (parts / f"{name}.npz").exists()}
    with progress(show, len(tasks)) if show else nullcontext(lambda units=1: None) as step:
        step(len(done))

        def finish(name: str, arrays: Arrays) -> None:
            done[name] = arrays
            if parts:
                write(parts / f"{name}.npz", _bytes(arrays))
            step()

        rest = {name: task for name, task in tasks.items() if name not in done}
        if executor is not None:
            _submit(work, rest, executor, finish)
        elif workers > 1 and len(rest) > 1:
            with pool(min(workers, len(rest))) as own:
                _submit(work, rest, own, finish)
        else:
            for name, task in rest.items():
                finish(name, work(*task))
    return [done[name] for name in tasks]


def _submit(
    work: Callable[..., Arrays], tasks: Mapping[str, Any], executor: Executor, finish: Callable[[str, Arrays], None]
) -> None:
    futures = {executor.submit(work, *task): name for name, task in tasks.items()}
    try:
        for future in as_completed(futures):
            finish(futures[future], future.result())
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _bytes(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _read(path: Path) -> Arrays:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"The chunk {str(path)!r} is damaged ({error}); remove it to compute it again.") from None
