"""What is measured on runs: accuracy and sign flips by level, and paired differences between algorithms, as plain rows.

A share of flips is flipped weights / weights on the level's mask; "flips_start_sum" adds the shares of all levels so far, level
0 included. Replicates are paired by seed; an interval is Student's t on the paired differences.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from .store import Run, load_run

__all__ = ["MEASURES", "differences", "layers", "load", "table"]

Row = Mapping[str, Any]


def _accuracy(part: str) -> Callable[[Sequence[Row]], float]:
    return lambda rows: rows[-1][part]["correct"] / rows[-1][part]["n"] if part in rows[-1] else math.nan


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
    for name, by_seed in _measured(runs).items():
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
    """Paired differences of every algorithm from ``against``, for each level from 1 on and each measure.

    A row holds the number n of pairs (same seed), their mean difference, its interval [low, high] (None with one pair) and the
    verdict: "more", "less", or "undecided" where the interval covers 0.
    """
    measured = _measured(runs)
    if against not in measured:
        raise ValueError(f"There are no runs of {against!r} to compare with; there are {', '.join(measured)}.")
    out = []
    for name, by_seed in measured.items():
        seeds = sorted(by_seed.keys() & measured[against].keys()) if name not in (against, "dense") else []
        for level in range(1, max((len(by_seed[s]) for s in seeds), default=0)):
            pairs = [(by_seed[s], measured[against][s]) for s in seeds]
            pairs = [(a, b) for a, b in pairs if level < min(len(a), len(b))]
            for measure in measures:
                d = np.array([a[level][measure] - b[level][measure] for a, b in pairs])
                if len(d) and np.isfinite(d).all():
                    what = {"algorithm": name, "against": against, "level": level, "measure": measure}
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
    return [row for row in run.rows if "test" in row]


def _measured(runs: Iterable[Run]) -> dict[str, dict[int, list[dict[str, float]]]]:
    """algorithm → seed → level → measures."""
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
    if n < 2:
        return {"n": n, "difference": mean, "low": None, "high": None, "confidence": confidence, "verdict": "undecided"}
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * d.std(ddof=1) / math.sqrt(n))
    verdict = "more" if mean - half > 0 else "less" if mean + half < 0 else "undecided"
    return {"n": n, "difference": mean, "low": mean - half, "high": mean + half, "confidence": confidence, "verdict": verdict}


def _number(x: Any) -> float | None:
    return float(x) if np.isfinite(x) else None
