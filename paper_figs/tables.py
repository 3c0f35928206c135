"""The rows of the report's tables, as text, from stored results."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from theory import success_probability

__all__ = ["agreement_rows", "comparison_rows", "deep_rows", "escape_rows"]

Document = Mapping[str, Any]
Table = tuple[Sequence[str], list[list[str]]]
D = 10


def comparison_rows(documents: Mapping[str, Document], networks: str) -> list[list[str]]:
    """statement, theory, simulation, networks, settings; ``networks`` names the document of the deep runs that stand there."""
    return [*_gaps(documents, networks), *_flips(documents, networks)]


def _gaps(documents: Mapping[str, Document], name_of_networks: str) -> Iterator[list[str]]:
    success, networks = documents["success"], documents[name_of_networks]
    d = D if D in success["provenance"]["settings"]["d"] else success["provenance"]["settings"]["d"][-1]
    for name in success["provenance"]["settings"]["algorithms"]:
        if name == "IMP":
            continue
        what = "learns where IMP is stuck" if name == "LRR" else "rewinding a little suffices"
        for i, init in enumerate(success["provenance"]["settings"]["inits"]):
            point = next(p for p in success["data"][init]["points"] if p["d"] == d)[name]
            gap = point["less IMP"]
            deep = _accuracy_gap(networks, name) if i == 0 else ""
            yield [
                f"{name} {what}: P({name}) − P(IMP), {init} start, d = {d}",
                _theory_gap(name, init, d),
                _interval(gap["value"], gap["low"], gap["high"]),
                deep,
                "#success",
            ]


def _theory_gap(name: str, init: str, d: int) -> str:
    try:
        return f"{success_probability(name, init, d) - success_probability('IMP', init, d):+.4f}".replace("-", "−") + " (T5)"
    except ValueError:
        return "no closed form"


def _accuracy_gap(document: Document, name: str) -> str:
    rows = _paired(document, name, "test")
    return "" if rows is None else f"test accuracy: {_points(rows)}, {_data_name(document)}"


def _data_name(document: Document) -> str:
    settings = document["provenance"]["settings"]
    return settings.get("data name", settings["training"]["data"])


def _flips(documents: Mapping[str, Document], name_of_networks: str) -> Iterator[list[str]]:
    success, networks = documents["success"], documents[name_of_networks]
    d = D if D in success["provenance"]["settings"]["d"] else success["provenance"]["settings"]["d"][-1]
    for name in ("IMP", "LRR"):
        for i, init in enumerate(success["provenance"]["settings"]["inits"]):
            point = next(p for p in success["data"][init]["points"] if p["d"] == d)[name]
            theory = 0.0 if name == "IMP" else float(success_probability("LRR", init, d)) / 2
            last = max(r["level"] for r in networks["data"]["table"])
            row = next(r for r in networks["data"]["table"] if r["level"] == last and r["algorithm"] == name)
            deep = (
                f"{100 * row['flips_init']:.1f} % of the alive signs differ from init, {100 * row['left']:.1f} % left"
                if i == 0
                else ""
            )
            yield [
                f"{name} learns although w_1 < 0 at initialisation, {init}, d = {d}",
                f"{theory:.4f} (T5)",
                _interval(*point["from negative"]),
                deep,
                "#success" if i else f"#{name_of_networks}",
            ]


def _paired(document: Document, name: str, measure: str) -> Document | None:
    """The paired difference from IMP at the last level; WR(…) stands for every rewind point."""
    family = name.partition("(")[0]
    rows = [
        r for r in document["data"]["differences"] if r["algorithm"].partition("(")[0] == family and r["measure"] == measure
    ]
    return max(rows, key=lambda r: r["level"], default=None)


def _points(row: Document) -> str:
    if row["low"] is None:
        return f"{100 * row['difference']:+.2f} points".replace("-", "−")
    text = f"{100 * row['difference']:+.2f} [{100 * row['low']:+.2f}, {100 * row['high']:+.2f}] points, {row['verdict']}"
    return text.replace("-", "−")


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.4f} [{low:.4f}, {high:.4f}]".replace("-", "−")


def deep_rows(document: Document, name: str) -> Table:
    """Level by level: accuracy, both flip metrics, paired differences of the accuracy from IMP."""
    head = (
        "algorithm",
        "level",
        "weights left",
        "n",
        "test accuracy",
        "less IMP",
        "flips (A), summed",
        "flips (B)",
        "settings",
    )
    rows = []
    for r in document["data"]["table"]:
        if r["algorithm"] == "dense":
            continue
        gaps = [
            g
            for g in document["data"]["differences"]
            if (g["algorithm"], g["level"], g["measure"]) == (r["algorithm"], r["level"], "test")
        ]
        rows.append(
            [
                r["algorithm"],
                str(r["level"]),
                f"{100 * r['left']:.1f} %",
                str(r["n"]),
                f"{100 * r['test']:.2f}" + (f" ± {100 * r['test_sd']:.2f}" if r["test_sd"] is not None else ""),
                _points(gaps[0]) if gaps else "–",
                f"{100 * r['flips_start_sum']:.2f} %",
                f"{100 * r['flips_init']:.2f} %",
                f"#{name}",
            ]
        )
    return head, rows


def escape_rows(document: Document) -> Table:
    """d, scale, starts, median t*, largest relative error."""
    rows = [
        [str(r["d"]), f"{r['scale']:g}", str(r["starts"]), f"{r['median t*']:.4f}", f"{r['largest error']:.1e}", "#escape"]
        for r in document["data"]
    ]
    return ("d", "scale σ_w√d", "starts", "median t*", "largest relative error", "settings"), rows


def agreement_rows(document: Document) -> Table:
    """One row for each noise and class of starts: IMP outside and inside the margin, LRR with its classified misses."""
    imp = ("in the margin", "IMP wrong outside", "IMP wrong inside")
    head = ("σ", "start", "n", *imp, "LRR as predicted", "LRR's misses first right with", "settings")
    rows = []
    for g in document["data"]["groups"]:
        misses = ", ".join(f"{name}: {k}" for name, k in g["lrr_first_right"].items() if k) or "–"
        counts = [g["n"], g["margins"]["any"], g["imp_wrong"], g["imp_wrong_inside"]]
        right = f"{100 * g['lrr_right'] / g['n']:.1f} %"
        rows.append([f"{g['sigma']:g}", g["init"], *map(str, counts), right, misses, "#agreement"])
    return head, rows
