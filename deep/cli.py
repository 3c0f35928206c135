"""The command line of runs: ``signescape deep run | list | show | compare | resume | pack | unpack``."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

from theory.console import emit, parse

from .config import Config, Training, folder_of, is_sweep_record, whole
from .presets import preset

__all__ = ["main"]

COMMANDS = {"list": "cli_read", "show": "cli_read", "compare": "cli_read"} | dict.fromkeys(
    ("resume", "pack", "unpack"), "cli_write"
)
HELP = """Usage: signescape deep COMMAND [OPTIONS]

  run [OPTIONS]              train and prune; one algorithm and one seed make a run folder, more of them a sweep
                             OUT/ALGORITHM/seed-K
  list [DIR]                 every run and sweep under DIR (runs/deep): how far it is, and what is wrong with it
  show DIR                   the table of a run or sweep: accuracy, weights left, sign flips, paired differences
  compare DIR [DIR …]        paired differences of algorithms or settings, and how many seeds would separate one point
  resume DIR                 go on with a run or sweep from what is stored
  pack DIR --out FILE        one file of at most 16 MiB from which a run or sweep goes on elsewhere to the same bits
  unpack FILE --out DIR      the folder of a packed run or sweep

`signescape deep COMMAND --help` lists the options of each. `deep run --preset NAME` starts from published settings, which other
options replace (deep/presets.py). The same `deep run` again goes on where it was killed, and so does
`signescape deep run --config RUN/run.json`, in the folder RUN unless --out names another."""


SPLIT = ("--config=", "--out=", "--preset=", "--epochs=", "--length=")
"""Options that are looked at before they are parsed."""


@dataclass(frozen=True)
class Options(Training):
    """Train and prune networks; every level is stored, and the same command goes on where it was stopped."""

    algorithm: tuple[str, ...] = ("LRR",)
    """One or more: IMP, LRR, "WR(step=500)", "WR(epoch=2)", fine-tuning, random, dense, …, "module:OBJECT"."""
    seeds: int = 1
    """Replicates: the seeds SEED, SEED + 1, …"""
    workers: int = 1
    """Processes of a sweep, each with its own threads."""
    cluster: str | None = None
    """Address of a Dask cluster, tcp://…, that runs a sweep; its machines see the same files."""
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
        _refuse_sweep_record(words[2:])
        return _run(parse(Options, _with_folder(words[2:]), "deep run", presets=lambda name: preset(name).options))
    if words[1] not in COMMANDS:
        raise ValueError(f"Unknown command 'deep {words[1]}'; there are run, {', '.join(COMMANDS)}.")
    module = importlib.import_module(f".{COMMANDS[words[1]]}", __package__)
    return int(getattr(module, "list_" if words[1] == "list" else words[1])(words[2:]))


def _split(words: Sequence[str]) -> list[str]:
    """``--out=DIR`` as two words."""
    return [part for w in words for part in (w.split("=", 1) if w.startswith(SPLIT) else [w])]


def _with_folder(words: Sequence[str]) -> list[str]:
    """The words, and --out where they leave it to ``--config RUN/run.json``."""
    split = _split(words)
    given = dict(pairwise(split)).get("--config", "")
    if "--preset" in split and "--epochs" in split and "--length" not in split:  # a preset's length would win
        split += ["--length", f"epoch={dict(pairwise(split))['--epochs']}"]
    return [*split, "--out", folder_of(given)["out"]] if "--out" not in split and folder_of(given) else split


def _refuse_sweep_record(words: Sequence[str]) -> None:
    """A sweep's record holds more than the settings that --config takes."""
    split = _split(words)
    path = dict(pairwise(split)).get("--config", "")
    if is_sweep_record(path):
        raise ValueError(f"{path!r} is the record of a sweep; `signescape deep resume {Path(path).parent}` goes on with it.")


def _run(options: Options) -> int:
    configs = options.configs()
    if options.dry_run:
        return _cost(configs[0], options)

    from .cli_read import print_runs
    from .distributed import joined
    from .runs import run
    from .sweeps import folder_of_sweep, sweep

    if len(configs) == options.seeds == 1 and options.cluster is None:
        with joined() as world:
            out = run(configs[0])
        return print_runs(out, [str(out)], options.json) if world.rank == 0 else 0
    paths = sweep(configs[0], options.algorithm, options.seeds, options.workers, options.cluster)
    return print_runs(folder_of_sweep(configs[0]), [str(p) for p in paths], options.json)


def _cost(config: Config, options: Options) -> int:
    from .costs import cost

    document = cost(config, options.algorithm, options.seeds, options.workers)
    if options.json:
        emit(document)
    else:
        for name, value in document.items():
            print(f"{name}: {value:,}")
    return 0
