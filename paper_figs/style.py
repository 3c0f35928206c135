"""The look of all figures: one colour per algorithm (Okabe & Ito's palette, safe for the colour-blind), PDF and PNG."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from theory.records import write

__all__ = ["colour", "marker", "panel_letters", "prose", "save", "style"]

COLOURS = {
    "IMP": "#D55E00",
    "WR": "#009E73",
    "LRR": "#0072B2",
    "dense": "#555555",
    "random": "#CC79A7",
    "fine-tuning": "#E69F00",
}
MARKERS = {"IMP": "o", "WR": "D", "LRR": "s"}
SPARE = ("#56B4E9", "#F0E442", "#000000")

RC: dict[Any, Any] = {
    "font.size": 8.5,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
    "svg.hashsalt": "signescape",
}


@contextmanager
def style() -> Iterator[None]:
    """Draw inside this context to have the project's look."""
    with mpl.rc_context(RC):
        yield


def colour(algorithm: str) -> str:
    """The colour of an algorithm; all WR(…) share one.

    >>> colour("WR(time=2)") == colour("WR(epoch=1)")
    True
    """
    name = algorithm.partition("(")[0]
    return COLOURS.get(name, SPARE[sum(map(ord, name)) % len(SPARE)])


def marker(algorithm: str) -> str:
    """The marker of an algorithm."""
    return MARKERS.get(algorithm.partition("(")[0], "^")


def panel_letters(figure: Figure) -> None:
    """(a), (b), … before the title of each panel."""
    for letter, axes in zip("abcdefghij", [a for a in figure.axes if a.get_label() != "<colorbar>"], strict=False):
        axes.set_title(f"({letter})  {axes.get_title()}", loc="left")
        if axes.get_title():
            axes.set_title("")


def prose(text: str) -> str:
    """A paragraph on one line."""
    return " ".join(text.split())


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """``name``.pdf (vector) and ``name``.png (200 dots an inch) in ``folder``; the same bytes for the same figure."""
    paths = []
    for kind, options in (("pdf", {"metadata": {"CreationDate": None}}), ("png", {"dpi": 200, "metadata": {"Software": None}})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, **options)
        paths.append(folder / f"{name}.{kind}")
        write(paths[-1], buffer.getvalue())
    return paths
