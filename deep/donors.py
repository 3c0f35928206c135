"""Masks and signs borrowed from other runs, level by level (settings ``mask_from``, ``signs_from``)."""

from collections.abc import Mapping

from torch import Tensor

from theory.algorithms import Tensors

from .config import Config
from .store import Run, StoredLevel, load_run

__all__ = ["Donors", "require_donors"]

POINTS = {"donor mask": ("mask_from", "mask"), "donor": ("signs_from", "final")}
"""What an algorithm asks for: the setting that names the run, and what of each of its levels it is."""


def require_donors(config: Config) -> None:
    """Raise ValueError where the algorithm borrows from a run that no setting names."""
    law = config.program
    for name, needs in (("donor mask", law.mask_needs), ("donor", law.rewind.sources)):
        setting, _ = POINTS[name]
        if name in needs and getattr(config, setting) is None:
            raise ValueError(f"The algorithm {law.name!r} borrows a {name} at each level; name the run with {setting}.")


class Donors:
    """The runs that ``config`` borrows from: ``donors("donor mask", 3)`` is the mask of level 3 of the run ``mask_from``.

    ``{seed}`` in a path stands for the seed. Levels are those that the run has finished now. Raises ValueError for what is no
    run folder.
    """

    def __init__(self, config: Config):
        paths = {setting: getattr(config, setting) for setting, _ in POINTS.values()}
        self.runs: dict[str, Run] = {
            setting: load_run(path.replace("{seed}", str(config.seed))) for setting, path in paths.items() if path is not None
        }
        self.levels = {setting: run.levels for setting, run in self.runs.items()}

    @property
    def identity(self) -> dict[str, str]:
        """What the runs are, by setting."""
        return {setting: run.record["identity"] for setting, run in self.runs.items()}

    def digests(self, level: int) -> dict[str, str]:
        """The content that is borrowed for a level, by setting; nothing for level 0."""
        found = {}
        for setting, stored in POINTS.values():
            if setting in self.runs and level > 0:
                donor = self._level(setting, level)
                if stored not in donor.names:
                    donor.tensors(stored)  # says why it is not there
                found[setting] = donor.record["files"][f"{stored}.safetensors"]
        return found

    def require(self, levels: int, params: Tensors, mask: Tensors) -> None:
        """Raise ValueError unless there are levels 1, …, ``levels``, with the names and shapes of this network."""
        for name, (setting, _) in POINTS.items():
            if setting in self.runs and levels > 0:
                self._level(setting, levels)
                self._require_same(name, 1, mask if name == "donor mask" else params)

    def _require_same(self, name: str, level: int, own: Tensors) -> None:
        setting, _ = POINTS[name]
        given, where = self(name, level), f"level {level} of {str(self.runs[setting].path)!r} ({setting})"
        for parameter in sorted(given.keys() ^ own.keys()):
            lacks = "lacks" if parameter in own else "has"
            raise ValueError(f"Nothing can be borrowed from {where}: it {lacks} {parameter!r}, unlike this network.")
        for parameter, tensor in own.items():
            shapes = tuple(given[parameter].shape), tuple(tensor.shape)
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"Nothing can be borrowed from {where}: its {parameter!r} has shape {shapes[0]}, not {shapes[1]} as here."
                )

    def require_unchanged(self, run: Run) -> None:
        """Raise ValueError where a level that ``run`` has finished borrowed something else than the donors hold now."""
        for level in run.levels:
            now = self.digests(level.index)
            for setting, digest in level.record["borrowed"].items():
                if now[setting] != digest:
                    raise ValueError(
                        f"Level {level.index} of {str(self.runs[setting].path)!r} ({setting}) changed since the run in "
                        f"{str(run.path)!r} borrowed from it; choose another --out."
                    )

    def __call__(self, name: str, level: int, device: str = "cpu") -> Mapping[str, Tensor]:
        """ "donor mask" or "donor" of a level, as it was stored."""
        setting, stored = POINTS[name]
        return self._level(setting, level).tensors(stored, device)

    def _level(self, setting: str, level: int) -> StoredLevel:
        levels = self.levels[setting]
        if level >= len(levels):
            has = f"it has {len(levels)} finished levels" if levels else "it has none"
            raise ValueError(
                f"There is no level {level} to borrow from in {str(self.runs[setting].path)!r} ({setting}); {has}."
            )
        return levels[level]
