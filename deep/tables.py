"""What the commands print for a person: tables that fit the terminal (COLUMNS, else 120 characters)."""

import math
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

__all__ = ["in_bytes", "print_comparison", "print_listing", "print_table", "width"]

Row = Mapping[str, Any]
LABELS = {
    "algorithm": "algorithm",
    "level": "level",
    "n": "n",
    "left": "left",
    "test": "test",
    "validation": "valid.",
    "train": "train",
    "flips_start": "(A)",
    "flips_start_sum": "(A) sum",
    "flips_init": "(B)",
    "flips_previous": "(C)",
}
NARROWEST = 12
"""Characters that the first column keeps where the others leave it no room."""
FLIPS = (
    "Sign flips on the level's mask: (A) from its start to its end, sum: added up over the levels so far; (B) from "
    "initialisation to its end; (C) from the end of the level before to its end. (A) and (B) can disagree."
)


def width() -> int:
    """Characters in a line."""
    return shutil.get_terminal_size((120, 24)).columns


def print_table(rows: Sequence[Row], paired: Sequence[Row]) -> None:
    """Means by algorithm and level, and the paired differences."""
    shares = [name for name in LABELS if name in rows[0] and name not in ("algorithm", "level", "n", "train")] if rows else []
    table = [[row["algorithm"], row["level"], row["n"], *(percent(row[name]) for name in shares)] for row in rows]
    columns = {"algorithm": "<", "level": ">", "n": ">"} | {LABELS[name]: ">" for name in shares}
    _print("Means over n seeds, in %", columns, table)
    if paired:
        print()
        print_comparison(paired, legend=False)
    _say(FLIPS)


def print_comparison(rows: Iterable[Row], legend: bool = True) -> None:
    """A table for each pair of algorithms or folders, differences in percentage points."""
    rows = list(rows)
    several = len({row.get(side) for row in rows for side in ("folder", "against_folder")}) > 1
    for i, ((title, apart), own) in enumerate(
        groupby(rows, lambda row: (_title(row, several), str(row.get("settings") or "")))
    ):
        found = list(own)
        print("\n" * (i > 0), end="")
        table = [
            [
                row["level"],
                percent(row["left"]),
                LABELS.get(row["measure"], row["measure"]),
                row["n"],
                points(row["difference"]),
                "–" if row["low"] is None else f"{points(row['low'])} … {points(row['high'])}",
                row["verdict"],
                "–" if row["pairs_needed"] is None else f"{row['pairs_needed']:,}",
            ]
            for row in found
        ]
        interval = f"{100 * found[0]['confidence']:g} % interval"
        columns = {
            "level": ">",
            "left": ">",
            "measure": "<",
            "n": ">",
            "diff.": ">",
            interval: ">",
            "verdict": "<",
            "n for 1 pt": ">",
        }
        _print(title, columns, table, _settings(found[0]["settings"]) if apart else "")
    if legend and rows:
        print()
        _say(
            "Differences in percentage points, paired by seed; left in %; n for 1 pt: pairs with which a true difference of 1 "
            "point is found with probability 80 % at 5 %, if the sd of the differences is the one observed."
        )
        if any("flips" in row["measure"] for row in rows):
            _say(FLIPS)


def print_listing(entries: Sequence[Row]) -> None:
    """One block for each sweep, one line for each other run."""
    blocks = [(entry, entry["runs"] if entry["kind"] == "sweep" else [entry]) for entry in entries]
    columns = {"algorithm": "<", "seed": ">", "levels": ">", "state": "<", "test %": ">", "size": ">", "last change": "<"}
    columns |= {"settings": "<"}
    cells = [[_run_cells(run) for run in runs] for _, runs in blocks]
    widths = _widths([list(columns), *(line for lines in cells for line in lines)])
    widths[0] = _first(widths[:-1])
    shown = len(widths) - (sum(widths) + 2 * len(widths) > width())
    print("  " + _line(list(columns)[:shown], widths[:shown], list(columns.values())[:shown]))
    for (entry, runs), lines in zip(blocks, cells, strict=True):
        print()
        _say(_heading(entry))
        if entry["kind"] == "sweep" and entry["note"]:
            _say(entry["note"], "    ")
        for run, line in zip(runs, lines, strict=True):
            print("  " + _line(line[:shown], widths[:shown], list(columns.values())[:shown]))
            if run["note"] and run["state"] != "midway":
                _say(run["note"], "    ")


def _heading(entry: Row) -> str:
    parts = [str(entry["path"])]
    if entry["kind"] == "sweep":
        done = sum(run["state"] == "finished" for run in entry["runs"])
        parts += [f"sweep, {done} of {len(entry['runs'])} runs finished", in_bytes(entry["bytes"])]
        parts += [f"settings {entry['settings_hash']}"] if entry["settings_hash"] else []
    return " · ".join(parts + [str(entry[name]) for name in ("model", "data") if entry.get(name)])


def _run_cells(run: Row) -> list[str]:
    done = "–" if run["levels_done"] is None else str(run["levels_done"])
    asked = "–" if run["levels_asked"] is None else str(run["levels_asked"])
    state = run["note"] if run["state"] == "midway" else run["state"]
    when = "–" if not run["changed"] else datetime.fromisoformat(run["changed"]).astimezone().strftime("%Y-%m-%d %H:%M")
    size, seed = in_bytes(run["bytes"]) if run["bytes"] else "–", "–" if run["seed"] is None else str(run["seed"])
    return [
        run["algorithm"] or "–",
        seed,
        f"{done}/{asked}",
        state,
        percent(run["test"]),
        size,
        when,
        run["settings_hash"] or "–",
    ]


def in_bytes(n: int) -> str:
    """Bytes as a person reads them.

    >>> in_bytes(999), in_bytes(1_500_000)
    ('999 B', '1.5 MB')
    """
    if n < 1000:
        return f"{n} B"
    power = min(int(math.log10(n) / 3 + 1e-4), 4)
    return f"{n / 1000**power:.1f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"


def percent(share: float | None) -> str:
    """A share in %."""
    return "–" if share is None else f"{100 * share:.2f}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(0.0123), points(-0.5)
    ('+1.23', '−50.00')
    """
    return f"{100 * difference:+.2f}".replace("-", "−")


def _title(row: Row, several: bool) -> str:
    here, there = row.get("folder", ""), row.get("against_folder", "")
    if here == there:
        return f"{row['algorithm']} against {row['against']}{f' in {here}' if several else ''}"
    return f"{row['algorithm']}: {here} against {there}"


def _settings(apart: Mapping[str, Sequence[Any]]) -> str:
    return "; ".join(f"{name} {here!r} against {there!r}" for name, (here, there) in apart.items())


def _say(text: str, indent: str = "") -> None:
    for line in textwrap.wrap(text, max(width() - len(indent), 20), break_long_words=False, break_on_hyphens=False):
        print(indent + line)


def _print(title: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]], below: str = "") -> None:
    """``columns``: heading → "<" for words, ">" for numbers."""
    lines = [[str(cell) for cell in row] for row in [list(columns), *rows]]
    widths = _widths(lines)
    widths[0] = _first(widths)
    _say(title)
    _say(below, "  ")
    for line in lines:
        print("  " + _line(line, widths, columns.values()))


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _first(widths: Sequence[int]) -> int:
    """Width of the first column, cut where the line would be too long."""
    return min(widths[0], max(width() - sum(widths[1:]) - 2 * len(widths), NARROWEST))


def _line(cells: Sequence[str], widths: Sequence[int], sides: Iterable[str]) -> str:
    return "  ".join(f"{_cut(cell, w):{side}{w}}" for cell, w, side in zip(cells, widths, sides, strict=True)).rstrip()


def _cut(text: str, n: int) -> str:
    """A name that is too long loses its middle.

    >>> _cut("restart(sign='final')", 15)
    "restart…final')"
    """
    return text if len(text) <= n else f"{text[: n // 2]}…{text[len(text) - (n - n // 2 - 1) :]}"
