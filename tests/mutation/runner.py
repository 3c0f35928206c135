"""Puts mutants to the tests: a copy of the sources in a temporary folder, and one forked process for each mutant.

The parent has imported the libraries but nothing of the package. A child puts the mutated module in place of its source by an
import hook, runs the tests one after another, and ends at the first that fails. Nothing is written to the working tree.
"""

import contextlib
import hashlib
import importlib.util
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from .mutants import Mutant, compiled, mutants
from .targets import TARGETS, Target

__all__ = ["ROOT", "SECONDS", "Task", "all_mutants", "copied", "judge_all", "source", "tests_digest"]

ROOT = Path(__file__).parents[2]
SECONDS = 120
"""Processor time after which a mutant counts as killed by the clock: many times what all its tests take."""
Task = tuple[Target, Mutant | None]


def all_mutants(root: Path = ROOT) -> Iterator[tuple[Target, Mutant]]:
    """Every mutant of every target as the sources stand."""
    for target in TARGETS:
        for mutant in mutants(source(root, target), target.functions):
            yield target, mutant


def source(root: Path, target: Target) -> str:
    """The text of a target's module."""
    return path(root, target).read_text(encoding="utf-8")


def tests_digest(root: Path, target: Target) -> str:
    """Twelve hex digits that change when the tests of a target do."""
    return hashlib.sha256(b"".join((root / test).read_bytes() for test in target.tests)).hexdigest()[:12]


def path(root: Path, target: Target) -> Path:
    """Where a target's module lies."""
    return root / f"{target.module.replace('.', '/')}.py"


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A temporary copy of the package and its tests, so that edits on the way change nothing."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "theory", root / "theory", ignore=shutil.ignore_patterns("__pycache__", "rocq", "*.json"))
        for name in {"tests/theory/conftest.py"} | {test for target in TARGETS for test in target.tests}:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        shutil.copy(ROOT / "pyproject.toml", root)
        yield root


def judge_all(
    root: Path, tasks: Sequence[Task], workers: int, quick: bool = False, killers: Mapping[str, int] | None = None
) -> Iterator[tuple[Task, str | None]]:
    """Each task with what killed it, as they end; ``None`` for those that survive. A task without a mutant is a control.

    ``killers``: how many mutants tests have killed before; those that kill most come first.
    """
    _preload()
    waiting, kills = list(reversed(tasks)), Counter[str](killers or {})
    running: dict[int, tuple[Task, int]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                task = waiting.pop()
                read, write = os.pipe()
                child = os.fork()
                if child == 0:
                    os.close(read)
                    _child(root, task, write, quick, kills)
                os.close(write)
                running[child] = task, read
            child, status = os.wait()
            task, read = running.pop(child)
            with open(read, "rb") as pipe:
                said = pipe.read().decode()
            kills[said] += 1
            yield task, _verdict(said, status)
    finally:
        for child, (_, read) in running.items():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(read)


def _verdict(said: str, status: int) -> str | None:
    if said == "survived":
        return None
    if said:
        return said
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return f"{SECONDS} seconds of processor time"
    return f"the end of the process with status {status}"


def _preload() -> None:
    """Import what takes long once, before the forks."""
    for name in (
        "mpmath",
        "sympy",
        "scipy.integrate",
        "scipy.optimize",
        "scipy.special",
        "scipy.stats",
        "hypothesis.extra.numpy",
        "pytest",
    ):
        importlib.import_module(name)
    assert "theory" not in sys.modules


def _child(root: Path, task: Task, write: int, quick: bool, kills: Counter[str]) -> None:
    """Never returns: it says on the pipe which test failed, or "survived"."""

    def end(word: str) -> None:
        os.write(write, word.encode())
        os._exit(0)

    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.chdir(root)
        sys.path[:] = [str(root), *(p for p in sys.path if p and Path(p) != ROOT)]
        target, mutant = task
        if mutant is not None:
            code = compiled(source(root, target), target.functions, mutant.index, path(root, target))
            sys.meta_path.insert(0, _Hook(target.module, path(root, target), code))
        end(_tested(root, target.tests[:1] if quick else target.tests, end, kills))
    except BaseException as error:
        end(f"an error of the runner, {type(error).__name__}: {error}")


def _tested(root: Path, tests: Sequence[str], end: Any, kills: Counter[str]) -> str:
    import pytest
    from hypothesis import Phase, settings

    quickly = settings(
        phases=[Phase.explicit, Phase.generate], deadline=None, derandomize=True, max_examples=100, database=None
    )
    settings.register_profile("mutation", quickly)
    os.environ |= {"HYPOTHESIS_PROFILE": "mutation", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    class First:
        """Tests that have killed most come first; the first failure ends the process."""

        def pytest_collection_modifyitems(self, items: list[Any]) -> None:
            items.sort(key=lambda item: -kills[item.nodeid])

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                end(report.nodeid)

        def pytest_collectreport(self, report: Any) -> None:
            if report.failed:
                end(f"{report.nodeid} while it is imported")

    options = ["-p", "no:cacheprovider", "-o", "addopts=", "--import-mode=importlib", "--tb=no", "-q", "-x"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning", "--rootdir", str(root), "-c", str(root / "pyproject.toml")]
    status = pytest.main([*options, *(str(root / t) for t in tests)], plugins=[First()])
    return "survived" if status == 0 else f"an end of pytest with status {int(status)}"


class _Hook:
    """Finds one module with the code of a mutant."""

    def __init__(self, name: str, file: Path, code: CodeType):
        self.name, self.file, self.code = name, file, code

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.file, loader=_Loader(name, str(self.file), self.code))


class _Loader(SourceFileLoader):
    def __init__(self, name: str, file: str, code: CodeType):
        super().__init__(name, file)
        self.code = code

    def get_code(self, _: str) -> CodeType:
        return self.code
