"""What every stored result carries (settings, versions, commit, machine) and how it is stored: whole or not at all."""

import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import uuid
from dataclasses import fields, is_dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["plain", "provenance", "settings_hash", "to_json", "write"]


def plain(value: Any) -> Any:
    """``value`` as JSON types: dataclasses as their ``spec`` or an object, arrays as lists, other things as their text.

    NaN and infinities become the words "nan", "inf", "-inf", since JSON has no numbers for them.

    >>> plain({"t": float("inf"), "n": np.int64(3), "w": np.arange(2)})
    {'t': 'inf', 'n': 3, 'w': [0, 1]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        spec = getattr(value, "spec", None)
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)} if spec is None else spec
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(v) for v in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def to_json(document: Any, indent: int | None = 1) -> str:
    """One JSON document."""
    return json.dumps(plain(document), indent=indent, ensure_ascii=False, allow_nan=False)


def settings_hash(settings: Any) -> str:
    """Twelve hex digits that name settings, whatever their order.

    >>> settings_hash({"a": 1, "b": 2}) == settings_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(plain(settings), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def provenance(schema: str, settings: Any, **more: Any) -> dict[str, Any]:
    """Schema version, settings and their hash, versions, commit with dirty flag, machine and thread count."""
    torch = sys.modules.get("torch")
    return {
        "schema": schema,
        "settings": plain(settings),
        "settings_hash": settings_hash(settings),
        "versions": {"python": platform.python_version()} | {n: _version(n) for n in ("signescape", "numpy", "scipy", "torch")},
        **_commit(),
        "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads() if torch else 1,
        **plain(more),
    }


def write(path: Path | str, content: str | bytes) -> None:
    """Write a file whole or not at all: a temporary name beside it, fsync, rename."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> dict[str, Any]:
    def git(*words: str) -> str:
        home = Path(__file__).parent
        return subprocess.run(["git", "-C", home, *words], capture_output=True, text=True, check=True, timeout=10).stdout

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # else this is somebody else's repository
        return {"commit": git("rev-parse", "--short=12", "HEAD").strip(), "dirty": bool(git("status", "--porcelain").strip())}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
