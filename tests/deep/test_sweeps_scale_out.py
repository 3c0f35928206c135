"""A sweep's results are the same bits on any executor, whichever of its workers is killed."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deep import Config, run, sweep

ROOT = Path(__file__).parents[2]
ALGORITHMS = ("IMP", "scaled_out:LAW", "dense")
MODULE = '''
import os, signal
from pathlib import Path
from torch import nn
from theory.algorithms import LRR, Algorithm
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

LAW = Algorithm("scaled_out:LAW", LRR.rewind, Criterion("size", ("final",), size))

def network(shape, classes):
    return nn.Sequential(nn.Conv2d(shape[0], 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, classes))
'''
CLUSTER = """
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the module ``scaled_out`` lies, whose marks kill."""
    path = tmp_path_factory.mktemp("scaled_out")
    (path / "scaled_out.py").write_text(MODULE)
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))


@pytest.fixture(scope="module")
def cluster(folder):
    """The address of a cluster of two worker processes with two threads each."""
    pytest.importorskip("distributed")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", CLUSTER], cwd=folder, env=environment, text=True, **pipes) as process:
        yield process.stdout.readline().strip()
        process.communicate("\n")


def settings(out, **more) -> Config:
    small = {"model": "scaled_out:network", "levels": 2, "epochs": 1, "subset": 96, "batch_size": 48, "warmup": "step=0"}
    return Config(**small | {"milestones": ("step=1",), "out": str(out)} | more)


def swept(out, **more) -> dict[str, bytes]:
    """The files of a sweep of two seeds."""
    assert len(sweep(settings(out), ALGORITHMS, seeds=2, **more)) == 4
    files = [p for p in Path(out).rglob("*") if p.suffix in (".safetensors", ".jsonl")]
    return {str(p.relative_to(out)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory):
    """By one process."""
    return swept(tmp_path_factory.mktemp("expected"))


def marks(folder, count):
    for i in range(count):
        (folder / f"kill{i}").touch()


def left(folder):
    return len(list(folder.glob("kill*")))


def test_threads_and_a_serial_executor(expected, serial, tmp_path):
    """Torch's settings and random numbers belong to a process: threads take turns."""
    assert len(expected) > 4 * 3 * 3
    assert swept(tmp_path / "serial", executor=serial) == expected
    with ThreadPoolExecutor(3) as threads:
        assert swept(tmp_path / "threads", executor=threads) == expected


def test_processes_of_which_one_is_killed(folder, expected, tmp_path):
    marks(folder, 1)
    assert swept(tmp_path / "killed", workers=2) == expected
    assert left(folder) == 0


def test_a_task_that_loses_too_many_workers_is_named_and_the_sweep_goes_on(folder, expected, tmp_path, monkeypatch):
    out = tmp_path / "deadly"
    marks(folder, 1)
    monkeypatch.setattr("theory.workers.LOSSES", 1)
    sentence = r"^1 worker processes were lost on level 1 of '.*LAW/seed-0': killed, .*; what was finished stays\.$"
    with pytest.raises(ChildProcessError, match=sentence):
        sweep(settings(out, levels=1), ["scaled_out:LAW"], workers=2)
    assert left(folder) == 0
    assert swept(out) == expected


def test_a_cluster_of_which_a_worker_is_killed(folder, expected, cluster, tmp_path, monkeypatch):
    """Paths are relative to where the command is given, not to where the workers are."""
    marks(folder, 1)
    monkeypatch.chdir(tmp_path)
    assert swept("cluster", executor=cluster) == expected
    assert left(folder) == 0


def test_no_cluster_there(tmp_path, monkeypatch, folder):
    pytest.importorskip("distributed")
    monkeypatch.setattr("theory.cluster.WAIT", 0.3)
    with pytest.raises(ValueError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        sweep(settings(tmp_path / "none"), ALGORITHMS, executor="tcp://127.0.0.1:1")


def test_one_run_alone_has_the_bits_of_the_sweep(folder, expected, tmp_path):
    path = run(settings(tmp_path / "alone", algorithm="IMP", seed=1), quiet=True)
    own = {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*.safetensors")}
    assert own
    assert own == {name: expected[f"IMP/seed-1/{name}"] for name in own}
