"""The command line: ``signescape deep run`` trains and prunes, ``signescape deep show`` prints what runs hold."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from theory.console import emit, parse
from theory.records import provenance, to_json, write

from .config import Config, Training, folder_of, whole

__all__ = ["main"]

TABLE = "signescape.deep.table/1"
HELP = """Usage: signescape deep run [OPTIONS]   |   signescape deep show DIR [--json] [--out FILE]

  run    train and prune; one algorithm and one seed make a run folder, more of them a sweep OUT/ALGORITHM/seed-K
  show   the table of a run or sweep: accuracy, weights left, sign flips, paired differences; --out stores it as JSON

`signescape deep run --help` lists the options. The same command again goes on where a run was killed,
and so does `signescape deep run --config RUN/run.json`, in the folder RUN unless --out names another."""


@dataclass(frozen=True)
class Options(Training):
    """Train and prune networks; every level is stored, and the same command goes on where it was stopped."""

    algorithm: tuple[str, ...] = ("LRR",)
    """One or more: IMP, LRR, "WR(step=500)", "WR(epoch=2)", fine-tuning, random, dense, …, "module:OBJECT"."""
    seeds: int = 1
    """Replicates: the seeds SEED, SEED + 1, …"""
    workers: int = 1
    """Processes of a sweep, each with its own threads."""
    dry_run: bool = False
    """Say what it would cost, from a few timed steps, and stop."""
    json: bool = False
    """One JSON document on standard output."""

    def __post_init__(self) -> None:
        names = (self.algorithm,) if isinstance(self.algorithm, str) else self.algorithm
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names) or not names:
            raise ValueError(f"algorithm is one name or more, not {names!r}.")
        object.__setattr__(self, "algorithm", names)
        self.configs()
        whole("seeds", self.seeds, 1)
        whole("workers", self.workers, 1)

    def configs(self) -> list[Config]:
        """The settings of each algorithm."""
        settings = {f.name: getattr(self, f.name) for f in fields(Training)}
        return [Config(**settings, algorithm=name) for name in self.algorithm]


def main(words: Sequence[str]) -> int:
    """``words`` begin with "deep"."""
    if len(words) < 2 or words[1] in ("-h", "--help", "help"):
        print(HELP)
        return 0 if len(words) > 1 else 2
    if words[1] == "run":
        return _run(parse(Options, _with_folder(words[2:]), "deep run"))
    if words[1] == "show":
        return _show(words[2:])
    raise ValueError(f"Unknown command 'deep {words[1]}'; there are deep run and deep show.")


def _with_folder(words: Sequence[str]) -> list[str]:
    """The words, and --out where they leave it to ``--config RUN/run.json``."""
    split = [part for w in words for part in (w.split("=", 1) if w.startswith(("--config=", "--out=")) else [w])]
    given = dict(pairwise(split)).get("--config", "")
    return [*split, "--out", folder_of(given)["out"]] if "--out" not in split and folder_of(given) else split


def _run(options: Options) -> int:
    configs = options.configs()
    if options.dry_run:
        return _cost(configs[0], options)

    from .runs import run
    from .sweeps import sweep

    if len(configs) == options.seeds == 1:
        paths = [run(configs[0])]
    else:
        paths = sweep(configs[0], options.algorithm, options.seeds, options.workers)
    return _print(Path(options.out), [str(p) for p in paths], options.json)


def _show(words: Sequence[str]) -> int:
    if "--help" in words or "-h" in words:
        print(HELP)
        return 0
    folders, file = _take_out([w for w in words if w != "--json"])
    if len(folders) != 1 or folders[0].startswith("-"):
        raise ValueError(f"deep show takes one folder, not {' '.join(folders) or 'none'!r}.")
    return _print(Path(folders[0]), None, "--json" in words, file)


def _take_out(words: list[str]) -> tuple[list[str], Path | None]:
    """The words without ``--out FILE``, and the file."""
    words = [part for w in words for part in (w.split("=", 1) if w.startswith("--out=") else [w])]
    if "--out" not in words:
        return words, None
    at = words.index("--out")
    if not "".join(words[at + 1 : at + 2]):
        raise ValueError("--out needs the path of a file.")
    return words[:at] + words[at + 2 :], Path(words[at + 1])


def _print(out: Path, paths: list[str] | None, as_json: bool, file: Path | None = None) -> int:
    from . import analyses

    if file is not None:
        _require_free(file)
    runs = analyses.load(out)
    rows, names = analyses.table(runs), {run.settings.name for run in runs}
    measures = ("test", "flips_start", "flips_start_sum", "flips_init", "flips_previous")
    paired = analyses.differences(runs, "IMP", measures) if "IMP" in names and len(names) > 1 else []
    found = {"out": str(out), "runs": paths or [str(r.path) for r in runs], "table": rows, "differences": paired}
    document = provenance(TABLE, {"out": str(out)}, **found)
    if file is not None:
        write(file, to_json(document) + "\n")
    if as_json:
        emit(document)
    else:
        _tables(rows, paired)
    return 0


def _require_free(file: Path) -> None:
    """Only an earlier table is replaced."""
    if file.is_dir() or (file.exists() and not _is_table(file)):
        raise ValueError(f"{str(file)!r} is there and holds no table of deep show; nothing was changed, choose another --out.")


def _is_table(file: Path) -> bool:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("schema") == TABLE


def _tables(rows: list[dict[str, Any]], paired: list[dict[str, Any]]) -> None:
    from rich.console import Console

    shares = ("left", "test", "validation", "flips_start", "flips_start_sum", "flips_init", "flips_previous")
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(_table("Means over n seeds, in %", ("algorithm", "level", "n"), shares, rows))
    if paired:
        columns = ("algorithm", "against", "level", "measure", "n", "verdict")
        console.print(_table("Paired differences, 95 % intervals, in points", columns, ("difference", "low", "high"), paired))


def _table(title: str, columns: tuple[str, ...], shares: tuple[str, ...], rows: list[dict[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(*columns, *(s.replace("_", " ") for s in shares), title=title, box=box.SIMPLE)
    for row in rows:
        cells = ["–" if row[s] is None else f"{100 * row[s]:.2f}" for s in shares]
        table.add_row(*(str(row[c]) for c in columns), *cells)
    return table


def _cost(config: Config, options: Options) -> int:
    from .costs import cost

    document = cost(config, options.algorithm, options.seeds, options.workers)
    if options.json:
        emit(document)
    else:
        for name, value in document.items():
            print(f"{name}: {value:,}")
    return 0
