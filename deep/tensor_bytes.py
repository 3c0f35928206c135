"""Safetensors files in fewer bytes, and back to the same bytes: values without zeros by byte planes, nested masks as numbers.

Of a weight's four bytes only the highest compresses; sorted into planes the compressor sees that. A pruned weight is +0.0 and
costs one bit.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

__all__ = ["expand", "expand_masks", "shrink", "shrink_masks"]

Bytes = NDArray[np.uint8]
DENSE = 0.97
"""Share of values that are not zero from which on it costs less to store the zeros, too."""


def shrink(content: bytes) -> tuple[str, bytes]:
    """The header of a safetensors file, and its values as another one; ``expand`` gives back the file bit for bit.

    Raises ValueError where the content is no safetensors file in its standard form.

    >>> content = save({"w": np.float32([0, 1, 0, 0])})
    >>> expand(*shrink(content)) == content
    True
    """
    header, data, entries = _parse(content)
    out: dict[str, Bytes] = {}
    for size in sorted({size for size, _ in entries}):
        values = np.concatenate([data[part].reshape(-1, size) for own, part in entries if own == size])
        there = values.any(axis=1)
        if there.mean() < DENSE:
            out[f"there_{size}"], values = np.packbits(there), values[there]
        out[f"planes_{size}"] = np.ascontiguousarray(values.T)
    return header, save(out)


def expand(header: str, packed: bytes) -> bytes:
    """The safetensors file that ``shrink`` took apart."""
    entries, total = _entries(header)
    stored, groups = _load(packed), []
    for size in sorted({size for size, _ in entries}):
        parts = [part for own, part in entries if own == size]
        groups.append((parts, _values(stored, size, sum(part.stop - part.start for part in parts) // size)))
    data = np.empty(total, dtype=np.uint8)  # only now that as many values are known to be there
    for parts, values in groups:
        ends = np.cumsum([part.stop - part.start for part in parts])[:-1]
        for part, own in zip(parts, np.split(values.reshape(-1), ends), strict=True):
            data[part] = own
    return _file(header, data)


def _values(stored: dict[str, Any], size: int, n: int) -> Bytes:
    planes = stored.get(f"planes_{size}")
    if planes is None or planes.ndim != 2 or len(planes) != size:
        raise ValueError(f"The packed values of {size} bytes are missing or have another shape.")
    if f"there_{size}" not in stored:
        values = np.ascontiguousarray(planes.T)
    else:
        bits = stored[f"there_{size}"]
        there = np.unpackbits(bits, count=min(n, 8 * bits.size)).astype(bool)
        if len(there) != n or there.sum() != planes.shape[1]:
            raise ValueError(f"The packed values of {size} bytes are not as many as their positions.")
        values = np.zeros((n, size), dtype=np.uint8)
        values[there] = planes.T
    if values.shape != (n, size):
        raise ValueError(f"There are {len(values)} packed values of {size} bytes, not {n}.")
    return values


def shrink_masks(contents: Sequence[bytes]) -> tuple[str, bytes]:
    """Mask files of the levels 0, 1, … as one number a weight: the first level whose mask lacks it, 0 where it stays.

    Raises ValueError unless each mask is a subset of the one before.
    """
    parsed = [_parse(content) for content in contents]
    header = parsed[0][0]
    if any(other != header for other, _, _ in parsed):
        raise ValueError("The masks of the levels differ in names or shapes.")
    kind = np.uint8 if len(contents) < 256 else np.uint16
    gone, before = np.zeros(len(parsed[0][1]), dtype=kind), np.ones(len(parsed[0][1]), dtype=bool)
    for level, (_, data, _) in enumerate(parsed):
        alive = data.astype(bool)
        if (alive & ~before).any() or data.max(initial=0) > 1 or (level == 0 and not alive.all()):
            raise ValueError(f"The mask of level {level} is no subset of the one before.")
        gone[before & ~alive] = level
        before = alive
    return header, save({"pruned_at": gone})


def expand_masks(header: str, packed: bytes, level: int) -> bytes:
    """The mask file of a level."""
    _, total = _entries(header)
    gone = _load(packed).get("pruned_at")
    if gone is None or gone.shape != (total,):
        raise ValueError("The packed masks are missing or have another shape.")
    return _file(header, ((gone == 0) | (gone > level)).astype(np.uint8))


def _parse(content: bytes) -> tuple[str, Bytes, list[tuple[int, slice]]]:
    length = int.from_bytes(content[:8], "little")
    try:
        header = content[8 : 8 + length].decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"The header of a safetensors file is no text: {error}.") from None
    entries, total = _entries(header)
    data = np.frombuffer(content, dtype=np.uint8, offset=min(8 + length, len(content)))
    if len(data) != total or _file(header, data) != content:
        raise ValueError("A safetensors file has more or fewer bytes than its header says.")
    return header, data, entries


def _entries(header: str) -> tuple[list[tuple[int, slice]], int]:
    """Bytes of a value and place of each tensor, in the order of the data, which they cover without gaps; all bytes."""
    try:
        found = [entry for name, entry in json.loads(header).items() if name != "__metadata__"]
        spans = sorted((*map(int, e["data_offsets"]), math.prod(map(int, e["shape"]))) for e in found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"This is no header of a safetensors file: {error}.") from None
    at, out = 0, []
    for start, end, number in spans:
        if start != at or end < start or (number and (end - start) % number):
            raise ValueError("The tensors of a safetensors file have gaps between them.")
        if number:
            out.append(((end - start) // number, slice(start, end)))
        at = end
    return out, at


def _file(header: str, data: Bytes) -> bytes:
    text = header.encode()
    return len(text).to_bytes(8, "little") + text + data.tobytes()


def _load(packed: bytes) -> dict[str, Any]:
    try:
        return dict(load(packed))
    except SafetensorError as error:
        raise ValueError(f"Packed values can't be read: {error}.") from None
