"""`estimate`: success probabilities with exact intervals, from trials fixed in advance or until the intervals are narrow."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

import theory

from .config import Config, as_config
from .control import Prediction, prediction
from .paired import Controlled, Difference, controlled, paired_difference
from .rounds import lasting
from .run_trials import finished, joined, trials
from .sequences import confidence_sequence
from .statistics import clopper_pearson, trials_needed
from .status import OPEN
from .store import stored

if TYPE_CHECKING:
    import xarray

__all__ = ["Estimate", "Proportion", "batch_ends", "estimate"]

SCHEMA = "simulate.estimate/1"
Predictions = dict[str, Prediction | str]
FIRST = 64
"""Trials of the first batches of a sequential estimate; later ones are an eighth of those before."""


@dataclass(frozen=True)
class Proportion:
    """The probability of having learned at the end, with its interval; ``undecided`` trials (not hits) still will or may."""

    value: float
    low: float
    high: float
    hits: int
    undecided: int
    n: int


@dataclass(frozen=True)
class Estimate:
    """``proportions`` by algorithm, paired ``differences`` by "first - second", all at ``level``, each for itself.

    ``kind`` of the intervals: "fixed" (n was chosen in advance) or "anytime" (valid after each of the ``batches``).
    ``controls``: the same probabilities with the theory as control variate; ``uncontrolled``: why an algorithm has none.
    """

    proportions: dict[str, Proportion]
    differences: dict[str, Difference]
    n: int
    level: float
    settings: dict[str, Any]
    kind: str = "fixed"
    batches: int = 1
    controls: dict[str, Controlled] = field(default_factory=dict)
    uncontrolled: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, algorithm: str) -> Proportion:
        """The proportion of one algorithm."""
        return self.proportions[algorithm]


class Rule(NamedTuple):
    """When a sequential estimate has enough: the half width of the widest interval, of differences too, or the most trials.

    ``concentration`` of the sequences: a twentieth of the trials that an interval of fixed n needs, good from p = 2 % to 98 %.
    """

    half_width: float
    level: float
    paired: bool
    most: int | None
    concentration: float


def estimate(
    config: Config | Mapping[str, Any],
    half_width: float | None = None,
    *,
    level: float = 0.95,
    sequential: bool = False,
    paired: bool = False,
    control: bool = False,
    most: int | None = None,
    out: str | Path | None = None,
    executor: Executor | str | None = None,
    show: str = "",
) -> Estimate:
    """P(learned at time t) of each algorithm with exact intervals, and paired differences.

    ``half_width``: n is the smallest even number whose Clopper–Pearson interval is that narrow even at p = 1/2, chosen before
    any trial, so the intervals keep their level; without it n = ``config.trials``. ``sequential``: trials come in batches
    (``batch_ends``) until every interval has that half width, those of the differences too if ``paired``, or to ``most``
    trials; all intervals then hold at all times (``simulate.sequences``). Trial i is the same either way. ``control``: besides,
    intervals with the theory's prediction as control variate (``simulate.control``), where its probability is known; a
    sequential estimate waits for these in place of the plain ones. ``out`` stores the trials, and is resumed from.

    >>> estimate({"n": None, "engine": "gd", "d": 2, "trials": 20, "t": 50})["LRR"].n
    20
    >>> early = estimate({"n": None, "d": 2, "t": 50}, half_width=0.05, sequential=True, control=True)
    >>> early.kind, early.n < estimate({"n": None, "d": 2, "t": 50}, half_width=0.05).n
    ('anytime', True)
    """
    config = as_config(config)
    if half_width is not None and any(values is not None for values in (config.X, config.a0, config.w0)):
        raise ValueError(f"half_width={half_width!r} chooses the number of trials, so X, a0 and w0 can't be given.")
    predictions = _predictions(config) if control else {}
    if sequential:
        return _sequential(config, _rule(half_width, level, paired, most), predictions, out, executor, show)
    if paired or most is not None:
        raise ValueError(f"paired={paired!r} and most={most!r} say when a sequential estimate stops; this one is not.")
    config = config if half_width is None else config.but(trials=trials_needed(half_width, level))
    return _estimate(config, trials(config, out=out, executor=executor, show=show), level, predictions)


def batch_ends(most: int | None = None) -> Iterator[int]:
    """The numbers of trials after which a sequential estimate looks, whatever has come out: 64, 128, …, 512, 576, 648, …

    >>> list(batch_ends(300))
    [64, 128, 192, 256, 300]
    """
    end = 0
    while most is None or end < most:
        end += max(FIRST, end // 8)
        end = end if most is None else min(end, most)
        yield end


def _rule(half_width: float | None, level: float, paired: bool, most: int | None) -> Rule:
    if half_width is None:
        raise ValueError("A sequential estimate needs the half width at which to stop.")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise ValueError(f"most is a whole number of at least 1, not {most!r}.")
    return Rule(half_width, level, paired, most, trials_needed(half_width, level) / 20)


def _sequential(
    config: Config,
    rule: Rule,
    predictions: Predictions,
    out: str | Path | None,
    executor: Executor | str | None,
    show: str,
) -> Estimate:
    chosen = {"sequential": True, "half_width": rule.half_width, "level": rule.level}
    chosen |= {"paired": True} if rule.paired else {}
    chosen |= {"most": rule.most} if rule.most is not None else {}
    chosen |= {"control": True} if predictions else {}
    settings = {name: value for name, value in config.settings().items() if name != "trials"} | chosen

    def build(parts: Path | None) -> "xarray.Dataset":
        chunks: list[dict[str, NDArray[Any]]] = []
        start = 0
        with lasting(config.workers, executor) as run:
            for end in batch_ends(rule.most):
                name = show and f"{show}, trials {start} to {end}"
                chunks += run(partial(finished, config, start, end, parts, show=name))
                found = joined(config, chunks)
                if _enough(_estimate(config, found, rule.level, predictions, rule), rule):
                    break
                start = end
        return found

    found = _estimate(config, stored(out, SCHEMA, settings, build), rule.level, predictions, rule)
    return replace(found, settings=settings)


def _enough(found: Estimate, rule: Rule) -> bool:
    intervals: list[Any] = [found.controls.get(name, p) for name, p in found.proportions.items()]
    intervals += list(found.differences.values()) if rule.paired else []
    return all(x.high - x.low <= 2 * rule.half_width for x in intervals)


def _estimate(
    config: Config, found: "xarray.Dataset", level: float, predictions: Predictions, rule: Rule | None = None
) -> Estimate:
    """Everything from the trials; ``rule`` if they came in batches."""
    n, anytime = found.sizes["trial"], rule is not None
    learned = {name: found.learned.sel(algorithm=name).to_numpy() for name in config.names}
    undecided = {name: int(found.status.sel(algorithm=name).isin(OPEN).sum()) for name in config.names}
    proportions = {name: _proportion(int(hits.sum()), undecided[name], n, level, rule) for name, hits in learned.items()}
    controls, uncontrolled = {}, {}
    for name, law in predictions.items():
        if isinstance(law, str):
            uncontrolled[name] = law
            continue
        plain = proportions[name].low, proportions[name].high
        predicted = law(found.a0.to_numpy(), found.w0.to_numpy())
        controls[name] = controlled(learned[name], predicted, law.exact, plain, level, error=law.error, anytime=anytime)
    pairs = {f"{x} - {y}": (learned[x], learned[y]) for y, x in combinations(learned, 2)}
    return Estimate(
        proportions,
        {name: paired_difference(*pair, level, anytime=anytime) for name, pair in pairs.items()},
        n,
        level,
        config.settings(),
        "anytime" if anytime else "fixed",
        1 + sum(1 for _ in takewhile(lambda end: end < n, batch_ends())) if anytime else 1,
        controls,
        uncontrolled,
    )


def _predictions(config: Config) -> Predictions:
    known: Predictions = {}
    for name, spec in zip(config.names, config.algorithms, strict=True):
        try:
            known[name] = prediction(config, theory.algorithm(spec))
        except ValueError as error:
            known[name] = str(error)
    return known


def _proportion(hits: int, undecided: int, n: int, level: float, rule: Rule | None) -> Proportion:
    if rule is None:
        low, high = clopper_pearson(hits, n, level)
    else:
        low, high = confidence_sequence(hits, n, level, rule.concentration)
    return Proportion(hits / n, float(low), float(high), hits, undecided, n)
