"""A Dask cluster as an executor: ``with connected("tcp://head:8786") as executor: …``.

Whoever starts the scheduler and the workers (dask-jobqueue on Slurm, ``dask scheduler`` by hand) ends them too. A task whose
worker is lost is done again by another one: Dask sees to that, and gives up after several losses.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from typing import Any

__all__ = ["WAIT", "Dask", "connected"]

WAIT = 10.0
"""Seconds to wait for a scheduler to answer."""


class Dask(Executor):
    """The workers of a ``distributed.Client`` as an executor that knows how many threads they have at the moment."""

    def __init__(self, client: Any):
        self.client, self.executor = client, client.get_executor(pure=False)

    @property
    def parallel(self) -> int:
        """Threads of all workers, at least one: tasks wait for the first worker to come."""
        return max(1, sum(self.client.nthreads().values()))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args)`` on one of the workers."""
        return self.executor.submit(fn, *args, **kwargs)


@contextmanager
def connected(executor: Executor | str | None) -> Iterator[Executor | None]:
    """An executor as it is, or the Dask cluster at an address such as ``tcp://head:8786``.

    ModuleNotFoundError without Dask, ValueError where no scheduler answers within ``WAIT`` seconds, ChildProcessError where
    it is lost, or loses several workers on the same task; each in one sentence.
    """
    if not isinstance(executor, str):
        yield executor
        return
    try:
        from distributed import KilledWorker
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The cluster {executor!r} needs Dask: pip install 'signescape[cluster]'.", name=error.name
        ) from None
    with _quiet(), _client(executor) as client:
        try:
            yield Dask(client)
        except KilledWorker as error:
            lost = f"A task has lost {error.allowed_failures + 1} workers of the cluster {executor!r}"
            raise ChildProcessError(f"{lost} (killed, or out of memory?); what was finished stays.") from None
        except CancelledError:
            raise ChildProcessError(f"The cluster {executor!r} was lost; what was finished stays.") from None


def _client(address: str) -> Any:
    """The client of a scheduler, made in a thread: its own time limit does not hold where the other side says nothing."""
    from distributed import Client

    found: list[Any] = []

    def connect() -> None:
        try:
            found.append(Client(address, timeout=WAIT, set_as_default=False))
        except Exception as error:  # whatever stands at that address may answer anything
            found.append(" ".join(str(error).split()).rstrip(".") or type(error).__name__)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(WAIT + 1)
    answer = found[0] if found else "it accepts the connection and says nothing"
    if isinstance(answer, str):
        raise ValueError(f"No Dask scheduler answers at {address!r}: {answer:.200}.")
    return answer


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the pages that Dask logs where one sentence is raised."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
