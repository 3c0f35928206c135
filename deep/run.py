"""``python -m deep.run settings.json``: a run without the command line's parser."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run the settings in a JSON file (a run's own run.json serves); bad input ends with one sentence and exit status 2."""
    from deep.runs import run
    from theory.console import read_json

    try:
        if len(words) != 1:
            raise ValueError("Usage: python -m deep.run settings.json")
        print(run(read_json(words[0])))
    except (ValueError, OSError) as error:
        print(f"deep.run: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
