"""sweep.json: what a sweep was asked to do, so that it can go on from its folder alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from theory.algorithms import Algorithm
from theory.console import from_mapping
from theory.records import plain, provenance, to_json

from .config import FREE, Training
from .definitions import is_complete, restored, stored
from .files import put, saving
from .store import locked, read_json

__all__ = ["SWEEP", "Sweep", "keep_record", "read_sweep", "stack_of"]

SWEEP = "signescape.deep.sweep/1"
FILE = "sweep.json"
APART = ("seed", "out")
"""What a sweep's settings leave out: the seeds are listed, and the folder is where the file is."""


@dataclass(frozen=True)
class Sweep:
    """A sweep as it was asked for: common settings, algorithms (names or objects), seeds."""

    path: Path
    record: Mapping[str, Any]
    settings: Training
    algorithms: tuple[str | Algorithm, ...]
    seeds: tuple[int, ...]


def read_sweep(path: Path | str) -> Sweep:
    """The sweep in the folder ``path``; ValueError where its record is missing, damaged or of another version."""
    path = Path(path)
    if not (path / FILE).is_file():
        raise ValueError(f"{str(path)!r} is no sweep: it has no {FILE}.")
    record = read_json(path / FILE, SWEEP, ("settings", "algorithms", "seeds"))
    if not (isinstance(record["algorithms"], list) and isinstance(record["seeds"], list) and record["seeds"]):
        raise ValueError(f"The file {str(path / FILE)!r} lists no algorithms or no seeds.")
    laws = tuple(law if isinstance(law, str) else restored(law) for law in record["algorithms"])
    settings = from_mapping(Training, record["settings"] | {"seed": record["seeds"][0], "out": str(path)})
    return Sweep(path, record, settings, laws, tuple(record["seeds"]))


def keep_record(config: Training, algorithms: Sequence[str | Algorithm], seeds: Sequence[int]) -> None:
    """Write or extend the record in ``config.out``: more levels, seeds and algorithms are added, fewer change nothing.

    Raises ValueError, and changes nothing, where another setting or an algorithm of the same name differs from what is there.
    """
    out = Path(str(config.out))
    with locked(out):
        before = read_sweep(out) if (out / FILE).exists() else None
        settings, laws = _settings(config), [stored(law) for law in algorithms]
        if before:
            _require_same(out, _settings(before.settings), settings)
            _require_same_laws(out, before.record["algorithms"], laws)
            settings["levels"] = max(settings["levels"], before.settings.levels)
            laws = [*before.record["algorithms"], *(law for law in laws if law not in before.record["algorithms"])]
        numbers = sorted({*seeds, *(before.seeds if before else ())})
        content = {"settings": settings, "algorithms": laws, "seeds": numbers}
        if before is None or content != {name: before.record[name] for name in content}:
            record = provenance(SWEEP, settings, algorithms=laws, seeds=numbers)
            with saving(out):
                put(out / FILE, to_json(record))


def require_complete(sweep: Sweep) -> None:
    """Raise ValueError where an algorithm has a formula of its own, which only the program that began the sweep knows."""
    for law in sweep.algorithms:
        if isinstance(law, Algorithm) and not is_complete(law):
            raise ValueError(
                f"The criterion of {law.name!r} is no named one: only the program that began this sweep resumes it."
            )


def _settings(config: Training) -> dict[str, Any]:
    return plain({f.name: getattr(config, f.name) for f in fields(Training) if f.name not in APART})


def _require_same(out: Path, was: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    for name, value in asked.items():
        if name not in FREE and was[name] != value:
            raise ValueError(f"The sweep in {str(out)!r} has {name}={was[name]!r}, not {value!r}; choose another --out.")
    if stack_of(was) != stack_of(asked):
        together = was["together"], asked["together"]
        raise ValueError(f"The sweep in {str(out)!r} has together={together[0]}, not {together[1]}; choose another --out.")


def stack_of(settings: Mapping[str, Any]) -> int:
    """What the bits of a sweep's networks depend on: 1 alone, 0 in a stack of any size, else how many a stack has."""
    together = int(settings["together"])
    return 0 if together > 1 and (settings["device"], settings["compile"]) == ("cpu", "none") else together


def _require_same_laws(out: Path, was: Sequence[Any], asked: Sequence[Any]) -> None:
    known = {_name(law): law for law in was}
    for law in asked:
        if known.get(_name(law), law) != law:
            raise ValueError(
                f"The algorithm {_name(law)!r} of the sweep in {str(out)!r} changed: {known[_name(law)]} was, {law} is."
            )


def _name(law: Any) -> str:
    return str(law if isinstance(law, str) else law["name"])
