"""The whole report at the smallest sizes, made once for all tests of the figures."""

import copy
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")

TINY = {
    "basins": {"half_width": 2.0, "pixels": 21, "rho": 1.0, "lines_per_side": 3, "points": 20, "step": 0.1, "t": 100.0},
    "success": {
        "algorithms": ["IMP", "WR(time=2)", "LRR"],
        "inits": ["balanced", "bounded", "gaussian"],
        "d": [1, 2, 10],
        "simulation": {"n": None, "engine": "gd", "eta": 0.1, "t": 20.0, "trials": 20, "seed": 1},
    },
    "phases": {
        "algorithms": ["IMP", "WR(time=2)", "LRR"],
        "half_width": 1.5,
        "pixels": 4,
        "draws": 4,
        "simulation": {"n": 50, "d": 2, "sigma": 0.1, "eta": 0.1, "t": 20.0, "trials": 2, "seed": 2},
    },
    "momentum": {
        "study": "momentum",
        "preset": "smoke",
        "momentum": [0.0, 0.9],
        "eta": [0.01, 0.1],
        "trials": 10,
        "time": 10.0,
        "seed": 4,
    },
    "escape": {"d": [2, 500], "scales": [0.1, 10.0], "starts": 3, "seed": 3},
    "agreement": {"trials": 6, "t": 20.0, "n": 50, "d": 3, "seed": 0},
    "digits": {
        "algorithms": ["IMP", "WR(epoch=1)", "LRR"],
        "seeds": 2,
        "training": {
            "model": "lenet-300-100",
            "data": "digits",
            "levels": 2,
            "fraction": 0.5,
            "epochs": 2,
            "batch_size": 64,
            "learning_rate": 0.1,
            "seed": 0,
        },
    },
}


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with index.html, figures/ and results/."""
    import signescape
    from paper_figs import presets

    out = tmp_path_factory.mktemp("report")
    before = presets.PRESETS["quick"]
    presets.PRESETS["quick"] = copy.deepcopy(TINY)
    try:
        assert signescape.main(["report", "--out", str(out), "--workers", "1"]) == 0
    finally:
        presets.PRESETS["quick"] = before
    return out
