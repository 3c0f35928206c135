"""Local worker processes for any of the packages, gone with their parent however that ends, and tasks that outlive them."""

import multiprocessing
import multiprocessing.process
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from typing import Any

__all__ = ["LOSSES", "Pool", "completed", "pool"]

Task = tuple[Any, tuple[Any, ...]]

LOSSES = 4
"""Times that a task may lose its worker; after two it is done alone, so that no other task takes the blame."""


class Pool(Executor):
    """Processes that can be started anew, all of them, after one was killed; until then every task fails."""

    def __init__(self, workers: int):
        self.parallel = workers
        self.processes = self._started()

    def _started(self) -> ProcessPoolExecutor:
        spawned = multiprocessing.get_context("spawn")  # a fork would break torch's threads
        return ProcessPoolExecutor(self.parallel, spawned, initializer=_end_with_parent)

    def restart(self) -> None:
        """New processes in place of those that are left."""
        self.shutdown(cancel_futures=True)
        self.processes = self._started()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn`` in one of the processes."""
        return self.processes.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes once they have finished what they are at."""
        self.processes.shutdown(wait, cancel_futures=cancel_futures)


@contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """An executor of ``workers`` processes of its own; what still waits at the end is cancelled."""
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers is a whole number of at least 1, not {workers!r}.")
    executor = Pool(workers)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def completed(
    work: Callable[..., Any], tasks: Iterable[Task], *, workers: int = 1, executor: Executor | None = None
) -> Generator[tuple[Any, Any]]:
    """(name, work(*arguments)) of each task (name, arguments) as it ends, on ``workers`` processes or ``executor``.

    Results come in any order, and only a few tasks a worker are under way at a time, so nothing piles up. Where a process of a
    ``pool`` is killed, all are replaced, and what they were doing is done again: ``work`` has to be idempotent.
    ChildProcessError after ``LOSSES`` such losses by one task, or if another executor breaks.

    >>> sorted(completed(abs, [("x", (-2,)), ("y", (3,))]))
    [('x', 2), ('y', 3)]
    """
    if executor is None and workers == 1:
        for name, arguments in tasks:
            yield name, work(*arguments)
        return
    queue = _Queue(tasks)
    with pool(workers) if executor is None else nullcontext(executor) as those:
        yield from _run(work, queue, those)
        while queue:
            if not isinstance(those, Pool):
                raise ChildProcessError(f"The executor broke, with {queue.name} under way; what was finished stays.")
            those.restart()
            yield from _run(work, queue, those)


class _Queue:
    """Tasks to be done: first those that have lost a worker."""

    def __init__(self, tasks: Iterable[Task]):
        self.new, self.again, self.losses, self.flying = iter(tasks), deque[Task](), Counter[Any](), dict[Future[Any], Task]()

    def __bool__(self) -> bool:
        if not self.again:
            self.again.extend(task for task in [next(self.new, None)] if task is not None)
        return bool(self.again)

    @property
    def name(self) -> Any:
        """What is to be done next."""
        return self.again[0][0]

    def ready(self, most: int) -> bool:
        """May the next task start beside those under way? A suspect is done alone."""
        if len(self.flying) >= most or not self:
            return False
        suspects = [self.name, *(name for name, _ in self.flying.values())]
        return not self.flying or all(self.losses[name] < 2 for name in suspects)

    def start(self, work: Callable[..., Any], executor: Executor) -> None:
        """The next task."""
        _, arguments = self.again[0]
        future = executor.submit(work, *arguments)  # which a broken executor refuses: then the task is still to be done
        self.flying[future] = self.again.popleft()

    def lose(self) -> None:
        """All that is under way has lost its worker."""
        for task in self.flying.values():
            self.losses[task[0]] += 1
            if self.losses[task[0]] >= LOSSES:
                lost = f"{LOSSES} worker processes were lost on {task[0]}: killed, or crashed (out of memory?)"
                raise ChildProcessError(f"{lost}; what was finished stays.") from None
        self.again.extendleft(reversed(self.flying.values()))
        self.flying.clear()


def _run(work: Callable[..., Any], queue: _Queue, executor: Executor) -> Generator[tuple[Any, Any]]:
    """Results until nothing is left, or the executor breaks: then what was under way is in the queue again."""
    try:
        while queue.flying or queue:
            while queue.ready(2 * _parallel(executor)):
                queue.start(work, executor)
            for future in wait(queue.flying, return_when=FIRST_COMPLETED).done:
                result = future.result()
                yield queue.flying.pop(future)[0], result
    except BrokenExecutor:
        for future in [f for f in queue.flying if f.done() and not f.cancelled() and f.exception() is None]:
            yield queue.flying.pop(future)[0], future.result()
        queue.lose()
    finally:
        for future in queue.flying:
            future.cancel()


def _parallel(executor: Executor) -> int:
    """How many tasks the executor does at a time; a guess where it does not tell."""
    return getattr(executor, "parallel", None) or getattr(executor, "_max_workers", None) or 64


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
