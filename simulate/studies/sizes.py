"""Success against the size of the problem: inputs d, samples n, label noise σ."""

from .measures import outcomes, successes, table
from .study import Study, presets, spaced

__all__ = ["STUDIES"]

INITS = ("balanced", "bounded", "gaussian")
ALGORITHMS = ("IMP", "WR(time=2)", "LRR")
COMMON = {"init": INITS, "algorithms": ALGORITHMS, "engine": "flow", "t": 1000.0, "seed": 1}
INIT = "initialisation: success rates depend on it"

STUDIES = (
    Study(
        "dimension",
        "Success against the number of inputs",
        "T5, T6: P(LRR) and P(IMP) in closed form, noise-free; overparameterisation makes sign escape early, so a short "
        "rewinding time suffices as d grows.",
        {"init": INIT, "d": "inputs"},
        ("init", "d"),
        presets(
            COMMON | {"n": 1000, "sigma": 0.0},
            smoke={"d": (2, 5, 10), "trials": 60, "n": 200},
            paper={"d": (2, 3, 5, 10, 20, 50), "trials": 4000},
            full={"d": (2, 3, 5, 10, 20, 50, 100), "n": 5000, "trials": 100_000},
        ),
        outcomes,
        successes,
        table,
    ),
    Study(
        "samples",
        "Success against the number of samples",
        "T5, T14: the closed forms are those of the population; with n ≥ 5 d samples little is left of the difference.",
        {"init": INIT, "n": "samples"},
        ("init", "n"),
        presets(
            COMMON | {"d": 10, "sigma": 0.0},
            smoke={"n": (20, 100, 400), "trials": 60},
            paper={"n": (15, 20, 30, 50, 100, 300, 1000, 3000), "trials": 4000},
            full={"n": (12, *(int(n) for n in spaced(15, 10_000, 12))), "trials": 100_000},
        ),
        outcomes,
        successes,
        table,
    ),
    Study(
        "noise",
        "Success against label noise",
        "T2b: label noise frees half of the trials in which IMP is stuck, whatever σ > 0 if training is long: "
        "P(IMP) = ¼ + ½ P(IMP, noise-free).",
        {"init": INIT, "sigma": "standard deviation of the label noise"},
        ("init", "sigma"),
        presets(
            COMMON | {"d": 10, "n": 500},
            smoke={"sigma": (0.0, 0.1, 0.3), "trials": 60, "n": 100},
            paper={"sigma": (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), "trials": 4000},
            full={"sigma": (0.0, *spaced(0.001, 1, 10)), "trials": 100_000, "n": 1000},
        ),
        outcomes,
        successes,
        table,
    ),
)
