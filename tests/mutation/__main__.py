"""``python -m tests.mutation``: puts every mutant of the limit maps to the tests and stores what became of it.

--module NAME     only this module (theory.times)
--sample N        N mutants, spread evenly over all; nothing is stored
--quick           only the first file of tests of each module
--again           those that survived before, and what is new
--minutes M       stop after M minutes; the next call goes on
--state FILE      where verdicts are kept between calls
--store           write theory/results/code-mutants.json from the verdicts
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from .runner import ROOT, all_mutants, copied, judge_all, source
from .mutants import digest
from .targets import TARGETS

RESULT = ROOT / "theory/results/code-mutants.json"
EQUIVALENT = Path(__file__).with_name("equivalent.json")


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.split("\n")[0].split(": ")[1])
    parser.add_argument("--module")
    parser.add_argument("--only", default="")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--state", type=Path, default=Path("/tmp/code-mutants.json"))
    parser.add_argument("--store", action="store_true")
    run(parser.parse_args())


def run(options: argparse.Namespace) -> None:
    end = time.monotonic() + 60 * options.minutes
    state: dict[str, Any] = json.loads(options.state.read_text()) if options.state.exists() else {}
    with copied() as root:
        tasks = [(t, m) for t, m in all_mutants(root) if options.module in (None, t.module)]
        tasks = [(t, m) for t, m in tasks if options.only in m.name]
        todo = [
            (t, m)
            for t, m in tasks
            if f"{t.module}.{m.name}" not in state or (options.again and state[f"{t.module}.{m.name}"] is None)
        ]
        if options.sample:
            todo = todo[:: max(1, len(todo) // options.sample)][: options.sample]
        print(len(tasks), "mutants,", len(todo), "to do", flush=True)
        n = 0
        start = time.time()
        for (t, m), by in judge_all(root, todo, options.workers, options.quick):
            state[f"{t.module}.{m.name}"] = by
            n += 1
            if by is None:
                print("SURVIVED", t.module, m.line, m.name, flush=True)
            if n % 20 == 0:
                options.state.write_text(json.dumps(state, ensure_ascii=False, indent=0))
            if time.monotonic() > end:
                break
        options.state.write_text(json.dumps(state, ensure_ascii=False, indent=0))
        print(n, "done in", round(time.time() - start), "s")


main()
