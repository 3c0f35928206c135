"""The table of sign-escape times: T6's integral against the integrated flow in d dimensions, at several scales."""

from pathlib import Path
from typing import Any

import numpy as np

from simulate import population_path
from theory import angle, sign_escape_time
from theory.streams import generator

__all__ = ["compute"]


def compute(settings: dict[str, Any], workers: int, folder: Path) -> list[dict[str, Any]]:
    """Balanced starts a0 = ‖w0‖ with w_1 < 0: largest relative error of t* for each d and scale σ_w√d."""
    rows = []
    for d in settings["d"]:
        for scale in settings["scales"]:
            stream = generator(settings["seed"], "escape", d, str(scale))
            w0 = stream.standard_normal((settings["starts"], d)) * scale / np.sqrt(d)
            w0[:, 0] = -np.abs(w0[:, 0])
            predicted = sign_escape_time(angle(w0))
            measured = [
                population_path(float(np.linalg.norm(w)), w, [float(t) * 1.5 + 1.0]).crossing
                for w, t in zip(w0, predicted, strict=True)
            ]
            error = np.abs(np.array(measured) / predicted - 1).max()
            rows.append(
                {
                    "d": d,
                    "scale": scale,
                    "starts": settings["starts"],
                    "median t*": np.median(predicted),
                    "largest error": error,
                }
            )
    return rows
