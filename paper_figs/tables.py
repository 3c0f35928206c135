"""The rows of the report's tables, as text, from stored results."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from theory import success_probability

__all__ = ["agreement_rows", "comparison_rows", "criteria_rows", "deep_rows", "escape_rows"]

Document = Mapping[str, Any]
Table = tuple[Sequence[str], list[list[str]]]
D = 10


def comparison_rows(documents: Mapping[str, Document], networks: str) -> list[list[str]]:
    """statement, theory, simulation, networks, settings; ``networks`` names the document of the deep runs that stand there."""
    success, settings = documents["success"]["data"], documents["success"]["provenance"]["settings"]
    d = D if D in settings["d"] else settings["d"][-1]
    gaps, against = [], []
    for name in settings["algorithms"]:
        what = "learns where IMP is stuck" if name == "LRR" else "rewinds a little, which suffices"
        for init in settings["inits"]:
            points = next(p for p in success[init]["points"] if p["d"] == d)
            gap, negative = (points[name]["less IMP"][k] for k in ("value", "low", "high")), points[name]["from negative"]
            if name != "IMP":
                theory = _theory_gap(name, init, d, points, settings["simulation"]["t"])
                statement = f"{name} {what}: P({name}) − P(IMP), {init}, d = {d}"
                gaps.append([statement, theory, _interval(*gap), "", "#success"])
            if name in ("IMP", "LRR"):
                share = 0.0 if name == "IMP" else float(success_probability("LRR", init, d)) / 2
                statement = f"{name} learns although w_1 < 0 at initialisation, {init}, d = {d}"
                against.append([statement, f"{share:.4f} (T5)", _interval(*negative), "", "#success"])
    return [*gaps, *against, *_network_rows(documents[networks], networks)]


def criteria_rows(document: Document, d: int = D) -> Table:
    """T8: which starts a mask criterion keeps e_1 for, and P(IMP), P(LRR) with it by initialisation."""
    rows = [r for r in document["rows"] if r["d"] == d and r["name"] in ("IMP", "LRR")]
    inits = list(dict.fromkeys(r["initialisation"] for r in rows))
    cells = {(r["criterion"], r["initialisation"], r["name"]): r["probability"] for r in rows}
    kept = {r["criterion"]: r["mask in D"] for r in rows}
    right = "the mask is right, from a start in the basin, iff"
    head = ("criterion", right, *(f"P(IMP), P(LRR): {i}" for i in inits), "settings")
    body = [
        [name, words, *(", ".join(_chance(cells[name, i, a]) for a in ("IMP", "LRR")) for i in inits), "#success-table"]
        for name, words in kept.items()
    ]
    return head, body


def _chance(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _theory_gap(name: str, init: str, d: int, points: Document, t: float) -> str:
    """The closed form, for t = ∞, and where the simulation's length of phases matters the exact maps at that length."""
    imp = success_probability("IMP", init, d)
    try:
        text = f"{success_probability(name, init, d) - imp:+.4f} ({'T6' if name.startswith('WR') else 'T5'})"
    except ValueError:
        return "no closed form"
    if name in points["exact maps"]:
        text += f"; at t = {t:g}: {points['exact maps'][name] - imp:+.4f}"
    return text.replace("-", "−")


def _network_rows(document: Document, name: str) -> Iterator[list[str]]:
    """What corresponds on networks, at the last level."""
    rows, gaps = document["data"]["table"], document["data"]["differences"]
    last, data = max(r["level"] for r in rows), _data_name(document)
    for g in gaps:
        if g["level"] == last and g["measure"] == "test":
            yield [f"test accuracy of {g['algorithm']} less that of IMP, {data}, level {last}", "", "", _points(g), f"#{name}"]
    for r in rows:
        if r["level"] == last and r["algorithm"] != "dense":
            what = f"signs of {r['algorithm']} that differ from initialisation, of {100 * r['left']:.1f} % weights left, {data}"
            yield [what, "", "", f"{100 * r['flips_init']:.2f} %", f"#{name}"]


def _data_name(document: Document) -> str:
    settings = document["provenance"]["settings"]
    return settings.get("data name", settings["training"]["data"])


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
    """One row for each noise, class of starts and algorithm: what the population predicts, the others by what it takes."""
    head = (
        "σ",
        "start",
        "algorithm",
        "n",
        "as the population predicts",
        "the others first right with",
        "not even so",
        "settings",
    )
    rows = []
    for g in document["data"]["groups"]:
        others = ", ".join(f"{name}: {k}" for name, k in g["first_right"].items() if k and name != "none") or "–"
        right = f"{100 * g['right']['population'] / g['n']:.1f} %" if g["n"] else "–"
        wrong = f"{g['wrong']} + {g['wrong_inside']} of {g['margins']['any']} in the margin"
        rows.append([f"{g['sigma']:g}", g["init"], g["algorithm"], str(g["n"]), right, others, wrong, "#agreement"])
    return head, rows
