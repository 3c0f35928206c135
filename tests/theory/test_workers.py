"""Tasks on processes or executors: every result once, few under way at a time, and those of lost workers again."""

from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor

import pytest

from theory.workers import LOSSES, Pool, completed, pool


def squares(count):
    return ((i, (i,)) for i in range(count))


def square(i):
    return i * i


@pytest.mark.parametrize("workers", [1, 2])
def test_every_result_comes_once(workers):
    found = list(completed(square, squares(30), workers=workers))
    assert sorted(found) == [(i, i * i) for i in range(30)]
    assert list(completed(square, [], workers=workers)) == []


def test_few_tasks_are_under_way_at_a_time():
    taken, done = [], []
    tasks = ((taken.append(i) or i, (i,)) for i in range(50))
    with ThreadPoolExecutor(2) as threads:
        for name, _ in completed(square, tasks, executor=threads):
            done.append(name)
            assert len(taken) - len(done) <= 2 * 2
    assert sorted(done) == list(range(50))


def test_an_error_of_the_work_comes_through_and_ends_all():
    def work(i):
        if i == 3:
            raise KeyError(i)
        return i

    with ThreadPoolExecutor(2) as threads, pytest.raises(KeyError):
        list(completed(work, squares(1000), executor=threads))


class Fragile(Pool):
    """A pool that breaks whenever it starts a task that ``kills`` names, as often as that says."""

    def __init__(self, kills):
        self.kills, self.parallel, self.restarts, self.broken = dict(kills), 2, 0, False

    def restart(self):
        self.restarts, self.broken = self.restarts + 1, False

    def submit(self, fn, /, *arguments):
        if self.broken:
            raise BrokenExecutor
        future = Future()
        if self.kills.get(arguments[0], 0) > 0:
            self.kills[arguments[0]] -= 1
            self.broken = True
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(fn(*arguments))
        return future


@pytest.mark.parametrize("kills", [{5: 1}, {0: 1, 7: 2}, {19: LOSSES - 1}, {3: LOSSES - 1, 4: LOSSES - 1}])
def test_lost_tasks_are_done_again(kills):
    fragile = Fragile(kills)
    assert sorted(completed(square, squares(20), executor=fragile)) == [(i, i * i) for i in range(20)]
    assert fragile.restarts == sum(kills.values())


def test_the_one_to_blame_is_named_and_the_others_are_done():
    fragile, done = Fragile({6: 99}), []
    with pytest.raises(ChildProcessError, match=rf"^{LOSSES} worker processes were lost on 6:"):
        done.extend(name for name, _ in completed(square, squares(20), executor=fragile) if done.append(name) is None)
    assert set(range(6)) <= set(done)
    assert 6 not in done
    assert fragile.restarts == LOSSES - 1


def test_an_executor_that_cannot_start_again_is_reported():
    class Broken(Executor):
        def submit(self, fn, /, *arguments):
            raise BrokenExecutor

    with pytest.raises(ChildProcessError, match="executor broke, with 0 under way"):
        list(completed(square, squares(3), executor=Broken()))


@pytest.mark.parametrize("workers", [0, True, 2.0, "2"])
def test_refuses_numbers_of_workers(workers):
    with pytest.raises(ValueError, match=str(workers)), pool(workers):
        pass
