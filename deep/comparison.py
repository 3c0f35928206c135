"""Runs of several folders compared: algorithms that share their settings, and settings that share their algorithm."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .analyses import MEASURES, load, measured, paired
from .store import Run

__all__ = ["compare"]

DONORS = ("mask_from", "signs_from")


@dataclass
class Group:
    """Runs that differ in algorithm and seed alone."""

    folders: list[Path]
    runs: list[Run] = field(default_factory=list)
    label: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """What the runs have in common, the digest of the images included."""
        return _common(self.runs[0])

    def takes(self, runs: list[Run]) -> bool:
        """Is there neither a run of the same algorithm and seed, nor another algorithm of the same name?"""
        named = [
            (a.settings, a.record, b.settings, b.record) for a in self.runs for b in runs if a.settings.name == b.settings.name
        ]
        return all(a.seed != b.seed and one["same"]["algorithm"] == other["same"]["algorithm"] for a, one, b, other in named)


def compare(
    folders: Sequence[Path | str],
    against: str | None = None,
    measures: Sequence[str] = ("test",),
    levels: Sequence[int] | None = None,
    confidence: float = 0.95,
) -> list[dict[str, Any]]:
    """Paired differences between runs and sweeps: rows as ``analyses.paired`` has them, and what is compared.

    Runs with the same settings, images and all, are put together, from whatever folders. Among these, every algorithm is
    compared with ``against`` ("IMP" where there is one, unless given), from level 1 on. Where the folders hold other settings,
    each algorithm is compared with itself under the settings of the first folder: the row names both folders and the
    "settings" that differ, as name → [here, there]. Level 0 of such a pair, shared by all algorithms, counts once.

    Raises ValueError for unknown measures, levels that no pair has, and folders in which there is nothing to compare.
    """
    for measure in measures:
        if measure not in MEASURES:
            raise ValueError(f"Unknown measure {measure!r}; there are {', '.join(MEASURES)}.")
    groups = _groups([Path(folder) for folder in folders])
    arms = [measured(group.runs) for group in groups]
    rows = [*_algorithms(groups, arms, against, measures, confidence), *_settings(groups, arms, measures, confidence)]
    if not rows:
        found = "; ".join(f"{g.label}: {', '.join(arm) or 'nothing finished'}" for g, arm in zip(groups, arms, strict=True))
        raise ValueError(f"There is nothing to compare by the same seed and level ({found}).")
    for level in levels or ():
        if level not in {row["level"] for row in rows}:
            raise ValueError(f"No pair has level {level}; the levels are {', '.join(_numbers(row['level'] for row in rows))}.")
    return rows if levels is None else [row for row in rows if row["level"] in levels]


def _algorithms(
    groups: list[Group], arms: list[dict[str, Any]], against: str | None, measures: Sequence[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """Within each group: the other algorithms against one."""
    known = list(dict.fromkeys(name for arm in arms for name in arm if name != "dense"))
    if against is not None and against not in known:
        raise ValueError(f"There are no runs of {against!r} to compare with; there are {', '.join(known)}.")
    if against is None and "IMP" not in known and all(len(arm.keys() - {"dense"}) > 1 for arm in arms):
        raise ValueError(f"There are no runs of 'IMP'; say which algorithm to compare --against: {', '.join(known)}.")
    reference = against or "IMP"
    for group, arm in zip(groups, arms, strict=True):
        for name in [n for n in arm if reference in arm and n not in (reference, "dense")]:
            what = {"algorithm": name, "folder": group.label, "against": reference, "against_folder": group.label}
            for row in paired(arm[name], arm[reference], measures, confidence):
                if row["level"] > 0:
                    yield what | {"settings": {}} | row


def _settings(
    groups: list[Group], arms: list[dict[str, Any]], measures: Sequence[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """Each algorithm of the other groups against the same one of the first group."""
    for group, arm in zip(groups[1:], arms[1:], strict=True):
        settings = _apart(group, groups[0])
        both = [name for name in arm if name in arms[0]]
        for name in both:
            what = {"algorithm": name, "folder": group.label, "against": name, "against_folder": groups[0].label}
            for row in paired(arm[name], arms[0][name], measures, confidence):
                if row["level"] > 0 or name == "dense" or "dense" not in both:
                    yield what | {"settings": settings} | row


def _apart(one: Group, other: Group) -> dict[str, list[Any]]:
    """The settings that differ; images by where they come from."""
    here, there = one.settings, other.settings
    apart = {name: [here.get(name), there.get(name)] for name in sorted(here.keys() | there.keys())}
    out = {name: pair for name, pair in apart.items() if pair[0] != pair[1]}
    if "data" in out:
        out["data"] = [one.runs[0].settings.data, other.runs[0].settings.data]
    return out


def _groups(folders: list[Path]) -> list[Group]:
    """Runs by their settings; where an algorithm and seed come twice, by their folder too."""
    places = [folder.resolve() for folder in folders]
    for folder, place in zip(folders, places, strict=True):
        if places.count(place) > 1:
            raise ValueError(f"The folder {str(folder)!r} is given twice.")
    out: dict[str, list[Group]] = {}
    for folder in folders:
        for key, runs in _by_settings(load(folder)).items():
            groups = out.setdefault(key, [])
            group = next((g for g in groups if g.takes(runs)), None)
            if group is None:
                groups.append(group := Group([]))
            group.folders.append(folder)
            group.runs += runs
    found = [group for groups in out.values() for group in groups]
    _label(found)
    return found


def _by_settings(runs: list[Run]) -> dict[str, list[Run]]:
    out: dict[str, list[Run]] = {}
    for run in runs:
        out.setdefault(json.dumps(_common(run), sort_keys=True), []).append(run)
    return out


def _common(run: Run) -> dict[str, Any]:
    """What a run's bits depend on but for algorithm and seed; images by their digest, other runs by their path."""
    same, settings = run.record["same"], run.record["settings"]
    own = {name: value for name, value in same["settings"].items() if name not in ("algorithm", "seed")}
    return (
        {"data": same["data"], "trainer": same.get("trainer")}
        | own
        | {name: settings[name] for name in DONORS if settings.get(name) is not None}
    )


def _label(groups: list[Group]) -> None:
    """Folder names, with as many parents as tell the folders apart."""
    for group in groups:
        group.label = " + ".join(_short(folder, groups) for folder in group.folders)
    for i, group in enumerate(groups):
        if any(group.label == other.label for other in groups[:i]):
            group.label += f" ({i + 1})"


def _short(folder: Path, groups: list[Group]) -> str:
    parts, others = folder.resolve().parts, {f.resolve().parts for g in groups for f in g.folders}
    for k in range(1, len(parts)):
        if sum(other[-k:] == parts[-k:] for other in others) == 1:
            return "/".join(parts[-k:])
    return str(folder)


def _numbers(levels: Iterator[int]) -> list[str]:
    return [str(level) for level in sorted(set(levels))]
