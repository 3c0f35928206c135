"""``signescape simulate study NAME``: a study from the command line; without a name, the list of all."""

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from theory.console import emit, parse

from .registry import STUDIES
from .run import find, settings_of, study
from .study import Study

__all__ = ["main"]

SHOWN = 60
"""Rows of a table on the screen; --json and --out have all."""


@dataclass(frozen=True)
class Options:
    """A study: a preset, and what of it to change."""

    preset: str = "smoke"
    """smoke (seconds), paper (minutes on two cores), full (hours, for a cluster)."""
    trials: int | None = None
    """Trials at each point; the preset's by default."""
    engine: str | None = None
    """gd, active-set or flow; the preset's by default."""
    set: tuple[str, ...] = ()
    """Other settings, name=value or name=value,value,…: d=2,10 t=100."""
    seed: int | None = None
    """Names all random numbers; the preset's by default."""
    workers: int = 1
    """Processes."""
    cluster: str | None = None
    """Address of a Dask scheduler, tcp://host:port, whose workers compute in place of processes here."""
    out: str | None = None
    """Where to store the result (a zarr folder); a run that was cut off goes on from there."""
    json: bool = False
    """Print one JSON document."""
    list: bool = False
    """List the studies, or the settings of this one's preset."""


def main(words: Sequence[str]) -> int:
    """``words`` begin with the study's name, if there is one."""
    named = bool(words) and not words[0].startswith("-")
    chosen = find(words[0]) if named else None
    about = f"{chosen.title}. {chosen.claim}" if chosen else "List the studies."
    options = parse(Options, words[1:] if named else words, f"simulate study {words[0] if named else 'NAME'}", about)
    if chosen is None:
        _list(options)
    elif options.list:
        _settings(chosen, options)
    else:
        _run(chosen, options)
    return 0


def _list(options: Options) -> None:
    rows = [{"name": s.name, "title": s.title, "claim": s.claim, "presets": list(s.presets)} for s in STUDIES.values()]
    if options.json:
        emit({"studies": rows})
        return
    for row in rows:
        print(f"{row['name']:16} {row['title']} ({', '.join(row['presets'])})")


def _settings(chosen: Study, options: Options) -> None:
    settings = chosen.settings(options.preset, _changes(options))
    if options.json:
        emit({"study": chosen.name, "axes": chosen.axes, "settings": settings})
        return
    print(f"{chosen.title}\n{chosen.claim}\nAxes:")
    print("\n".join(f"  {name}: {words}" for name, words in chosen.axes.items()))
    print(f"Settings of {options.preset}:")
    print("\n".join(f"  {name} = {value}" for name, value in settings.items()))


def _changes(options: Options) -> dict[str, Any]:
    """What the options change of the preset."""
    changes = {name: getattr(options, name) for name in ("trials", "engine", "seed") if getattr(options, name) is not None}
    for word in options.set:
        name, equals, values = word.partition("=")
        if not equals or not name or not values:
            raise ValueError(f"A setting is name=value or name=value,value,…, not {word!r}.")
        parts = [_value(v) for v in _split(values)]
        changes[name] = parts[0] if len(parts) == 1 else tuple(parts)
    return changes


def _split(values: str) -> list[str]:
    """At commas outside brackets: ``IMP,WR(time=2)``."""
    parts, depth = [""], 0
    for letter in values:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _value(text: str) -> Any:
    if text in ("inf", "-inf"):
        return math.copysign(math.inf, 1 - 2 * text.startswith("-"))
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _run(chosen: Study, o: Options) -> None:
    found = study(chosen.name, o.preset, out=o.out, executor=o.cluster, workers=o.workers, show=chosen.name, **_changes(o))
    rows = chosen.rows(found)
    if o.json:
        settings = settings_of(found)
        emit({"study": chosen.name, "preset": o.preset, "settings": settings, "out": o.out, "rows": rows,
              "data": found.drop_attrs().to_dict()})  # fmt: skip
        return
    from ..cli import _show, _table

    table = _table(f"{chosen.title}, preset {o.preset}", list(rows[0]) if rows else [])
    for row in rows[:SHOWN]:
        table.add_row(*(_text(v) for v in row.values()))
    _show(table)
    print(chosen.claim)
    if len(rows) > SHOWN:
        print(f"The first {SHOWN} of {len(rows)} rows; --json and --out have all.")


def _text(value: Any) -> str:
    return ("–" if math.isnan(value) else f"{value:.4g}") if isinstance(value, float) else str(value)
