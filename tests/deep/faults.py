"""Operations on files, counted and disturbed, and a model of what a power cut leaves of them; for crashes.py."""

import builtins
import errno
import mmap
import os
import shutil
import time
import uuid
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from unittest.mock import patch

from deep import TorchTrainer

DIED = 9
"""Exit status of a child that dies by itself."""
STEPS = mmap.mmap(-1, 8)
"""Optimiser steps of a run, seen by the parent of its process."""
REFUSED = {"full": errno.ENOSPC, "quota": errno.EDQUOT, "read-only": errno.EROFS}


def steps_now():
    """Optimiser steps of the last run."""
    return int.from_bytes(STEPS[:], "little")


class Operations:
    """What is done to the files below ``root``: counted and logged, disturbed at the ``at``-th in one of the ways ``mode``."""

    def __init__(self, root, at=None, mode="", watch=None):
        self.root, self.at, self.mode, self.watch, self.n, self.log = os.fspath(root), at, mode, watch, 0, []

    @contextmanager
    def installed(self):
        step, really, numbers = TorchTrainer.step, builtins.open, count(0 if self.at is not None or self.watch else 2**32)
        paths = {"rename": 2, "replace": 2, "link": 2, "unlink": 1, "mkdir": 1, "rmdir": 1}
        with ExitStack() as stack:

            def put(owner, name, value):
                stack.enter_context(patch.object(owner, name, value))

            for name, n in paths.items():
                put(os, name, self._around("rename" if name == "replace" else name, getattr(os, name), n))
            put(os, "fsync", self._fsync)
            put(builtins, "open", lambda file, mode="r", *args, **more: self._open(really, file, mode, args, more))
            put(TorchTrainer, "step", lambda *args: self._step(step, args))
            put(uuid, "uuid4", lambda: uuid.UUID(int=next(numbers)))
            put(time, "monotonic", lambda: 0.0)
            yield

    def _around(self, kind, call, n):
        def changed(*args, dir_fd=None, **more):
            more |= {} if dir_fd is None else {"dir_fd": dir_fd}
            base = "" if dir_fd is None else os.readlink(f"/proc/self/fd/{dir_fd}")
            return self._do(kind, [os.path.join(base, os.fspath(p)) for p in args[:n]], lambda: call(*args, **more))

        return changed

    def _fsync(self, descriptor):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        self._do("fsync folder" if os.path.isdir(path) else "fsync", [path], lambda: None)

    def _open(self, really, file, mode, args, more):
        if "w" not in mode or isinstance(file, int) or not os.fspath(file).startswith(self.root):
            return really(file, mode, *args, **more)
        return _File(self._do("create", [os.fspath(file)], lambda: really(file, mode, *args, **more)), os.fspath(file), self)

    def _step(self, step, args):
        STEPS[:] = (int.from_bytes(STEPS[:], "little") + 1).to_bytes(8, "little")
        self.log.append(("step", [], b""))
        return step(*args)

    def _do(self, kind, paths, call, half=lambda: None, data=b""):
        if not any(path.startswith(self.root) for path in paths):
            return call()
        at, self.n = self.n, self.n + 1
        if at == self.at and self.mode == "before":
            os._exit(DIED)
        if self.mode in REFUSED and at >= self.at and (self.mode == "read-only" or kind not in ("unlink", "rmdir")):
            half()
            raise OSError(REFUSED[self.mode], os.strerror(REFUSED[self.mode]), *paths[:1])
        if self.watch:
            self.watch(at, "before")
        if kind == "write" and (self.watch or (at == self.at and self.mode == "half")):
            half()
            if not self.watch:
                os._exit(DIED)
            self.watch(at, "half")
        try:
            result = call()
        except OSError:
            self.log.append(("in vain", paths, b""))
            raise
        self.log.append((kind, paths, bytes(data)))
        if self.watch:
            self.watch(at, "after")
        if at == self.at and self.mode == "after":
            os._exit(DIED)
        return result


class _File:
    """A file whose writes are operations, none of which stays in a buffer."""

    def __init__(self, file, path, operations):
        self.file, self.path, self.operations = file, path, operations

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        rest = memoryview(data)

        def put(n):
            nonlocal rest
            self.file.write(rest[:n])
            self.file.flush()
            rest = rest[n:]

        self.operations._do("write", [self.path], lambda: put(len(data)), lambda: put(len(data) // 2), data)


class Disk:
    """What a power cut leaves below ``root``, by the log of operations. Content and entries of folders last once fsynced."""

    def __init__(self, root):
        self.root, self.top = root, {"now": {}, "safe": {}}

    def apply(self, kind, paths, data):
        folder, name = self._place(paths[0])
        if kind in ("create", "mkdir"):
            folder["now"][name] = {"now": b"", "safe": b""} if kind == "create" else {"now": {}, "safe": {}}
        elif kind == "write":
            folder["now"][name]["now"] += data
        elif kind == "fsync":
            node = folder["now"][name]
            node["safe"] = node["now"]
        elif kind == "fsync folder":
            node = folder["now"][name] if folder else self.top
            node["safe"] = dict(node["now"])
        elif kind == "rename":
            other, new = self._place(paths[1])
            other["now"][new] = folder["now"].pop(name)
        elif kind in ("unlink", "rmdir"):
            del folder["now"][name]

    def _place(self, path):
        """The folder above and the name in it; (None, "") for the top."""
        *above, name = Path(path).relative_to(self.root).parts or ("",)
        node = self.top if name else None
        for part in above:
            node = node["now"][part]
        return node, name

    def cut(self, names):
        """Put the disk there as it is if power fails now: content that was not fsynced is gone.

        ``names`` "kept": made, renamed and removed entries are as they last were; "lost": as at the last fsync of their folder.
        """
        for path in self.root.iterdir():
            shutil.rmtree(path)
        self._put(self.root, self.top, "now" if names == "kept" else "safe")

    def _put(self, path, node, entries):
        if isinstance(node["now"], bytes):
            path.write_bytes(node["safe"])
            return
        path.mkdir(exist_ok=True)
        for name, child in node[entries].items():
            self._put(path / name, child, entries)
