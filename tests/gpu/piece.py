"""A sweep in pieces: on a machine that is lent for minutes, and of which only a few files of 16 MiB outlive a command.

    python -m tests.gpu.piece SETTINGS.json --packs PACKS --out OUT --seconds 480

unpacks what an earlier piece left in PACKS (if anything), goes on with the sweep of SETTINGS for so many seconds, kills it
wherever it is (runs resume to the same bits inside a level), and leaves in OUT: the sweep, packed (sweep.pack, or its pieces),
and table.json, the metrics so far with their provenance. Exit status 0 when the sweep is finished, 3 when another piece is due.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import signescape

__all__ = ["main", "piece"]

UNFINISHED = 3


def main(words: Sequence[str]) -> int:
    """One piece."""
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.piece")
    parser.add_argument("settings", type=Path)
    parser.add_argument("--packs", type=Path, required=True, help="folder that may hold the packs of the piece before")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=480.0)
    options = parser.parse_args(words)
    return piece(options.settings, options.packs, options.out, options.seconds)


def piece(settings: Path, packs: Path, out: Path, seconds: float) -> int:
    """Go on with the sweep of ``settings`` for so many seconds; 0 when it is finished, else ``UNFINISHED``."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "sweep"
        if found := sorted(packs.glob("sweep.pack*")):
            deep("unpack", str(found[0]), "--out", str(folder))
        own = Path(scratch) / "settings.json"
        own.write_text(json.dumps(json.loads(settings.read_text()) | {"out": str(folder)}))
        finished = within(seconds, [sys.executable, "-m", "deep.run", str(own)])
        if not any(folder.glob("*/seed-*/run.json")):  # cut off before anything was stored
            return UNFINISHED
        deep("show", str(folder), "--out", str(out / "table.json"))
        deep("pack", str(folder), "--pieces", "--out", str(out / "sweep.pack"))
    return 0 if finished else UNFINISHED


def within(seconds: float, command: list[str]) -> bool:
    """Did the command end by itself, well, within the time? RuntimeError where it failed."""
    with subprocess.Popen(command) as process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return False
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with exit status {status}.")
    return True


def deep(*words: str) -> None:
    """A command of ``signescape deep``."""
    if status := signescape.main(["deep", *words]):
        raise RuntimeError(f"signescape deep {' '.join(words)} ended with exit status {status}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
