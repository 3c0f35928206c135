"""One figure for each study of ``simulate.studies``, from its stored Dataset: points with exact intervals, theory as lines."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

import simulate
from simulate.studies import find, settings_of
from theory.records import plain

from .results import SCHEMA
from .study_panels import DRAW, READING
from .style import prose

__all__ = ["caption", "compute", "dataset_of", "document_of", "draw"]


def compute(settings: dict[str, Any], workers: int, folder: Path) -> dict[str, Any]:
    """The study ``settings["study"]`` with ``settings["preset"]`` and the other settings as changes, as JSON types."""
    changes = {name: value for name, value in settings.items() if name not in ("study", "preset")}
    name = settings["study"]
    found = simulate.study(
        name, settings["preset"], out=folder / "study.zarr", workers=workers, show=f"figure {name!r}", **changes
    )
    return _content(found)


def document_of(path: Path) -> dict[str, Any]:
    """The figure's document of a study stored by ``signescape simulate study --out``; ValueError for anything else."""
    found = simulate.load(path)
    record = json.loads(found.attrs["provenance"])
    name = record["settings"].get("study")
    if not str(record["schema"]).startswith("simulate.study/") or name is None:
        raise ValueError(f"{str(path)!r} is no study but a {record['schema']}; `signescape simulate study` makes one.")
    chosen = find(name)
    found = found.assign_attrs(study=name, title=chosen.title, claim=chosen.claim)
    return {"provenance": record | {"schema": SCHEMA}, "data": _content(found)}


def _content(found: Dataset) -> dict[str, Any]:
    attrs = {name: found.attrs[name] for name in ("study", "title", "claim")}
    whole = found.drop_attrs().to_dict()
    return plain({"attrs": attrs, "settings": settings_of(found), **{k: whole[k] for k in ("coords", "data_vars")}})


def dataset_of(document: dict[str, Any]) -> Dataset:
    """The Dataset of a stored document, with the words nan and inf as numbers again."""
    data = document["data"]

    parts = {
        kind: {name: (tuple(part["dims"]), _array(part["data"])) for name, part in data[kind].items()}
        for kind in ("data_vars", "coords")
    }
    return Dataset(parts["data_vars"], parts["coords"], data["attrs"])


def _array(values: Any) -> Any:
    """JSON has no nan and inf: they are words there, which labels never are."""
    found = np.array(values, object)
    words = {v for v in found.ravel() if isinstance(v, str)}
    return found.astype(float) if words and words <= {"nan", "inf", "-inf"} else np.array(values)


def draw(document: dict[str, Any]) -> Figure:
    """The figure of the document's study."""
    return DRAW[document["data"]["attrs"]["study"]](dataset_of(document), document["data"]["settings"])


def caption(document: dict[str, Any]) -> str:
    """The claim, how to read the figure, and the settings."""
    attrs, s = document["data"]["attrs"], document["data"]["settings"]
    parts = [f"{k} = {s[k]:g}" for k in ("d", "sigma", "t", "time") if isinstance(s.get(k), int | float)]
    n = s.get("n", simulate.Config.n)
    if not isinstance(n, list):
        parts.insert(0, "the population" if n is None or n == "inf" else f"n = {n} samples")
    where = ", ".join(parts)
    return prose(f"""
        {attrs["claim"]} {READING[attrs["study"]]} Simulation: engine {s["engine"]}, {where}, {s["trials"]} trials a point, seed
        {s["seed"]}; intervals are Clopper–Pearson's at 95 %.
    """)
