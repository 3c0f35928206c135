"""``python -m deep.run settings.json``: a run or a sweep without the command line's parser."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run the settings in a JSON file; bad input ends with one sentence and exit status 2.

    With a run's own run.json that run goes on, in its folder, with a sweep.json that sweep. Settings with "seeds", "workers" or
    a list of algorithms are a sweep's.
    """
    from deep.config import folder_of
    from deep.distributed import joined
    from theory.console import read_json

    try:
        if len(words) != 1:
            raise ValueError("Usage: python -m deep.run settings.json")
        with joined() as world:
            settings = read_json(words[0])
            paths = _resumed(words[0]) or _paths(folder_of(words[0]) | settings if isinstance(settings, dict) else settings)
        for path in paths if world.rank == 0 else ():
            print(path)
    except (ValueError, OSError) as error:
        print(f"deep.run: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _resumed(path: str) -> list[Any]:
    """The folders of the sweep whose record this is."""
    from deep.config import is_sweep_record
    from deep.sweeps import resume

    return resume(Path(path).parent) if is_sweep_record(path) else []


def _paths(settings: Any) -> list[Any]:
    """The folders of the run or sweep."""
    from deep.config import Training
    from deep.runs import run
    from deep.sweeps import sweep
    from theory.console import from_mapping

    if not isinstance(settings, dict) or not (settings.keys() & SWEEP or isinstance(settings.get("algorithm"), list)):
        return [run(settings)]
    own = {name: settings[name] for name in ("seeds", "workers") if name in settings}
    algorithms = settings.get("algorithm", "LRR")
    training = {name: value for name, value in settings.items() if name not in SWEEP | {"algorithm"}}
    return sweep(from_mapping(Training, training), algorithms if isinstance(algorithms, list) else [algorithms], **own)


SWEEP = {"seeds", "workers"}
"""Settings that only a sweep has."""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
