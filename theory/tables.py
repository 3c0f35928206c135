"""T8, T9 as a table: mask criterion × initialisation × restart, each with its condition, its probability and a confirmation.

``success_table`` holds the conditions in words and the probabilities; ``confirm`` runs the loop of ``theory.algorithms`` over
the exact maps from random starts and compares each cell with an exact binomial interval, and each start with
``theory.conditions``. ``python -m theory.tables`` does both and stores them.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from .algorithms import IMP, INITIAL_SIGNS, LEARNED_SIGNS, LRR, Algorithm, Borrowed, Level, Rewind, levels
from .conditions import CONDITIONS, keeps, restart_condition, restarts
from .exact import ExactTrainer, learned
from .initialisations import Initialisation, initialisation
from .parts import restart_probability
from .records import provenance, to_json, write
from .streams import bits

__all__ = ["RESTARTS", "confirm", "markdown", "store", "success_table"]

INITS = ("balanced", "bounded", "gaussian")
RESTARTS: tuple[Rewind, ...] = tuple(
    Rewind(*parts, norm=parts[2])
    for parts in itertools.product(("init", "final", "constant", "reinit"), ("init", "final", "random"), ("init", "final"))
)
"""Magnitude × sign × a of T9; at one weight "reshuffle" is "init"."""
NAMES = {(a.rewind.magnitude, a.rewind.sign, a.rewind.rest): a.name for a in (IMP, LRR, LEARNED_SIGNS, INITIAL_SIGNS)}
CHUNK = 2_000_000  # weights at a time


def success_table(
    d: int,
    inits: Iterable[str | Initialisation] = INITS,
    criteria: Iterable[str] = tuple(CONDITIONS),
    restarts: Iterable[Rewind] = RESTARTS,
) -> list[dict[str, Any]]:
    """One row a cell, of JSON types: which starts succeed, and with which probability; one-shot to one weight, T = ∞, d ≥ 2.

    ``probability`` is null and ``kind`` "simulation only" where no quadrature is known (see ``theory.success_probability``);
    ``error`` is that of the quadrature. Raises ValueError for unknown names.

    >>> row = success_table(10, ["balanced"], ["movement_diff_sign"], [Rewind()])[0]
    >>> row["name"], row["mask in D"], row["restart"], row["probability"], row["kind"]
    ('IMP', 'w_01 < 0, or a tie of all d', 'a0 > −W and w_01 > 0', 0.025, 'closed form')
    """
    cells = itertools.product(map(initialisation, inits), list(criteria), list(restarts))
    return [_row(law, criterion, rewind, d) for law, criterion, rewind in cells]


def _row(law: Initialisation, criterion: str, rewind: Rewind, d: int) -> dict[str, Any]:
    if criterion not in CONDITIONS:
        raise ValueError(f"No condition is known for the criterion {criterion!r}; for these one is: {', '.join(CONDITIONS)}.")
    parts = (rewind.magnitude, rewind.sign, rewind.rest)
    row = {"criterion": criterion, "initialisation": law.spec, "d": d, "name": NAMES.get(parts, "")}
    row |= dict(zip(("magnitude", "sign", "a"), map(str, parts), strict=True))
    row |= {"mask in D": CONDITIONS[criterion].inside, "mask outside D": CONDITIONS[criterion].outside}
    row |= {"restart": restart_condition(rewind)}
    try:
        found = restart_probability(criterion, rewind, law, d)
    except ValueError as reason:
        if "simulation only" not in str(reason):
            raise
        return row | {"probability": None, "kind": "simulation only", "error": None}
    return row | {"probability": found.value, "kind": found.kind, "error": found.error}


def markdown(rows: Sequence[dict[str, Any]], columns: Sequence[str] = ()) -> str:
    """The rows as a Markdown table, with these columns (default: all).

    >>> print(markdown([{"d": 2, "probability": 0.25}]))
    | d | probability |
    |---|---|
    | 2 | 0.25 |
    """

    def line(cells: Iterable[Any]) -> str:
        shown = (f"{c:.6g}" if isinstance(c, float) else "" if c is None else str(c).replace("|", "\\|") for c in cells)
        return f"| {' | '.join(shown)} |"

    names = list(columns) or (list(rows[0]) if rows else [])
    return "\n".join([line(names), f"|{'---|' * len(names)}", *(line(row[n] for n in names) for row in rows)])


def confirm(rows: Sequence[dict[str, Any]], n: int, seed: int = 0, level: float = 0.999) -> list[dict[str, Any]]:
    """The rows, each with what ``n`` random starts of the loop say of it.

    ``hits`` learned; ``low`` and ``high`` are the Clopper–Pearson interval at ``level``; ``holds`` says whether it covers the
    probability (up to the error of the quadrature); ``mismatches`` counts starts that decide otherwise than the conditions say.
    Rows of one initialisation and d share their starts, so cells are not independent; of N true ones (1 − level)·N or fewer
    fail to hold on average. Starts depend on ``seed``, n, d and the initialisation alone.
    """
    out = [dict(row) for row in rows]
    for (spec, d), group in itertools.groupby(sorted(out, key=_starts_of), key=_starts_of):
        cells = list(group)
        for row in cells:
            row |= {"n": n, "hits": 0, "mismatches": 0}
        for a0, w0, keys in _draws(initialisation(spec), d, n, seed):
            _count(cells, a0, w0, keys)
    for row in out:
        k = row["hits"]
        row["low"] = float(beta.ppf((1 - level) / 2, k, n - k + 1)) if k else 0.0
        row["high"] = float(beta.isf((1 - level) / 2, k + 1, n - k)) if k < n else 1.0
        p, error = row["probability"], row["error"]
        row["holds"] = None if p is None else bool(row["low"] - error <= p <= row["high"] + error)
    return out


def _starts_of(row: dict[str, Any]) -> tuple[str, int]:
    return row["initialisation"], row["d"]


def _draws(law: Initialisation, d: int, n: int, seed: int) -> Iterator[tuple[Any, Any, NDArray[np.uint64]]]:
    generator, keys = np.random.default_rng((seed, d)), bits(seed, "success table", d, size=n)
    for first in range(0, n, max(1, CHUNK // d)):
        some = keys[first : first + max(1, CHUNK // d)]
        yield *law.sample(generator, d, some.size), some


def _count(cells: list[dict[str, Any]], a0: Any, w0: Any, keys: NDArray[np.uint64]) -> None:
    """Run the loop: one dense level for all, one mask a criterion, one restart of e_1 a rewind.

    With another weight alone the teacher is not learned, and the draws of a restart do not depend on the mask.
    """
    trainer, everything = ExactTrainer(a0.size, keys=keys), {"w": np.ones(w0.shape, dtype=bool)}
    (dense,) = levels(Algorithm("dense"), trainer, {"a": a0, "w": w0}, everything, 0)
    kept: dict[str, Any] = {}
    outcomes: dict[Rewind, Any] = {}
    for row in cells:
        criterion, rewind = row["criterion"], Rewind(row["magnitude"], row["sign"], row["a"], row["a"])
        if criterion not in kept:
            mask = Algorithm(criterion, criterion=criterion, count=1).prune(dense.points, dense.mask, 1, trainer)
            kept[criterion] = mask["w"][:, 0], keeps(criterion, a0, w0)
        if rewind not in outcomes:
            outcomes[rewind] = _restart(rewind, trainer, dense), restarts(rewind, a0, w0)
        (has, says), (learns, tells) = kept[criterion], outcomes[rewind]
        found, chance = has & learns, says * tells
        row["hits"] += int(found.sum())
        row["mismatches"] += int((found & (chance == 0)).sum() + (~found & (chance == 1)).sum())


def _restart(rewind: Rewind, trainer: ExactTrainer, dense: Level) -> NDArray[np.bool_]:
    mask = {"w": np.broadcast_to(np.arange(dense.mask["w"].shape[-1]) == 0, dense.mask["w"].shape)}
    (last,) = levels(Borrowed("given", rewind, given=mask), trainer, dense.start, dense.mask, 1, dense)
    return learned(last.points["final"], last.mask["w"])


def store(
    out: Path = Path("theory/results/success-table.json"), d: tuple[int, ...] = (2, 10, 100), n: int = 100_000, seed: int = 0
) -> None:
    """Write the table for several d, each cell confirmed by n random starts, to a JSON file ``out``."""
    rows = confirm([row for inputs in d for row in success_table(inputs)], n, seed)
    decided = [row["holds"] for row in rows if row["holds"] is not None]
    summary = {
        "cells": len(rows),
        "with a probability": len(decided),
        "outside the 99.9 % interval": decided.count(False),
        "expected outside": f"at most {len(decided) / 1000:.3g}",
        "starts against the conditions": sum(row["mismatches"] for row in rows),
        "largest error of quadrature": max(row["error"] or 0.0 for row in rows),
    }
    settings = {"d": d, "n": n, "seed": seed, "level": 0.999}
    command = f"python -m theory.tables --d {' '.join(map(str, d))} --n {n} --seed {seed}"
    write(out, to_json(provenance("success-table-1", settings, command=command, summary=summary, rows=rows)) + "\n")
    print(to_json(summary))


if __name__ == "__main__":
    import tyro

    tyro.cli(store)
