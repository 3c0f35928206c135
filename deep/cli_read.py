"""``signescape deep list | show | compare``: what is stored, for a person or as one JSON document."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from theory.console import emit, parse, say
from theory.records import provenance, to_json, write

__all__ = ["Compare", "List", "Show", "compare", "list_", "print_runs", "show"]

Folders = Annotated[Positional[tuple[str, ...]], arg(metavar="DIR")]
LIST, TABLE, COMPARISON = "signescape.deep.list/1", "signescape.deep.table/1", "signescape.deep.comparison/1"


@dataclass(frozen=True)
class List:
    """Every run and sweep under a folder: how far it is, its last test accuracy, its size, and what is wrong with it."""

    folders: Folders = ("runs/deep",)
    """The folder to look through."""
    check: bool = False
    """Read every file and check its digest."""
    json: bool = False
    """One JSON document on standard output."""


@dataclass(frozen=True)
class Show:
    """The table of a run or sweep: accuracy, weights left, sign flips, paired differences from IMP."""

    folders: Folders = ()
    """A run, or a sweep."""
    out: Path | None = None
    """Store the table as JSON in this file; only an earlier table is replaced."""
    dry_run: bool = False
    """Say what would be read and written, and stop."""
    json: bool = False
    """One JSON document on standard output."""


@dataclass(frozen=True)
class Compare:
    """Paired differences (same seed) with t intervals, and how many seeds would separate one percentage point.

    Algorithms with the same settings are compared with each other; with several folders of other settings, each algorithm
    with itself under the settings of the first folder.
    """

    folders: Folders = ()
    """Runs and sweeps, one folder or more."""
    against: str | None = None
    """The algorithm that the others are compared with; IMP where there is one."""
    measure: tuple[str, ...] = ("test", "flips_start_sum", "flips_init")
    """Accuracies test, validation, train; sign flips from a level's start to its end, flips_start, and added up over
    levels, flips_start_sum; from initialisation, flips_init; from the level before, flips_previous."""
    levels: tuple[int, ...] | None = None
    """These levels only."""
    confidence: float = 0.95
    """Of the intervals."""
    out: Path | None = None
    """Store the comparison as JSON in this file; only an earlier comparison is replaced."""
    dry_run: bool = False
    """Say what would be read and written, and stop."""
    json: bool = False
    """One JSON document on standard output."""

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is a number between 0 and 1, not {self.confidence!r}.")


def list_(words: Sequence[str]) -> int:
    """``signescape deep list [DIR]``"""
    options = parse(List, words, "deep list")
    folder = _one("list", options.folders)
    from .listing import listing
    from .tables import print_listing

    entries = listing(folder, options.check)
    if options.json:
        emit(provenance(LIST, {"folder": folder, "check": options.check}, entries=entries))
    elif entries:
        print_listing(entries)
    else:
        print(f"There are no runs under {folder!r}.")
    return 0


def show(words: Sequence[str]) -> int:
    """``signescape deep show DIR``"""
    options = parse(Show, words, "deep show")
    folder = Path(_one("show", options.folders))
    if options.dry_run:
        return _would_read([folder], options.out, TABLE, options.json)
    return print_runs(folder, None, options.json, options.out)


def compare(words: Sequence[str]) -> int:
    """``signescape deep compare DIR [DIR …]``"""
    options = parse(Compare, words, "deep compare")
    if not options.folders:
        raise ValueError("deep compare takes one folder or more, not none.")
    if options.dry_run:
        return _would_read([Path(folder) for folder in options.folders], options.out, COMPARISON, options.json)
    from .comparison import compare as compared
    from .tables import print_comparison

    if options.out is not None:
        _require_free(options.out, COMPARISON)
    rows = compared(options.folders, options.against, options.measure, options.levels, options.confidence)
    settings = {name: value for name, value in vars(options).items() if name not in ("out", "json", "dry_run")}
    _give(provenance(COMPARISON, settings, differences=rows), options.json, options.out, lambda: print_comparison(rows))
    return 0


def print_runs(out: Path, paths: list[str] | None, as_json: bool, file: Path | None = None) -> int:
    """The table of the runs in a folder, as ``deep show`` and the end of ``deep run`` give it."""
    from . import analyses
    from .tables import print_table

    if file is not None:
        _require_free(file, TABLE)
    runs = analyses.load(out)
    rows, names = analyses.table(runs), {run.settings.name for run in runs}
    measures = ("test", "flips_start", "flips_start_sum", "flips_init", "flips_previous")
    paired = analyses.differences(runs, "IMP", measures) if "IMP" in names and len(names) > 1 else []
    found = {"out": str(out), "runs": paths or [str(r.path) for r in runs], "table": rows, "differences": paired}
    _give(provenance(TABLE, {"out": str(out)}, **found), as_json, file, lambda: print_table(rows, paired))
    return 0


def _one(command: str, folders: Sequence[str]) -> str:
    if len(folders) != 1:
        raise ValueError(f"deep {command} takes one folder, not {len(folders) or 'none'}.")
    return folders[0]


def _would_read(folders: Sequence[Path], file: Path | None, schema: str, as_json: bool) -> int:
    from . import analyses

    if file is not None:
        _require_free(file, schema)
    runs = {str(folder): len(analyses.load(folder)) for folder in folders}
    if as_json:
        emit({"runs": runs, "writes": None if file is None else str(file)})
    else:
        read = ", ".join(f"{n} {'run' if n == 1 else 'runs'} in {folder!r}" for folder, n in runs.items())
        print(f"Would read the metrics of {read}, and write {'nothing' if file is None else repr(str(file))}.")
    return 0


def _give(document: dict[str, Any], as_json: bool, file: Path | None, tables: Callable[[], None]) -> None:
    if file is not None:
        write(file, to_json(document) + "\n")
        say(f"Written: {str(file)!r}")
    if as_json:
        emit(document)
    else:
        tables()


def _require_free(file: Path, schema: str) -> None:
    """Only an earlier document of the same kind is replaced."""
    if file.is_dir() or (file.exists() and not _is(file, schema)):
        kind = "table of deep show" if schema == TABLE else "comparison of deep compare"
        raise ValueError(f"{str(file)!r} is there and holds no {kind}; nothing was changed, choose another --out.")


def _is(file: Path, schema: str) -> bool:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("schema") == schema
