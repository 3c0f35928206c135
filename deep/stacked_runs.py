"""Several runs whose networks are trained together: each is the ordinary code of ``deep.run``, only their trainings meet.

Every run works in a thread of its own, one at a time: it reads its folder, prunes, rewinds, stores, until it wants a level
trained. When all of them have got there, those levels are trained together, and each goes on with its own points. So a run
folder is what ``deep.run`` makes of it (files, rows, flips, checkpoints, borrowed masks), runs may stand at different levels,
and one that diverges or whose level can't be stored ends alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from .config import Config
from .data import Data, load
from .runs import run, served
from .stacked_trainer import Lane, Points, Stacks, Start, train_together
from .trainer import Diverged, engine

__all__ = ["require_stackable", "run_together"]


def run_together(configs: Sequence[Config], dense: Sequence[Path | str | None] = ()) -> list[Path | Diverged]:
    """``deep.run`` for each of ``configs``, trained together; ``dense``: for each the run whose level 0 it takes over, or None.

    Returns the run folders, or how a run diverged, in order. Any other error of a run is raised when the others have ended.
    ``config.together`` says how many networks a stack has where their number decides on bits, not how many runs there may be.
    """
    data: dict[tuple[int, str], Data] = {}
    for config in configs:
        if (config.seed, config.data) not in data:
            data[config.seed, config.data] = load(config)
    with engine(configs[0]):
        lanes = [Lane(config, data[config.seed, config.data], served(config)) for config in configs]
        shared = list(dense) or [None] * len(configs)
        runs = [_Run(*its) for its in zip(lanes, configs, shared, strict=True)]
        _drive(runs, Stacks(configs[0], lanes[0].data))
    return [result for r in runs if (result := r.result()) is not None]


def require_stackable(config: Config) -> None:
    """Raise ValueError where networks like this one can't be trained together."""
    data = load(config)
    with engine(config):
        Lane(config, data)
        Stacks(config, data)(1)


def _drive(runs: Sequence["_Run"], stacks: Stacks) -> None:
    try:
        for r in runs:
            r.go_on()
        while waiting := [(r, r.wants) for r in runs if r.wants is not None]:
            results = train_together([r.lane for r, _ in waiting], [start for _, start in waiting], stacks)
            for (r, _), result in zip(waiting, results, strict=True):
                r.go_on(result)
    except BaseException as error:
        for r in runs:
            while r.wants is not None:
                r.go_on(error)
        raise


class _Run:
    """A run in a thread of its own. ``wants``: the level that it waits for; None before it begins and once it has ended."""

    def __init__(self, lane: Lane, config: Config, dense: Path | str | None):
        self.lane = lane
        self.wants: Start | None = None
        self._questions: SimpleQueue[Start | None] = SimpleQueue()
        self._answers: SimpleQueue[Points | BaseException] = SimpleQueue()
        self._end: Path | BaseException | None = None
        self._thread = Thread(target=self._work, args=(lambda: run(config, dense, quiet=True, trainer=lane),), daemon=True)
        lane.meet = self._meet

    def go_on(self, answer: Points | BaseException | None = None) -> None:
        """Let it work, with the level it waited for, until it wants the next or ends."""
        if answer is None:
            self._thread.start()
        else:
            self._answers.put(answer)
        self.wants = self._questions.get()

    def result(self) -> Path | Diverged | None:
        """How it ended; raises what it raised, but for ``Diverged``."""
        self._thread.join()
        if isinstance(self._end, BaseException) and not isinstance(self._end, Diverged):
            raise self._end
        return self._end

    def _work(self, work: Callable[[], Path]) -> None:
        try:
            self._end = work()
        except BaseException as error:
            self._end = error
        self._questions.put(None)

    def _meet(self, lane: Lane, start: Start) -> Points:
        self._questions.put(start)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer
