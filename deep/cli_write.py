"""``signescape deep resume | pack | unpack``: runs and sweeps that go on, here or on another machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from theory.console import emit, parse

from .cli_read import Folders, print_runs

__all__ = ["Pack", "Resume", "Unpack", "pack", "resume", "unpack"]


@dataclass(frozen=True)
class Resume:
    """Go on with a run or a sweep from what is stored, to the same bits as if it had never been stopped."""

    folders: Folders = ()
    """A run, or a sweep."""
    data: str | None = None
    """Where the images lie, if not where they lay; they have to be the same ones."""
    workers: int = 1
    """Processes of a sweep, each with its own threads."""
    cluster: str | None = None
    """Address of a Dask cluster, tcp://…, that runs a sweep; its machines see the same files."""
    dry_run: bool = False
    """Say what is left to do and what it would cost, from a few timed steps, and stop."""
    json: bool = False
    """One JSON document on standard output."""


@dataclass(frozen=True)
class Pack:
    """One file of at most 16 MiB from which a run or sweep goes on elsewhere to the same bits.

    What going on does not read is left out: the ends of all levels but the last, and where levels started.
    """

    folders: Folders = ()
    """A run, or a sweep."""
    out: str = ""
    """The file; nothing that exists is replaced."""
    pieces: bool = False
    """Where 16 MiB do not suffice: OUT.1-of-N, …, each of at most 16 MiB."""
    init: bool = False
    """Store initial weights rather than make them again from the seed."""
    dry_run: bool = False
    """Find the exact size, write nothing."""
    json: bool = False
    """One JSON document on standard output."""


@dataclass(frozen=True)
class Unpack:
    """The folder of a packed run or sweep, every file checked."""

    files: Annotated[Positional[tuple[str, ...]], arg(metavar="FILE")] = ()
    """What deep pack wrote: the file, or of pieces the common name or any one."""
    out: str = ""
    """The folder to make; nothing that exists is replaced."""
    dry_run: bool = False
    """Check every member, write nothing."""
    json: bool = False
    """One JSON document on standard output."""


def resume(words: Sequence[str]) -> int:
    """``signescape deep resume DIR``"""
    options = parse(Resume, words, "deep resume")
    folder = Path(_one("resume", options.folders, "folder"))
    from . import sweeps
    from .runs import run
    from .store import load_run

    if (folder / "run.json").is_file():
        stored = load_run(folder)
        config = replace(stored.settings, out=str(folder), data=options.data or stored.settings.data)
        if options.dry_run:
            return _cost(folder, config, [config.algorithm], options)
        return print_runs(folder, [str(run(config))], options.json)
    if not (folder / "sweep.json").is_file():
        raise ValueError(f"{str(folder)!r} holds neither run.json nor sweep.json; there is nothing to resume.")
    if options.dry_run:
        sweep = sweeps.read_sweep(folder)
        return _cost(folder, replace(sweep.settings, data=options.data or sweep.settings.data), sweep.algorithms, options)
    paths = sweeps.resume(folder, options.workers, options.cluster, options.data)
    return print_runs(folder, [str(path) for path in paths], options.json)


def _cost(folder: Path, config: Any, algorithms: Sequence[Any], options: Resume) -> int:
    """Trainings that are left, and what a whole one of them takes here."""
    from .costs import cost
    from .listing import listing

    (entry,) = listing(folder)
    runs = entry.get("runs", [entry])
    left = sum(max(run["levels_asked"] - (run["levels_done"] or 0), 0) for run in runs if run["levels_asked"] is not None)
    if entry["kind"] == "sweep":
        dense = {run["seed"] for run in runs if run["algorithm"] == "dense" and run["levels_done"] is not None}
        left += len({run["seed"] for run in runs} - dense)
    elif entry["levels_done"] is None:
        left += 1
    document = cost(config, algorithms, 1, 1)
    a_training = document["estimated seconds"] / document["trainings"]
    document |= {"trainings": left, "estimated seconds": round(a_training * left / max(min(options.workers, left), 1))}
    _print(document, options.json)
    return 0


def pack(words: Sequence[str]) -> int:
    """``signescape deep pack DIR --out FILE``"""
    options = parse(Pack, words, "deep pack")
    folder = Path(_one("pack", options.folders, "folder"))
    if not options.out:
        raise ValueError("deep pack needs --out FILE.")
    from .pack import pack as packed

    document = packed(folder, options.out, options.pieces, options.init, options.dry_run)
    _print(document, options.json)
    return 0


def unpack(words: Sequence[str]) -> int:
    """``signescape deep unpack FILE --out DIR``"""
    options = parse(Unpack, words, "deep unpack")
    file = _one("unpack", options.files, "file")
    if not options.out:
        raise ValueError("deep unpack needs --out DIR.")
    from .unpack import unpack as unpacked

    _print(unpacked(file, options.out, options.dry_run), options.json)
    return 0


def _one(command: str, words: Sequence[str], what: str) -> str:
    if len(words) != 1:
        raise ValueError(f"deep {command} takes one {what}, not {len(words) or 'none'}.")
    return words[0]


def _print(document: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        print(f"{name.replace('_', ' ')}: {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return f"{value:,}" if isinstance(value, int) else str(value)
