"""Which numbers the report needs and with which settings: ``quick`` for `make report` on two cores, ``full`` for a paper."""

import copy
import importlib
from functools import partial
from pathlib import Path
from typing import Any

from theory.records import settings_hash

from .results import load_result, stored

__all__ = ["FIGURES", "PRESETS", "figure_module", "make_results", "published"]

FIGURES = {"basins": "basins", "success": "success", "phases": "phases", "momentum": "studies", "digits": "networks"}
"""Drawn figures and the module of each; results without a figure of their own are tables."""
PUBLISHED = Path(__file__).parent.parent / "deep" / "results"
"""Longer deep runs, kept with the package as small files with their provenance."""
TABLES = {"agreement": "agreement", "escape": "escape"}

ALGORITHMS = ["IMP", "WR(time=2)", "LRR"]
INITS = ["balanced", "bounded", "gaussian"]

QUICK: dict[str, dict[str, Any]] = {
    "basins": {"half_width": 2.0, "pixels": 401, "rho": 1.0, "lines_per_side": 7, "points": 120, "step": 0.05, "t": 1000.0},
    "success": {
        "algorithms": ALGORITHMS,
        "inits": INITS,
        "d": [1, 2, 3, 5, 10, 30],
        "simulation": {"n": None, "engine": "gd", "eta": 0.1, "t": 300.0, "trials": 400, "seed": 1},
    },
    "phases": {
        "algorithms": ALGORITHMS,
        "half_width": 1.5,
        "pixels": 24,
        "draws": 32,
        "simulation": {"n": 200, "d": 5, "sigma": 0.1, "eta": 0.1, "t": 100.0, "trials": 12, "seed": 2},
    },
    "momentum": {"study": "momentum", "preset": "small", "seed": 4},
    "escape": {"d": [2, 5, 50, 500], "scales": [0.1, 1.0, 10.0], "starts": 20, "seed": 3},
    "agreement": {"trials": 100, "seed": 0},
    "digits": {
        "algorithms": ["IMP", "WR(epoch=1)", "LRR"],
        "seeds": 3,
        "training": {
            "model": "lenet-300-100",
            "data": "digits",
            "levels": 8,
            "fraction": 0.3,
            "epochs": 10,
            "batch_size": 64,
            "learning_rate": 0.1,
            "seed": 0,
        },
    },
}


def _full() -> dict[str, dict[str, Any]]:
    full = copy.deepcopy(QUICK)
    full["success"] |= {"d": [1, 2, 3, 5, 10, 30, 100]}
    full["success"]["simulation"] |= {"trials": 4000, "t": 10000.0}
    full["phases"] |= {"pixels": 65, "draws": 200}
    full["phases"]["simulation"] |= {"n": 500, "trials": 40}
    full["momentum"]["preset"] = "paper"
    full["escape"]["starts"] = 200
    full["agreement"]["trials"] = 2000
    full["digits"]["seeds"] = 10
    return full


PRESETS = {"quick": QUICK, "full": _full()}


def figure_module(name: str, document: dict[str, Any]) -> str | None:
    """The module that draws a result, None for a table; studies and whatever holds deep runs are known by their content."""
    data = document["data"]
    if isinstance(data, dict) and "study" in data.get("attrs", {}):
        return "studies"
    return FIGURES.get(name, "networks" if isinstance(data, dict) and {"table", "differences"} <= data.keys() else None)


def published() -> dict[str, dict[str, Any]]:
    """The deep runs that come with the package, by name."""
    return {path.stem: load_result(path) for path in sorted(PUBLISHED.glob("*.json"))}


def settings_names(preset: str) -> list[str]:
    """The results of a preset; ValueError for an unknown one."""
    if preset not in PRESETS:
        raise ValueError(f"Unknown preset {preset!r}; known are {', '.join(PRESETS)}.")
    return list(PRESETS[preset])


def _reseeded(settings: dict[str, Any], seed: int) -> dict[str, Any]:
    return {k: _reseeded(v, seed) if isinstance(v, dict) else v + seed if k == "seed" else v for k, v in settings.items()}


def make_results(folder: Path, preset: str, workers: int, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Compute what is not stored in ``folder`` yet; returns the documents by name. A killed call goes on where it was.

    ``seed`` is added to the seeds of the preset.
    """
    documents = {}
    for name in settings_names(preset):
        settings = _reseeded(PRESETS[preset][name], seed)
        module = importlib.import_module(f".{(FIGURES | TABLES)[name]}", __package__)
        compute = partial(module.compute, settings, workers, folder / "work" / f"{name}-{settings_hash(settings)}")
        documents[name] = stored(folder / f"{name}.json", settings, compute, _seed(settings))
    return documents


def _seed(settings: dict[str, Any]) -> int | None:
    """The one seed in the settings; None where nothing is random."""
    nested = [_seed(v) for v in settings.values() if isinstance(v, dict)]
    return settings.get("seed", next((s for s in nested if s is not None), None))
