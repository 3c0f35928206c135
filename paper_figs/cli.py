"""``signescape figures`` and ``signescape report``."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from theory.console import emit, parse, say

__all__ = ["Figures", "Report", "main"]


@dataclass(frozen=True)
class Figures:
    """Draw the figures from stored results, as PDF and PNG."""

    results: Path = Path("report/results")
    """Folder of stored results, as `signescape report` leaves it."""
    out: Path = Path("report/figures")
    """Folder for the figures."""
    runs: Path | None = None
    """A deep run or sweep whose summary is first stored in RESULTS, under the folder's name."""
    label: str | None = None
    """What captions call the data of those runs, e.g. "CIFAR-10 (JPEG)"."""
    study: Path | None = None
    """A study stored by `signescape simulate study NAME --out STUDY`, which is first taken into RESULTS under its name."""
    names: tuple[str, ...] = ()
    """Figures to draw; all that are stored by default."""
    json: bool = False
    """Print the paths as one JSON document."""
    seed: int = 0
    """Accepted by every command; drawing uses no randomness."""


@dataclass(frozen=True)
class Report:
    """Verify, simulate, train and draw what is not stored yet, and write one self-contained page."""

    out: Path = Path("report")
    """Folder for index.html, figures/ and results/."""
    preset: str = "quick"
    """quick (minutes on two cores) or full (the same with the numbers of a paper)."""
    workers: int = 2
    """Processes."""
    seed: int = 0
    """Added to the seeds of all simulations and trainings."""
    json: bool = False
    """Print one JSON document."""


def main(words: Sequence[str]) -> int:
    """``words`` begin with "figures" or "report"."""
    if words[0] == "figures":
        return _figures(parse(Figures, words[1:], "figures"))
    return _report(parse(Report, words[1:], "report"))


def _figures(options: Figures) -> int:
    from .presets import figure_module, published
    from .results import load_result

    folder = options.results
    if options.runs:
        _take_runs(options.runs, options.label, folder)
    if options.study:
        _take_study(options.study, folder)
    if not folder.is_dir():
        raise ValueError(f"There is no folder of stored results {str(folder)!r}; `signescape report` makes one.")
    documents = {p.stem: load_result(p) for p in sorted(folder.glob("*.json"))} | published()
    documents = {n: d for n, d in documents.items() if figure_module(n, d)}
    for name in options.names:
        if name not in documents:
            known = ", ".join(documents) or "none"
            raise ValueError(f"There is no stored result of a figure {name!r} in {str(folder)!r}; stored are: {known}.")
    if not documents:
        raise ValueError(f"There are no stored results of figures in {str(folder)!r}; `signescape report` makes them.")
    drawn = draw_figures({n: d for n, d in documents.items() if not options.names or n in options.names}, options.out)
    if options.json:
        emit({"figures": {n: str(path) for n, (path, _) in drawn.items()}})
    else:
        for name, (path, _) in drawn.items():
            print(f"{name}: {path.with_suffix('.pdf')}, {path}")
    return 0


def _take_study(path: Path, folder: Path) -> None:
    """Store a study as a result of its name; the same one as before changes nothing."""
    from theory.records import to_json, write

    from .results import load_result
    from .studies import document_of

    document = document_of(path)
    result = folder / f"{document['data']['attrs']['study']}.json"
    if result.exists() and load_result(result)["provenance"]["settings_hash"] != document["provenance"]["settings_hash"]:
        raise ValueError(f"{str(result)!r} holds a study of other settings; move it away first, nothing was changed.")
    if not result.exists():
        write(result, to_json(document, indent=None))


def _take_runs(runs: Path, label: str | None, folder: Path) -> None:
    """Store the summary of deep runs as a result of the runs' own name."""
    from theory.records import to_json, write

    from .networks import document_of

    path = folder / f"{runs.name}.json"
    if path.exists():
        raise ValueError(f"{str(path)!r} exists already; move it away first, nothing was changed.")
    write(path, to_json(document_of(runs, label)))


def draw_figures(documents: dict[str, Any], out: Path) -> dict[str, tuple[Path, str]]:
    """Draw each document that has a figure; PNG path and caption by name."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    from .presets import figure_module
    from .style import save, style

    drawn = {}
    with style():
        for name, document in documents.items():
            if found := figure_module(name, document):
                module = importlib.import_module(f".{found}", __package__)
                figure = module.draw(document)
                drawn[name] = save(figure, out, name)[1], module.caption(document)
                plt.close(figure)
    return drawn


def _report(options: Report) -> int:
    for module in ("matplotlib", "torch", "xarray", "zarr"):  # what is missing is said before anything is computed
        importlib.import_module(module)
    import theory
    from theory.records import provenance

    from .presets import FIGURES, make_results, published
    from .report import write_report

    say("verifying the claims")
    verified = theory.verify()
    document = verified.as_dict() | {"provenance": provenance("signescape.verify/2", {"claims": "all"})}
    documents = make_results(options.out / "results", options.preset, options.workers, options.seed) | published()
    figures = draw_figures(documents, options.out / "figures")
    networks = [*published(), *(n for n, module in FIGURES.items() if module == "networks")]
    page = write_report(options.out, document, documents, figures, networks)
    if options.json:
        emit({"report": str(page), "claims": verified.statuses, "results": list(documents)})
    else:
        print(f"The report is {page}.")
    return 0 if verified.holds else 1
