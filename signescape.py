"""The command ``signescape``: proofs, simulations, deep experiments, figures and the report, each imported only when asked for.

Usage: signescape COMMAND [OPTIONS]

  verify     check the claims T1, T2, … of the theory
  simulate   estimate the same statements by Monte Carlo: trials, estimate, phase-diagram, agree
  deep       run the same algorithms on networks: run, list, show, compare, resume, pack, unpack
  figures    draw the paper's figures from stored results
  report     all of it in one self-contained page

`signescape COMMAND --help` lists the options of each. --json prints one JSON document on standard output (progress goes to
standard error); the exit status is 0 only when the command did what was asked.
"""

import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = {
    "verify": "theory.cli",
    "simulate": "simulate.cli",
    "deep": "deep.cli",
    "figures": "paper_figs.cli",
    "report": "paper_figs.cli",
}
EXTRAS = {
    **dict.fromkeys(("xarray", "zarr", "threadpoolctl", "numba"), "simulate"),
    **dict.fromkeys(("torch", "safetensors", "sklearn", "PIL", "pooch"), "deep"),
    "matplotlib": "figures",
    "distributed": "cluster",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; bad input ends with one sentence and exit status 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print((__doc__ or "").strip())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        return _refuse(f"Unknown command {words[0]!r}; the commands are {', '.join(COMMANDS)}.")
    sys.path.append(os.getcwd())  # where a user's own module:OBJECT lies
    try:
        return importlib.import_module(COMMANDS[words[0]]).main(words)
    except KeyboardInterrupt:
        stored = words[0] in ("deep", "report") or "--out" in words
        return _refuse(f"Interrupted{'; the same command goes on from what was finished' if stored else ''}.", 130)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return _refuse(f"{words[0]!r} needs {error.name}, which is not installed: pip install 'signescape[{extra}]'.")
    except (ValueError, OSError) as error:
        return _refuse(str(error))


def _refuse(sentence: str, status: int = 2) -> int:
    print(f"signescape: {' '.join(sentence.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
