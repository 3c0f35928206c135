"""Rounds on processes that last, and on others where one of them was lost."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from simulate.rounds import lasting
from simulate.store import Chunk, chunks


def work(folder, number):
    """The process that does it; the first one to come to number 3 is killed in the middle."""
    if number == 3 and not (Path(folder) / "died").exists():
        (Path(folder) / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"number": np.array(number), "process": np.array(os.getpid())}


def one_round(folder, numbers, workers=2):
    todo = [Chunk(str(i), 1, (str(folder), i)) for i in numbers]

    def call(executor):
        return list(chunks(work, todo, workers=workers, executor=executor))

    return call


def processes(found):
    return {int(arrays["process"]) for _, arrays in found}


def test_rounds_share_processes_and_outlive_one_that_is_killed(tmp_path):
    with lasting(2, None) as run:
        first = run(one_round(tmp_path, [1, 2]))
        second = run(one_round(tmp_path, [1, 2]))
        assert processes(first) & processes(second)
        third = run(one_round(tmp_path, range(8)))
        assert sorted(int(arrays["number"]) for _, arrays in third) == list(range(8))
        assert (tmp_path / "died").exists()
        fourth = run(one_round(tmp_path, [3, 4]))
        assert not processes(fourth) & processes(first)
    assert os.getpid() not in processes(first) | processes(third) | processes(fourth)


def test_one_worker_is_this_process_and_a_given_executor_is_used(tmp_path):
    with lasting(1, None) as run:
        assert processes(run(one_round(tmp_path, [1, 2], 1))) == {os.getpid()}
    seen = []

    def fails(executor):
        seen.append(executor)
        raise ChildProcessError

    with ThreadPoolExecutor(1) as own, lasting(2, own) as run, pytest.raises(ChildProcessError):
        run(fails)
    assert seen == [own]
