"""``python -m tests.mutation``: puts the mutants of the limit maps to the tests, and stores what became of them.

Modules whose mutated functions are as they were when theory/results/code-mutants.json was stored keep their result, unless they
had survivors. Verdicts are kept from call to call, so that an interrupted run goes on; about one second a mutant.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from .report import RESULT, document, equivalents, key, killers, present, stored
from .runner import ROOT, Task, all_mutants, copied, judge_all, tests_digest
from .targets import TARGETS, Target

__all__ = ["main"]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.split("\n\n")[1])
    parser.add_argument("--module", help="only this one, e.g. theory.times; nothing is stored")
    parser.add_argument("--all", action="store_true", help="modules that have not changed as well")
    parser.add_argument("--sample", type=int, default=0, help="print the verdicts of so many, spread evenly; nothing is stored")
    parser.add_argument("--quick", action="store_true", help="only the first file of tests; nothing is stored")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop then; the next call goes on")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--state", type=Path, default=ROOT / "build/code-mutants.jsonl", help="where verdicts are kept")
    options = parser.parse_args()
    with copied() as root:
        if options.sample:
            sample(root, options)
        else:
            run(root, options)


def sample(root: Path, options: argparse.Namespace) -> None:
    """Print what becomes of some mutants, of an equivalent one and of the sources without any; and the sources' digests."""
    reasons, everything = equivalents(), list(all_mutants(root))
    tasks: list[Task] = [(t, m) for t, m in everything if key(t, m) not in reasons]
    tasks = tasks[:: len(tasks) // options.sample][: options.sample]
    harmless: list[Task] = [next((t, m) for t, m in everything if key(t, m) in reasons), (TARGETS[-1], None)]
    found = {key(t, m): by for (t, m), by in judge_all(root, tasks, options.workers, killers=killers())}
    controls = {key(t, m): by for (t, m), by in judge_all(root, harmless, options.workers, quick=True)}
    print(json.dumps({"verdicts": found, "controls": controls, "present": present(root)}, ensure_ascii=False, indent=1))


def run(root: Path, options: argparse.Namespace) -> None:
    """Judge what has no verdict yet, show the survivors, and store the result once all are judged."""
    now, before, reasons = present(root), stored()["data"]["modules"], equivalents()
    modules = [t for t in TARGETS if _wanted(t, now[t.module], before.get(t.module), options)]
    wanted = [(t, m) for t, m in all_mutants(root) if t in modules]
    names = {(t, m): f"{now[t.module]['digest']} {key(t, m)}" for t, m in wanted}
    survived = {t: f"survived {tests_digest(root, t)}{' quick' * options.quick}" for t in modules}
    state = _verdicts(options.state)
    todo: list[Task] = [(t, m) for t, m in wanted if not _settled(state.get(names[t, m]), survived[t])]
    print(f"{len(wanted)} mutants of {', '.join(t.module for t in modules) or 'nothing'}; {len(todo)} to judge.", flush=True)
    end, left = time.monotonic() + 60 * options.minutes, len(todo)
    options.state.parent.mkdir(parents=True, exist_ok=True)
    _control(root, [t for t in modules if any(t == judged for judged, _ in todo)], options)
    with open(options.state, "a", encoding="utf-8") as file:
        for (t, m), by in judge_all(root, todo, options.workers, options.quick, killers()):
            assert m is not None
            state[names[t, m]] = by or survived[t]  # which counts until the tests change
            file.write(json.dumps([names[t, m], by or survived[t]], ensure_ascii=False) + "\n")
            file.flush()
            left -= 1
            if by is None and key(t, m) not in reasons:
                print(f"SURVIVED line {m.line} {key(t, m)}", flush=True)
            if left and time.monotonic() > end:
                print(f"{left} are left for the next call.")
                return
    if not (options.quick or options.module):
        found = {(t.module, m.name): None if state[names[t, m]] == survived[t] else state[names[t, m]] for t, m in wanted}
        document(root, found, before)
        print(f"Stored: {RESULT.relative_to(ROOT)}")


def _wanted(target: Target, now: dict[str, Any], before: dict[str, Any] | None, options: argparse.Namespace) -> bool:
    if options.module or options.all or before is None:
        return options.module in (None, target.module)
    listed = {name for name in equivalents() if name.startswith(f"{target.module}.")}
    same = {f"{target.module}.{name}" for name in before["equivalent"]} == listed and not before["survived"]
    return not (same and before["digest"] == now["digest"])


def _settled(said: str | None, survived: str) -> bool:
    return said is not None and (said == survived or not said.startswith("survived "))


def _control(root: Path, targets: list[Target], options: argparse.Namespace) -> None:
    """Without a mutant the tests have to pass."""
    controls: list[Task] = [(t, None) for t in targets]
    for (target, _), by in judge_all(root, controls, options.workers, options.quick):
        if by is not None:
            raise SystemExit(f"The tests of {target.module} fail without any mutant: {by}.")


def _verdicts(path: Path) -> dict[str, Any]:
    return dict(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()) if path.exists() else {}


if __name__ == "__main__":
    main()
