"""What is measured on runs: accuracy and sign flips by level, and paired differences between algorithms, as plain rows.

A share of flips is flipped weights / weights on the level's mask. There are two kinds, which can disagree: (A) the end of a
level against its start, "flips_start", and added up over all levels so far, level 0 included, "flips_start_sum"; (B) its end
against initialisation, "flips_init". Replicates are paired by seed; an interval is Student's t on the paired differences.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from .power import pairs_needed
from .store import Run, load_run

__all__ = ["MEASURES", "differences", "layers", "load", "measured", "paired", "table"]

Row = Mapping[str, Any]
BySeed = Mapping[int, Sequence[Mapping[str, float]]]
"""seed → level → measures"""


def _accuracy(part: str) -> Callable[[Sequence[Row]], float]:
    def share(rows: Sequence[Row]) -> float:
        found = rows[-1].get(part)  # a trainer of one's own may measure something else, or nothing
        return found["correct"] / found["n"] if isinstance(found, Mapping) and {"correct", "n"} <= found.keys() else math.nan

    return share


def _share(row: Row, reference: str) -> float:
    return sum(row["flips"][reference].values()) / row["alive"] if reference in row["flips"] else math.nan


MEASURES: dict[str, Callable[[Sequence[Row]], float]] = {
    "test": _accuracy("test"),
    "validation": _accuracy("validation"),
    "train": _accuracy("train"),
    "flips_start": lambda rows: _share(rows[-1], "start"),
    "flips_start_sum": lambda rows: sum(_share(row, "start") for row in rows),
    "flips_init": lambda rows: _share(rows[-1], "init"),
    "flips_previous": lambda rows: _share(rows[-1], "previous"),
}
"""What is measured at a level, from the level rows up to it: accuracies and shares of flipped signs."""


def load(path: Path | str) -> list[Run]:
    """The runs in a folder: itself, or those of a sweep."""
    path = Path(path)
    if (path / "run.json").exists():
        return [load_run(path)]
    found = [load_run(p.parent) for p in sorted(path.glob("*/seed-*/run.json"))]
    if not found:
        raise ValueError(f"{str(path)!r} holds no run and no sweep.")
    return found


def table(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """One row for each algorithm and level: n replicates, share of prunable weights left, mean and sd of each measure."""
    out = []
    for name, by_seed in measured(runs).items():
        for level in range(max(map(len, by_seed.values()))):
            cells = [rows[level] for rows in by_seed.values() if level < len(rows)]
            row = {"algorithm": name, "level": level, "n": len(cells), "left": float(np.mean([c["left"] for c in cells]))}
            for measure in MEASURES:
                values = [c[measure] for c in cells]
                row[measure] = _number(np.mean(values))
                row[f"{measure}_sd"] = _number(np.std(values, ddof=1)) if len(values) > 1 else None
            out.append(row)
    return out


def differences(
    runs: Iterable[Run], against: str = "IMP", measures: Iterable[str] = ("test",), confidence: float = 0.95
) -> list[dict[str, Any]]:
    """Paired differences of every algorithm from ``against``, for each level from 1 on and each measure, as ``paired`` says."""
    arms = measured(runs)
    if against not in arms:
        raise ValueError(f"There are no runs of {against!r} to compare with; there are {', '.join(arms)}.")
    return [
        {"algorithm": name, "against": against} | row
        for name, by_seed in arms.items()
        if name not in (against, "dense")
        for row in paired(by_seed, arms[against], measures, confidence)
        if row["level"] > 0
    ]


def paired(one: BySeed, other: BySeed, measures: Iterable[str], confidence: float = 0.95) -> list[dict[str, Any]]:
    """Differences one − other of what ``measured`` found, paired by seed, for each level that both have and each measure.

    A row holds the number n of pairs, their mean difference, its interval [low, high], the sd of the differences, the number
    of pairs with which a true difference of one percentage point is found with probability 0.8 at 5 % (``pairs_needed``), and
    the verdict: "more", "less", or "undecided" where the interval covers 0. With one pair there is no interval and no sd.
    """
    seeds, out = sorted(one.keys() & other.keys()), []
    for level in range(max((min(len(one[s]), len(other[s])) for s in seeds), default=0)):
        pairs = [(one[s][level], other[s][level]) for s in seeds if level < min(len(one[s]), len(other[s]))]
        left, left_against = (float(np.mean([p[i]["left"] for p in pairs])) for i in (0, 1))
        for measure in measures:
            d = np.array([a[measure] - b[measure] for a, b in pairs])
            if np.isfinite(d).all():
                what = {"level": level, "left": left, "left_against": left_against, "measure": measure}
                out.append(what | _interval(d, confidence))
    return out


def layers(run: Run) -> list[dict[str, Any]]:
    """One row for each level and layer of a run: exact counts of weights alive and of flips against each reference."""
    return [
        {"level": row["level"], "layer": name, "alive": count} | {f"flips_{r}": row["flips"][r][name] for r in row["flips"]}
        for row in _level_rows(run)
        for name, count in row["layers"].items()
    ]


def _level_rows(run: Run) -> list[Row]:
    return [row for row in run.rows if "layers" in row]


def measured(runs: Iterable[Run]) -> dict[str, dict[int, list[dict[str, float]]]]:
    """algorithm → seed → level → the share of weights left, and what ``MEASURES`` finds."""
    out: dict[str, dict[int, list[dict[str, float]]]] = {}
    for run in runs:
        rows = _level_rows(run)
        if rows:
            values = [
                {"left": row["alive"] / row["weights"]} | {m: f(rows[: i + 1]) for m, f in MEASURES.items()}
                for i, row in enumerate(rows)
            ]
            out.setdefault(str(run.settings.algorithm), {})[run.settings.seed] = values
    return out


def _interval(d: np.ndarray, confidence: float) -> dict[str, Any]:
    """Student's t: mean ± t_{n−1} sd/√n."""
    n, mean = len(d), float(d.mean())
    row: dict[str, Any] = {"n": n, "difference": mean, "low": None, "high": None, "confidence": confidence}
    if n < 2:
        return row | {"sd": None, "pairs_needed": None, "verdict": "undecided"}
    sd = float(d.std(ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * sd / math.sqrt(n)
    verdict = "more" if mean - half > 0 else "less" if mean + half < 0 else "undecided"
    return row | {"low": mean - half, "high": mean + half, "sd": sd, "pairs_needed": pairs_needed(sd), "verdict": verdict}


def _number(x: Any) -> float | None:
    return float(x) if np.isfinite(x) else None
