"""Images that are read from their files while a network trains, in processes of torch's DataLoader.

A batch depends on its images and on (seed, level, epoch) alone: not on the number of processes, nor on what was read before.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .config import Training
from .crops import draws, middle, random_part
from .images import Files, Listing
from .listings import content_of, picture
from .splits import Index, Share, order, split

__all__ = ["Streamed"]

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet's channels, in units of 255."""


class _Batch(NamedTuple):
    """Images of the training or the test list, and (seed, level, epoch) of their random parts, or None for their middles."""

    test: bool
    images: Index
    when: tuple[int, int, int] | None


class _Tasks:
    """What a DataLoader asks its processes for: set before each pass."""

    def __init__(self) -> None:
        self.batches: list[_Batch] = []

    def __iter__(self) -> Iterator[_Batch]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Reader(Dataset[Any]):
    """Turns a ``_Batch`` into pixels (b, H, W, 3) uint8 and labels (b,); into a sentence where an image can't be read.

    An error raised in another process would come back with that process's traceback in its message.
    """

    def __init__(self, files: Files):
        self.files = files

    def __getitem__(self, batch: _Batch) -> tuple[Tensor, Tensor] | str:
        listing: Listing = self.files.test if batch.test else self.files.train
        numbers = None if batch.when is None else draws(*batch.when, batch.images)
        try:
            pixels = [
                self._pixels(listing.names[i], None if numbers is None else numbers[k]) for k, i in enumerate(batch.images)
            ]
        except ValueError as error:
            return str(error)
        return torch.from_numpy(np.stack(pixels)), torch.from_numpy(listing.labels[batch.images])

    def _pixels(self, name: bytes, u: np.ndarray | None) -> np.ndarray:
        path = os.path.join(self.files.root, os.fsdecode(name))
        image = picture(content_of(path), path, "RGB")
        return middle(image) if u is None else random_part(image, u)


class Streamed:
    """``deep.data.Data`` of files, for the seed of ``config``: random parts, mirrored or not, unless ``augment`` is none."""

    def __init__(self, files: Files, config: Training, share: tuple[int, int] = (0, 1)):
        self.share = Share(share, config.batch_size)
        self.device, self.seed, self.batch_size, self.loaders = config.device, config.seed, config.batch_size, config.loaders
        self.files, self.augmented = files, config.augment != "none"
        self.shape, self.classes, self.digest = files.shape, files.classes, files.digest
        train, validation = split(len(files.train.labels), config)
        self.parts = {"train": train, "validation": validation, "test": np.arange(len(files.test.labels))}
        self.sizes = {name: len(index) for name, index in self.parts.items()}
        self.per_epoch = len(train) // config.batch_size
        self.mean, self.std = (255 * torch.tensor(x, device=config.device).reshape(1, 3, 1, 1) for x in (MEAN, STD))
        self._idle: list[tuple[_Tasks, DataLoader[Any]]] = []

    def batches(self, level: int, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of an epoch's batches, from batch ``first`` on."""
        shown = self.parts["train"][order(self.seed, level, epoch, self.sizes["train"])]
        when = (self.seed, level, epoch) if self.augmented else None
        return self._read([_Batch(False, images, when) for images in self.share.of(shown)[first:]])

    def evaluation(self, part: str, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The middles of a part's images in its own order, in chunks of ``size``."""
        return self.dealt(part, size)

    def dealt(self, part: str, size: int, rank: int = 0, world: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Of these chunks number ``rank``, ``rank + world``, …; the others are not read."""
        if part not in self.parts:
            raise ValueError(f"The parts are {', '.join(self.parts)}, not {part!r}.")
        index = self.parts[part]
        return self._read(
            [_Batch(part == "test", index[i : i + size], None) for i in range(rank * size, len(index), world * size)]
        )

    def _read(self, batches: list[_Batch]) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches one by one, read ahead by processes that stay for the next pass."""
        tasks, loader = self._idle.pop() if self._idle else self._loader()
        tasks.batches = batches
        try:
            for found in loader:
                if isinstance(found, str):
                    raise ValueError(found)
                pixels, labels = (x.to(self.device, non_blocking=True) for x in found)
                yield pixels.permute(0, 3, 1, 2).to(torch.float32).sub_(self.mean).div_(self.std), labels
        except RuntimeError:  # a process is gone: others are to serve the next pass
            tasks, loader = self._loader()
            raise
        finally:
            self._idle.append((tasks, loader))

    def _loader(self) -> tuple[_Tasks, DataLoader[Any]]:
        tasks = _Tasks()
        own: dict[str, Any] = {"multiprocessing_context": "spawn", "persistent_workers": True} if self.loaders else {}
        loader = DataLoader(
            _Reader(self.files),
            batch_size=None,
            sampler=tasks,
            num_workers=min(self.loaders, _cores()),
            collate_fn=_as_it_is,
            pin_memory=self.device != "cpu",
            generator=torch.Generator(),  # else each pass would draw from torch's global stream
            **own,
        )
        return tasks, loader


def _cores() -> int:
    """Cores that this process may use; torch warns of more readers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _as_it_is(found: Any) -> Any:
    return found
