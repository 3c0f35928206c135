"""Crashes of a run, made by the script that test_crashes.py starts: a tiny network, in children forked from a warm process.

All that a run does to its files is an operation: creation, write, fsync, rename, link, unlink, mkdir, rmdir. One child copies
the disk as it is before and after each operation and half-way through each write, which is what a death there leaves; some real
deaths show that it is. Others are refused from the k-th operation on. From every disk that was left the run is started again,
from equal ones once: the clock and the names of temporary files are fixed here.
"""

import functools
import gc
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

import deep.files
import deep.store
import theory.records
from deep import Config, TorchTrainer, run
from deep.images import Images, Split, digest_of
from theory.streams import generator, key

sys.path.insert(0, str(Path(__file__).parent))
from faults import DIED, REFUSED, STEPS, Disk, Operations, steps_now


def tiny_images():
    rng = generator(key(np.uint64(0), "crashes"))
    splits = [Split(rng.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8), rng.integers(0, 3, n)) for n in (18, 9)]
    return Images(*splits, 3, digest_of(*splits))


IMAGES = tiny_images()


def tiny_trainer(config):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    return TorchTrainer(config, IMAGES, model, algorithms=[config.program])


def forked(task):
    """The exit status of a child that does ``task``."""
    return killed_child(task, float("inf"))


def contents(folder):
    """All that must not differ between two runs: tensors, metrics, what they belong to; and that nothing else is left over."""
    told = {"level.json": ("level", "order", "files", "borrowed"), "run.json": ("identity", "same")}
    found = {}
    for path in sorted(folder.rglob("*")):
        content = b"folder" if path.is_dir() else path.read_bytes()
        with suppress(ValueError):
            record = json.loads(content) if path.name in told else {}
            content = repr([(n, record[n]) for n in told.get(path.name, ())]).encode() if record else content
        found[str(path.relative_to(folder))] = content
    return found


def disk(folder):
    """A digest of all that is in a folder."""
    entries = [(str(p.relative_to(folder)), b"" if p.is_dir() else p.read_bytes()) for p in sorted(folder.rglob("*"))]
    return hashlib.sha256(repr((folder.exists(), entries)).encode()).hexdigest()


def stored_levels(folder):
    """The finished levels, and which files they are."""
    return {p.parent.name: p.stat().st_ino for p in folder.glob("levels/[0-9]*/level.json")}


class Trial:
    """One run, never stopped; then the same run stopped in all ways. ``write``: how files are written instead."""

    def __init__(self, folder, config, dense=None, write=theory.records.write):
        self.root, self.folder, self.dense, self.write = folder.parent, folder, dense, write
        self.config, self.kept = replace(config, out=str(folder)), folder.parent.with_name("states")
        for path in (self.kept, self.root):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        self.states, self.seen, self.failures, self.refusals = [], {}, [], 0
        self.log = self.go(watch=self._keep)
        self.reference, self.steps = contents(folder), steps_now()
        self.operations = [entry for entry in self.log if entry[0] != "step"]

    def go(self, at=None, mode="", watch=None):
        STEPS[:] = bytes(8)
        operations = Operations(self.root, at, mode, watch)
        with operations.installed(), ExitStack() as stack:
            for module in (theory.records, deep.files, deep.store):
                stack.enter_context(patch.object(module, "write", self.write))
            run(self.config, dense=self.dense, quiet=True, trainer=tiny_trainer(self.config))
        return operations.log

    def _keep(self, at, mode):
        """Copy the disk as it is."""
        name = disk(self.folder)
        self.states.append([at, mode, name, steps_now()])
        if not (self.kept / name).exists() and self.folder.exists():
            shutil.copytree(self.folder, self.kept / name)

    def deaths(self, every):
        """Start again from what a death before, in and after each operation leaves; every ``every``-th death is a real one."""
        for i, (at, mode, name, steps) in enumerate(self.states):
            shutil.rmtree(self.folder, ignore_errors=True)
            if i % every == 0:
                status = forked(lambda at=at, mode=mode: self.go(at, mode))
                self.note(status == DIED and disk(self.folder) == name, at, mode, f"status {status}, or another disk")
            elif (self.kept / name).exists():
                shutil.copytree(self.kept / name, self.folder)
            yield from self.restart(at, mode, steps)

    def refused(self, mode, every=1):
        """Refuse all operations from the k-th on."""
        words = (os.strerror(REFUSED[mode]), repr(str(self.folder)), "the same command goes on")
        for at in range(0, len(self.operations), every):
            shutil.rmtree(self.folder, ignore_errors=True)
            try:
                self.go(at, mode)
            except deep.files.NotSaved as error:
                self.refusals += 1
                self.note(all(w in str(error) for w in words) and "\n" not in str(error), at, mode, str(error))
            yield from self.restart(at, mode, steps_now())

    def power_cuts(self, without=""):
        """Cut the power after each operation, with all names kept and with all lost that may be; ``without`` is never done."""
        for names in ("lost", "kept"):
            disk, steps = Disk(self.root), 0
            for at, (kind, paths, data) in enumerate(self.log):
                steps += kind == "step"
                if kind not in ("step", without):
                    disk.apply(kind, paths, data)
                    disk.cut(names)
                    yield from self.restart(at, f"power cut, names {names}", steps)

    def restart(self, at, mode, steps):
        """Start again on this disk: the run ends as the whole one, repeats one step at most and no finished level."""
        state = disk(self.folder), steps
        if state not in self.seen:
            before, error = stored_levels(self.folder), None
            try:
                self.go()
            except (ValueError, OSError) as caught:
                error = caught
            after, trained = stored_levels(self.folder), steps + steps_now()
            self.seen[state] = [
                *([f"{type(error).__name__}: {error}"] if error else []),
                *(["other contents"] if contents(self.folder) != self.reference else []),
                *([f"{trained} steps instead of {self.steps}"] if trained > self.steps + 1 else []),
                *(["a finished level is gone"] if before.items() - after.items() else []),
            ]
        for failure in self.seen[state]:
            self.note(False, at, mode, failure)
        yield

    def note(self, good, at, mode, what):
        if not good:
            self.failures.append([at, mode, what])

    def result(self, *ways):
        """Stop the run in these ways, one after the other; what was done, and what went wrong."""
        stops = sum(1 for way in ways for _ in way)
        kinds = Counter(kind for kind, _, _ in self.log)
        found = {"operations": len(self.operations), "kinds": kinds, "steps": self.steps, "stops": stops}
        return found | {"restarts": len(self.seen), "refusals": self.refusals, "failures": self.failures}

    def first_failure(self, way):
        """The first failure alone."""
        return {"failures": next((self.failures[:1] for _ in way if self.failures), [])}


def kills(folder, config, n, seed):
    """SIGKILL at ``n`` moments drawn over the run's duration; every restart may be killed again."""
    config, rng = replace(config, out=str(folder)), generator(key(np.uint64(seed), "kills"))

    def go():
        run(config, quiet=True)

    began = time.monotonic()
    if status := forked(go):
        raise AssertionError(status)
    duration, reference, failures, inside, killed, whole = time.monotonic() - began, contents(folder), [], 0, 0, 0
    while killed < n:
        shutil.rmtree(folder, ignore_errors=True)
        while (status := killed_child(go, rng.uniform(0, duration) if killed < n else float("inf"))) != 0:
            killed += 1
            inside += (folder / "midway.safetensors").exists()
            if status != -signal.SIGKILL:
                failures.append([killed, "", f"status {status}"])
        whole += 1
        if contents(folder) != reference:
            failures.append([killed, "", "other contents"])
    return {"kills": killed, "inside": inside, "runs": whole, "duration": duration, "failures": failures}


def killed_child(task, delay):
    """Exit status of a child that is killed after ``delay`` seconds unless it has ended before."""
    if not (child := os.fork()):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            task()
        except BaseException:
            os._exit(1)
        os._exit(0)
    ends = time.monotonic() + delay
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= ends:
            os.kill(child, signal.SIGKILL)
            ends = float("inf")
        time.sleep(0.0005)


def write_in_place(path, content):
    """The negative control: no other name, no rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


TINY = Config(
    algorithm="WR(step=2)", levels=1, epochs=2, batch_size=6, validation=0.2, learning_rate=0.05, augment="none", checkpoint=0.0
)
LENET = Config(model="lenet-300-100", levels=2, epochs=2, subset=192, batch_size=48, checkpoint=0.0)


def main(folder, *parts):
    torch.set_num_threads(1)
    theory.records._commit = lambda: {"commit": None, "dirty": None}
    theory.records._version = functools.cache(theory.records._version)
    dense = folder / "dense"
    run(replace(TINY, levels=0, out=str(dense)), quiet=True, trainer=tiny_trainer(TINY))  # warm: all is imported now
    run(replace(LENET, levels=0, epochs=1, out=str(folder / "lenet")), quiet=True)
    gc.freeze()

    def trial(**more):
        return Trial(folder / "disk" / "run", TINY, **more)

    def stopped():
        whole = trial()
        refusals = (whole.refused("full"), whole.refused("read-only", 7), whole.refused("quota", 11))
        return whole.result(whole.deaths(every=20), whole.power_cuts(), *refusals)

    def shared():
        sharing = trial(dense=dense)
        return sharing.result(sharing.deaths(every=20))

    def write_in_place_control():
        control = trial(write=write_in_place)
        return control.first_failure(control.deaths(every=20))

    todo = {
        "kills": lambda: kills(folder / "killed", LENET, 20, seed=5),
        "stopped": stopped,
        "sharing level 0": shared,
        "written in place": write_in_place_control,
        "without fsync": lambda: (control := trial()).first_failure(control.power_cuts("fsync")),
        "without fsync of folders": lambda: (control := trial()).first_failure(control.power_cuts("fsync folder")),
    }
    found = {}
    for name in parts or todo:
        began = time.perf_counter()
        found[name] = todo[name]()
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return found


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), *sys.argv[2:]), sys.stdout)
