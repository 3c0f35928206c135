"""``python -m deep.run settings.json``: a run without the command line's parser."""

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(words: Sequence[str]) -> int:
    """Run the settings in a JSON file; bad input ends with one sentence and exit status 2.

    With a run's own run.json that run goes on, in its folder.
    """
    from deep.config import folder_of
    from deep.runs import run
    from theory.console import read_json

    try:
        if len(words) != 1:
            raise ValueError("Usage: python -m deep.run settings.json")
        settings = read_json(words[0])
        print(run(folder_of(words[0]) | settings if isinstance(settings, dict) else settings))
    except (ValueError, OSError) as error:
        print(f"deep.run: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
