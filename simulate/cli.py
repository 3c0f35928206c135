"""``signescape simulate trials | estimate | phase-diagram | agree``: simulations from the command line."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

import simulate
from theory.console import emit, parse, say
from theory.records import provenance, to_json, write

from .config import Config
from .status import Status

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["main"]

USAGE = """Usage: signescape simulate COMMAND [OPTIONS]

  trials          train neurons with several algorithms on common trials: what became of each
  estimate        success probabilities with exact intervals and paired differences
  phase-diagram   successes over a grid: --axes a0=-1:1:33 w1=-1:1:33
  agree           the theory's prediction of each trial against the simulation
  study           a ready study with its presets, beside the theory: study NAME; without a name, the list

Options of all: --seed --out --json --workers --cluster ADDRESS --config PATH (a JSON file of settings, a --json document
or a stored result); `signescape simulate COMMAND --help` lists them.
"""
Hidden = Annotated[Any, tyro.conf.Suppress]


@dataclass(frozen=True)
class Options(Config):
    """Settings of the neuron, the training and the pruning."""

    n: int | None = 500
    """Samples; inf is the population."""
    init: str = "balanced"
    """balanced, bounded, gaussian, or with options: "gaussian(sigma_a=0.5)"."""
    keep: int | float = 1
    """Weights that stay: a whole number, or a fraction of the alive at each level."""
    algorithms: tuple[str, ...] = ("IMP", "LRR")
    """IMP, LRR, "WR(time=3.2)", module:OBJECT, …"""
    X: Hidden = None
    y: Hidden = None
    a0: Hidden = None
    w0: Hidden = None
    definitions: Hidden = None
    out: str | None = None
    """Where to store the result (a zarr folder); a run that was cut off goes on from there."""
    cluster: str | None = None
    """Address of a Dask scheduler, tcp://host:port, whose workers compute in place of processes here."""
    json: bool = False
    """Print one JSON document."""


@dataclass(frozen=True)
class EstimateOptions(Options):
    """Settings, and how narrow the intervals have to be."""

    half_width: float | None = None
    """Half width of the widest interval; decides the number of trials in advance."""
    level: float = 0.95
    """Level of each interval."""
    sequential: bool = False
    """Run batch after batch until every interval is that narrow; intervals that hold at all times."""
    paired: bool = False
    """Sequential: wait for the differences between algorithms too."""
    control: bool = False
    """Use the theory's prediction of each trial as control variate, where its probability is known."""
    most: int | None = None
    """Sequential: trials at which to stop in any case."""


@dataclass(frozen=True)
class DiagramOptions(Options):
    """Settings, and the axes of the grid."""

    trials: int = 10
    """Trials a pixel."""
    axes: tuple[str, ...] = ("a0=-1:1:17", "w1=-1:1:17")
    """name=first:last:count or name=value,value,…; names a0, w1, n, d, sigma, eta, t, keep, levels."""
    adaptive: bool = False
    """Spend the trials where the boundary is, up to --trials a pixel, and infer the rest."""
    coarse: int = 8
    """Adaptive: pixels between those of the first grid; smaller islands can be missed."""
    share: float = 0.5
    """Adaptive: the probability at which the boundary lies."""
    level: float = 0.95
    """Adaptive: level of the confidence sequence that decides a pixel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.axes, Mapping):  # as stored in a result's settings
            words = tuple(f"{name}={','.join(map(str, np.ravel(values)))}" for name, values in self.axes.items())
            object.__setattr__(self, "axes", words)


@dataclass(frozen=True)
class AgreeOptions(Options):
    """Settings, and the label noises and initialisations to go through; `--out` is a folder."""

    trials: int = 2000
    sigma: Hidden = 0.0
    init: Hidden = "balanced"
    keep: Hidden = 1
    levels: Hidden = 1
    sigmas: tuple[float, ...] = (0.0, 0.2)
    """Standard deviations of the label noise."""
    inits: tuple[str, ...] = ("balanced", "bounded", "gaussian")
    """Initialisations."""
    checks: int = 0
    """Trials of each cell whose last level an independent integrator runs once more."""


def main(argv: Sequence[str]) -> int:
    """Run ``simulate COMMAND …``; returns the exit status."""
    words = list(argv[1:])
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE.strip())
        return 0 if words else 2
    if words[0] == "study":
        from .studies.cli import main as study

        return study(words[1:])
    if words[0] not in COMMANDS:
        known = ", ".join([*COMMANDS, "study"])
        raise ValueError(f"Unknown command {'simulate ' + words[0]!r}; the commands are {known}.")
    kind, command = COMMANDS[words[0]]
    with _config(_split(words[1:])) as rest:
        options = parse(kind, _population(rest), f"simulate {words[0]}", kind.__doc__)
    command(options)
    return 0


def _split(words: list[str]) -> list[str]:
    """``--n=5`` as two words, likewise ``--config=PATH``."""
    return [part for word in words for part in (word.split("=", 1) if word.startswith(("--n=", "--config=")) else [word])]


@contextmanager
def _config(words: list[str]) -> Iterator[list[str]]:
    """The words with the folder of ``--config FOLDER``, a stored result, replaced by a file of its settings."""
    path = dict(pairwise(words)).get("--config")
    if path is None or not Path(path).is_dir():
        yield words
        return
    settings = json.loads(simulate.load(path).attrs["provenance"])["settings"]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "settings.json"
        write(file, to_json(settings))
        at = words.index("--config") + 1
        yield [*words[:at], str(file), *words[at + 1 :]]


def _population(words: list[str]) -> list[str]:
    """``--n inf`` as tyro reads it."""
    return ["None" if w == "inf" and words[i - 1] == "--n" else w for i, w in enumerate(words)]


def _trials(o: Options) -> None:
    found = simulate.trials(o, out=o.out, executor=o.cluster, show="trials")
    rows = {}
    for name in o.names:
        counts = np.bincount(found.status.sel(algorithm=name), minlength=len(Status))
        low, high = simulate.clopper_pearson(counts[Status.LEARNED], counts.sum())
        share = {"learned": counts[Status.LEARNED] / counts.sum(), "low": low, "high": high, "n": counts.sum()}
        rows[name] = share | {"status": {s.label: counts[s] for s in Status}}
    if o.json:
        emit({"settings": o.settings(), "out": o.out, "algorithms": rows})
        return
    table = _table(
        f"Trials, {_law(o)}", ["algorithm", "n", "learned [95 %]", *(s.label for s in Status if s != Status.LEARNED)]
    )
    for name, row in rows.items():
        others = [str(k) for label, k in row["status"].items() if label != "learned"]
        table.add_row(name, str(row["n"]), _interval(row["learned"], row["low"], row["high"]), *others)
    _show(table)


def _estimate(o: EstimateOptions) -> None:
    options = {name: getattr(o, name) for name in ("half_width", "level", "sequential", "paired", "control", "most")}
    found = simulate.estimate(o, **options, out=o.out, executor=o.cluster, show="estimate")
    if o.json:
        rows = {k: {n: v._asdict() for n, v in getattr(found, k).items()} for k in ("differences", "controls")}
        chosen = {k: v for k, v in options.items() if k in ("half_width", "level") or v not in (None, False)}
        emit({**vars(found), "half_width": o.half_width, **rows, "settings": {**found.settings, **chosen}})
        return
    how = f", anytime-valid after {found.batches} batches" if o.sequential else ""
    table = _table(f"P(learned), {_law(o)}{how}", ["algorithm", "n", f"value [{o.level:.4g}]", "undecided"])
    for name, p in found.proportions.items():
        table.add_row(name, str(p.n), _interval(p.value, p.low, p.high), str(p.undecided))
    for name, c in found.controls.items():
        table.add_row(f"{name}, theory as control", f"≙ {c.equivalent:.0f}", _interval(c.value, c.low, c.high), "")
    for name, d in found.differences.items():
        table.add_row(name, str(d.n), _interval(d.value, d.low, d.high), "")
    _show(table)
    for name, reason in found.uncontrolled.items():
        say(f"No control for {name}: {reason}")


def _diagram(o: DiagramOptions) -> None:
    axes = _axes(o.axes)
    if o.adaptive:
        _adaptive_diagram(o, axes)
        return
    found = simulate.phase_diagram(o, axes=axes, out=o.out, executor=o.cluster, show="phase diagram")
    share = {name: float(found.hits.sel(algorithm=name).sum() / found.n.sel(algorithm=name).sum()) for name in o.names}
    if o.json:
        settings = {**o.settings(), "axes": axes}
        emit({"settings": settings, "out": o.out, "learned": share, "data": found.drop_attrs().to_dict()})
        return
    table = _table(
        f"Phase diagram over {', '.join(found.hits.dims[:-1])}, {_law(o)}", ["algorithm", "pixels", "trials", "learned"]
    )
    for name in o.names:
        hits = found.hits.sel(algorithm=name)
        table.add_row(name, str(hits.size), str(int(found.n.sel(algorithm=name).sum())), f"{share[name]:.4f}")
    _show(table)


def _adaptive_diagram(o: DiagramOptions, axes: dict[str, list[float]]) -> None:
    options = {"coarse": o.coarse, "share": o.share, "level": o.level}
    found = simulate.adaptive_diagram(o, axes, **options, out=o.out, executor=o.cluster, show="adaptive diagram")
    area = {name: float(found.above.sel(algorithm=name).mean()) for name in o.names}
    if o.json:
        settings = {**o.settings(), "axes": axes, "adaptive": True, **options}
        emit({"settings": settings, "out": o.out, "above": area, "data": found.drop_attrs().to_dict()})
        return
    title = f"Adaptive phase diagram over {', '.join(found.above.dims[:-1])}, {_law(o)}"
    table = _table(title, ["algorithm", "pixels", "inferred", "trials", f"P > {o.share:g}"])
    for name in o.names:
        n, inferred = int(found.n.sel(algorithm=name).sum()), int(found.inferred.sum())
        table.add_row(name, str(found.inferred.size), str(inferred), str(n), f"{area[name]:.4f}")
    _show(table)


def _axes(words: Sequence[str]) -> dict[str, list[float]]:
    axes = {}
    for word in words:
        name, _, values = word.partition("=")
        try:
            if ":" in values:
                first, last, count = values.split(":")
                axes[name] = np.linspace(float(first), float(last), int(count)).tolist()
            else:
                axes[name] = [float(v) for v in values.split(",")]
        except ValueError:
            raise ValueError(f"An axis is name=first:last:count or name=value,value,…, not {word!r}.") from None
    return axes


def _agree(o: AgreeOptions) -> None:
    options = {"sigmas": o.sigmas, "inits": o.inits, "checks": o.checks}
    rows = simulate.agree(o, **options, out=o.out, executor=o.cluster, show="agree")
    if o.json:
        settings = {k: v for k, v in o.settings().items() if k not in ("sigma", "init")} | options
        emit({"settings": settings, "provenance": provenance("simulate.agree/1", settings, seed=o.seed), "groups": rows})
        return
    columns = ["σ", "initialisation", "algorithm", "n", "learned", "population [95 %]", "first right", "set aside", "wrong"]
    table = _table(f"Theory against simulation, trial by trial, {_law(o)}", columns)
    for r in rows:
        share = _interval(r.right["population"] / max(r.n, 1), r.low, r.high)
        firsts = " / ".join(map(str, r.first_right.values()))
        counts = firsts, str(r.margins["any"]), f"{r.wrong} + {r.wrong_inside}"
        table.add_row(f"{r.sigma:g}", r.init, r.algorithm, str(r.n), str(r.learned), share, *counts)
    _show(table)
    say("First right: trials that the population does not predict, by the first predictor that does, branches / mask /")
    say("restart / none. Set aside: within a margin fixed in advance. Wrong: the last predictor's misses outside + inside it.")
    say(f"Integrated once more: {sum(r.checked for r in rows)} confirmed, {sum(r.refuted for r in rows)} refuted.")


def _table(title: str, columns: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(title=title)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _show(table: "Table") -> None:
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 128).print(table)


def _law(o: Options) -> str:
    where = "population" if o.n is None else f"n = {o.n}"
    init = "" if isinstance(o, AgreeOptions) else f", σ = {o.sigma:g}, {o.init}"
    return f"d = {o.d}, {where}{init}, {o.engine}, t = {o.t:g}"


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.4f} [{low:.4f}, {high:.4f}]"


COMMANDS: dict[str, tuple[type[Any], Callable[[Any], None]]] = {
    "trials": (Options, _trials),
    "estimate": (EstimateOptions, _estimate),
    "phase-diagram": (DiagramOptions, _diagram),
    "agree": (AgreeOptions, _agree),
}
