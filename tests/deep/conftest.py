from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deep import Config, load_run, run


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SIGNESCAPE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def _tiny(out, **settings) -> Config:
    """A ResNet-20 with batch norm that trains a level in a fraction of a second."""
    small = {"model": "resnet20", "width": 2, "levels": 2, "epochs": 2, "subset": 192, "batch_size": 48}
    return Config(**small | {"milestones": ("epoch=1",)} | settings, out=str(out))


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)  # tiny tensors: two threads would wait for each other


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """One run of each algorithm, two levels deep, none of which knows of the others."""
    folder = tmp_path_factory.mktemp("runs")
    names = ("LRR", "IMP", "WR(step=3)", "WR(epoch=1)", "random", "learned-signs")
    return {name: load_run(run(_tiny(folder / str(i), algorithm=name), quiet=True)) for i, name in enumerate(names)}


@pytest.fixture(scope="session")
def contents():
    """``contents(folder)``: all that must not differ between two runs: tensors and metrics, by path."""
    return _contents


def _contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.suffix in (".safetensors", ".jsonl")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="session")
def tiny():
    """``tiny(out, **settings)``: a configuration."""
    return _tiny


class Serial(Executor):
    """Runs each task here and now."""

    def submit(self, function, /, *args, **kwargs):
        future: Future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="session")
def serial():
    """An executor without processes."""
    return Serial()


@pytest.fixture(scope="session")
def write_images():
    """``write_images(folder, n, size, classes, mode)``: an image folder."""
    return _write_images


def _write_images(folder: Path, n: int = 6, size: int = 32, classes=("ant", "bee"), mode: str = "RGB") -> Path:
    """train/CLASS/FILE.png and test/CLASS/FILE.png of random pixels."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(0, 256, (size, size, 3) if mode == "RGB" else (size, size), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")
    return folder
