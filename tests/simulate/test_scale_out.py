"""One result, bit for bit: any number of workers and chunks, processes or a Dask cluster, workers or the run itself killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import signescape
import simulate
from simulate import store
from theory.workers import LOSSES, pool

ROOT = Path(__file__).parents[2]
TRIALS = {"n": 30, "d": 3, "sigma": 0.3, "t": 20.0, "trials": 24, "algorithms": ("IMP", "deadly:LAW"), "init": "bounded"}
DIAGRAM = {"n": 20, "d": 2, "sigma": 0.1, "t": 10.0, "trials": 3, "algorithms": ("LRR", "deadly:LAW")}
AXES = {"a0": [-1.0, 0.5, 1.0], "w1": [-0.5, 0.5], "sigma": [0.1, 0.4]}
MODULE = '''
import os, signal
from pathlib import Path
from theory.algorithms import Algorithm
from theory.criteria import Criterion

def size(final):
    """The magnitude; first, a mark beside this file kills the process that finds it, and only that."""
    for mark in sorted(Path(__file__).parent.glob("kill*")):
        try:
            mark.unlink()
        except FileNotFoundError:
            continue
        os.kill(os.getpid(), signal.SIGKILL)
    return abs(final)

LAW = Algorithm("deadly", criterion=Criterion("size", ("final",), size))
'''
CLUSTER = """
import time
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the module ``deadly`` lies, whose marks kill."""
    path = tmp_path_factory.mktemp("deadly")
    (path / "deadly.py").write_text(MODULE)
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))


@pytest.fixture(scope="module")
def expected(folder):
    """Both results by one process in one chunk."""
    return both(chunk=1000)


@pytest.fixture(scope="module")
def cluster(folder):
    """The address of a cluster of two worker processes."""
    pytest.importorskip("distributed")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    words = [sys.executable, "-c", CLUSTER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, env=environment, text=True, **pipes) as process:
        yield process.stdout.readline().strip()
        process.communicate("\n")


def both(executor=None, **more):
    first = simulate.trials({**TRIALS, **more}, executor=executor)
    return first.drop_attrs(), simulate.phase_diagram({**DIAGRAM, **more}, AXES, executor=executor).drop_attrs()


def same(found, expected):
    return all(x.identical(y) for x, y in zip(found, expected, strict=True))


def marks(folder, count):
    for i in range(count):
        (folder / f"kill{i}").touch()


def left(folder):
    return len(list(folder.glob("kill*")))


def test_chunks_of_one_and_of_all(expected):
    assert same(both(chunk=1), expected)
    assert same(both(), expected)


@pytest.mark.parametrize("workers", [2, 7])
def test_processes(workers, expected):
    with pool(workers) as executor:
        assert same(both(executor, chunk=1), expected)
        assert same(both(executor, chunk=1000), expected)


@pytest.mark.parametrize("engine", ["active-set", "flow"])
def test_processes_with_compiled_engines(engine, folder):
    pytest.importorskip("numba")
    alone = both(engine=engine, chunk=1000)
    marks(folder, 1)
    assert same(both(engine=engine, chunk=4, workers=2), alone)
    assert left(folder) == 0


def test_a_killed_worker_changes_nothing(folder, expected):
    marks(folder, 2)
    assert same(both(chunk=3, workers=2), expected)
    assert left(folder) == 0


def test_a_chunk_that_kills_every_worker_is_named(folder, tmp_path):
    """Twice beside the other, then alone; the next run goes on."""
    marks(folder, LOSSES)
    two, out = {**TRIALS, "trials": 2, "chunk": 1}, tmp_path / "r.zarr"
    sentence = rf"^{LOSSES} worker processes were lost on chunk '000000000-000000001': killed, .*; what was finished stays\.$"
    with pool(1) as executor, pytest.raises(ChildProcessError, match=sentence):
        simulate.trials(two, out=out, executor=executor)
    assert left(folder) == 0
    assert simulate.trials(two, out=out).drop_attrs().identical(simulate.trials(two).drop_attrs())


def test_an_executor_of_ones_own_may_break(folder, expected):
    with ThreadPoolExecutor(3) as threads:
        assert same(both(threads, chunk=2), expected)
    marks(folder, 1)
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as executor,
        pytest.raises(ChildProcessError, match="executor broke, with chunk '0000"),
    ):
        both(executor, chunk=5)
    assert left(folder) == 0


def test_a_cluster(folder, cluster, expected):
    assert same(both(cluster, chunk=1), expected)
    marks(folder, 1)
    assert same(both(cluster, chunk=6), expected)
    assert left(folder) == 0


def test_a_chunk_that_kills_every_worker_of_a_cluster(folder, cluster):
    marks(folder, 9)
    with pytest.raises(ChildProcessError, match=r"A task has lost \d workers of the cluster 'tcp:"):
        simulate.trials({**TRIALS, "trials": 1}, executor=cluster)
    for mark in folder.glob("kill*"):
        mark.unlink()


def test_the_command_computes_on_a_cluster(cluster, capsys):
    words = ["simulate", "trials", "--n", "20", "--d", "2", "--t", "5", "--trials", "4", "--json"]
    assert signescape.main([*words, "--cluster", cluster]) == 0
    there = json.loads(capsys.readouterr().out)
    assert signescape.main(words) == 0
    assert json.loads(capsys.readouterr().out) == there


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("tcp://127.0.0.1:1", "No Dask scheduler answers at"), ("head", "missing port"), ("mute", "says nothing")],
)
def test_no_cluster_there(address, sentence, monkeypatch, capsys):
    pytest.importorskip("distributed")
    import socket

    monkeypatch.setattr("theory.cluster.WAIT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}" if address == "mute" else address
        assert signescape.main(["simulate", "trials", "--trials", "1", "--t", "1", "--cluster", address]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len([line for line in err if sentence in line]) == 1
    assert sentence in err[-1]


def test_no_dask(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert signescape.main(["simulate", "trials", "--trials", "1", "--t", "1", "--cluster", "tcp://127.0.0.1:1"]) == 2
    assert "pip install 'signescape[cluster]'" in capsys.readouterr().err


COMMANDS = {
    "trials": ["--trials", "40", "--workers", "2"],
    "phase-diagram": ["--trials", "4", "--axes", "a0=-1,0.5,1", "w1=-0.5,0.2,0.4,0.5"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_killed_at_any_moment_goes_on(command, tmp_path):
    """Killed a random while after it has stored a chunk, twice, then left alone."""
    out, rng = tmp_path / "r.zarr", np.random.default_rng(len(command))
    words = [*command.split(), *COMMANDS[command], *["--n", "100", "--d", "2", "--t", "200", "--chunk", "1"], "--out", str(out)]

    def stored():
        return len(list(tmp_path.glob("r.zarr.parts/0*.npz")))

    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "signescape", "simulate", *words],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        before, deadline = stored(), time.monotonic() + 50
        while stored() == before and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not out.exists()
    config = {"n": 100, "d": 2, "t": 200.0, "chunk": 1}
    if command == "trials":
        config |= {"trials": 40}
        found, whole = simulate.trials(config, out=out), simulate.trials({**config, "chunk": 99})
    else:
        config |= {"trials": 4, "axes": {"a0": [-1, 0.5, 1], "w1": [-0.5, 0.2, 0.4, 0.5]}}
        found, whole = simulate.phase_diagram(config, out=out), simulate.phase_diagram({**config, "chunk": 99})
    assert found.drop_attrs().identical(whole.drop_attrs())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.zarr"]


def slowly(monkeypatch, seconds):
    """Results come to be stored only after a while."""
    real = store._save
    monkeypatch.setattr(store, "_save", lambda *rest: (time.sleep(seconds), real(*rest)))


def test_only_one_run_writes(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    slowly(monkeypatch, 1.0)
    few = {"n": 20, "d": 2, "t": 2.0, "trials": 4}
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(simulate.trials, few, out=tmp_path / "r.zarr")
        while not (tmp_path / "r.zarr.parts" / "settings.json").exists():
            time.sleep(0.01)
        with pytest.raises(ValueError, match=r"Another run is writing to '.*r\.zarr\.parts'\.$"):
            simulate.trials(few, out=tmp_path / "r.zarr")
        assert first.result().identical(simulate.load(tmp_path / "r.zarr"))


def test_two_runs_without_locks_end_with_one_result(tmp_path, monkeypatch):
    """Both get as far as writing the result, as on a file system that has no locks."""
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError("no locks")))
    at_once, real = threading.Barrier(2), store._save
    monkeypatch.setattr(store, "_save", lambda result, out, parts: (at_once.wait(10), real(result, out, parts)))
    few = {"n": 20, "d": 2, "t": 2.0, "trials": 4, "chunk": 1}
    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(simulate.trials, few, out=tmp_path / "r.zarr") for _ in range(2)]
        assert all(one.result().drop_attrs().identical(simulate.trials(few).drop_attrs()) for one in found)
    assert simulate.load(tmp_path / "r.zarr").drop_attrs().identical(simulate.trials(few).drop_attrs())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.zarr"]


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    few, out, real = {"n": 20, "d": 2, "t": 2.0, "trials": 4, "chunk": 1}, tmp_path / "r.zarr", store.write

    def full(path, content):
        if path.name.startswith("000000002"):
            raise OSError(28, "No space left on device", str(path))
        real(path, content)

    monkeypatch.setattr(store, "write", full)
    with pytest.raises(
        OSError, match=r"000000002-000000003\.npz' can't be written \(No space left on device\); what is stored stays"
    ):
        simulate.trials(few, out=out)
    assert len(list(tmp_path.glob("r.zarr.parts/0*.npz"))) == 2
    monkeypatch.undo()
    calls = []
    monkeypatch.setattr("simulate.run_trials.trial_keys", lambda config, at: calls.append(len(at)) or keys(config, at))
    from simulate.data import trial_keys as keys

    assert simulate.trials(few, out=out).sizes["trial"] == 4
    assert calls == [1, 1]
