"""What the figures of studies share: points with intervals, grids of panels, legends."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from xarray import Dataset

from .style import panel_letters

__all__ = ["P", "Settings", "legend", "lettered", "panels", "points", "shades", "theory_line"]

Settings = Mapping[str, Any]
P = "P(learns the teacher)"


def shades(count: int) -> list[Any]:
    """Colours of an ordered quantity, dark to light."""
    return [mpl.colormaps["viridis"](x) for x in np.linspace(0.05, 0.85, max(count, 1))]


def points(axes: Axes, x: Any, one: Dataset, names: Sequence[str] = ("success", "low", "high"), **look: Any) -> None:
    """Points with their intervals."""
    value, low, high = (np.asarray(one[name].values, float) for name in names)
    ends = np.maximum([value - low, high - value], 0)
    axes.errorbar(x, value, ends, **{"fmt": "o", "mec": "white", "mew": 0.5, "lw": 1, **look})


def panels(rows: int, columns: int, wide: float = 2.9, high: float = 2.6, **share: Any) -> tuple[Figure, NDArray[Any]]:
    """A figure and its axes (rows, columns), each so many inches wide and high."""
    return plt.subplots(rows, columns, figsize=(max(4.4, wide * columns + 0.6), high * rows + 0.6), squeeze=False, **share)


def legend(figure: Figure, handles: list[Line2D], columns: int = 6) -> None:
    """A legend below all panels."""
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))


def theory_line(words: str = "theory", **look: Any) -> Line2D:
    """A line for the legend."""
    return Line2D([], [], **{"color": "0.3", "label": words, **look})


def lettered(figure: Figure) -> Figure:
    """The figure with (a), (b), … if it has several panels."""
    if len([a for a in figure.axes if a.get_label() != "<colorbar>"]) > 1:
        panel_letters(figure)
    return figure
