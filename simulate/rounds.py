"""Round after round of chunks on the same processes or cluster, where what a round does depends on those before."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from theory.cluster import connected
from theory.workers import pool

__all__ = ["lasting"]

T = TypeVar("T")
Run = Callable[[Callable[[Executor | None], T]], T]


@contextmanager
def lasting(workers: int, executor: Executor | str | None) -> Iterator[Run]:
    """``run(call)`` is ``call(executor)``: the one given, a cluster connected once, or ``workers`` processes that last.

    If one of these processes is lost, they all are given up, and ``call(None)`` does the round again with processes of its own,
    which are replaced one by one; ``call`` has to be idempotent.
    """
    own: Executor | None = None
    with connected(executor) as shared, ExitStack() as stack:

        def run(call: Callable[[Executor | None], T]) -> T:
            nonlocal own
            if shared is not None or workers == 1:
                return call(shared)
            own = stack.enter_context(pool(workers)) if own is None else own
            try:
                return call(own)
            except ChildProcessError:
                stack.close()
                own = None
                return call(None)

        yield run
