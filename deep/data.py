"""What a training sees of its images: training, validation and test part, and batches in an order made by counters.

A set that fits lies on the device as uint8, once for all seeds; a larger one streams from its files. The order of an epoch, and
the augmentation of each image in it, depend on (seed, level, epoch) alone: any epoch can be made again without those before it.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from theory.streams import uniform

from .config import Training
from .images import Images, Split, read
from .splits import Index, Share, order, split
from .stream import Streamed

__all__ = ["PAD", "Data", "Resident", "load"]

PAD = 4
"""Black pixels around an image before a random crop of its own size."""
TOGETHER = 2**25
"""Bytes of float32 images that a GPU makes at once, so that small batches don't wait for the launch of many small kernels."""


class Data(Protocol):
    """The images of one seed as a trainer sees them: float32, normalised, channels_last, on the device; labels are int64."""

    per_epoch: int
    """Whole batches an epoch; the few images left over differ from epoch to epoch."""
    batch_size: int
    """Images of a batch, those of other processes included."""
    shape: tuple[int, int, int]
    """Channels, height, width."""
    classes: int
    digest: str
    """Stands for the content of the data set."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Images of "train", "validation" and "test"."""

    def batches(self, level: int, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of an epoch's batches, from batch ``first`` on: images (b, C, H, W), labels (b,)."""

    def evaluation(self, part: str, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """A whole part in its own order, not augmented, in chunks of ``size``; ValueError for a part that there is not."""


def load(config: Training, share: tuple[int, int] = (0, 1)) -> Data:
    """The data that ``config`` names, for its seed; ``share`` is (rank, world) where processes train one network together.

    Raises ValueError for data that can't be read, too few images, and batches that ``world`` does not divide.
    """
    images = read(config.data)
    return Resident(images, config, share) if isinstance(images, Images) else Streamed(images, config, share)


class _Strip:
    """The images of a split on a device, one below the other, with ``pad`` black pixels between them and at each end of a row.

    Where pad > 0 all follow once more, mirrored. Neighbours share their black pixels: the right ones of a row are the left ones
    of the next. Any crop of a padded image is then a window (H, W·C) on the strip, and a batch is one gather of windows.
    """

    def __init__(self, split: Split, device: str, pad: int):
        self.source, self.pad = split.images, pad
        self.n, self.channels, h, self.width = split.images.shape
        copies = 2 if pad else 1
        tall, self.wide = h + pad, self.width + pad
        rows = torch.zeros((copies * self.n * tall + pad + 1, self.wide, self.channels), dtype=torch.uint8, device=device)
        tiles = rows[pad : pad + copies * self.n * tall].view(copies, self.n, tall, self.wide, self.channels)[:, :, :h, pad:]
        images = torch.from_numpy(split.images).to(device).permute(0, 2, 3, 1)
        tiles[0].copy_(images)
        if pad:
            tiles[1].copy_(images.flip(2))
        self.tall, last = tall, ((copies * self.n - 1) * tall + 2 * pad) * self.wide + 2 * pad
        self.windows = rows.as_strided((last + 1, h, self.width * self.channels), (self.channels, self.wide * self.channels, 1))

    def starts(self, index: Index, moves: Index | None = None) -> Index:
        """Windows of the images (m,), moved down and right by 0 … 2·pad and mirrored as ``moves`` (3, m) says, or at rest."""
        if moves is None:
            moves = np.array([[self.pad], [self.pad], [0]])
        down, right, mirror = moves
        right = np.where(mirror, 2 * self.pad - right, right)
        return ((index + self.n * mirror) * self.tall + down) * self.wide + right


_strips: WeakValueDictionary[tuple[int, str, int], _Strip] = WeakValueDictionary()


def _strip(images: Split, device: str, pad: int) -> _Strip:
    """The strip of these very arrays on a device: one for all who use it at a time."""
    name = (id(images.images), device, pad)  # the strip keeps its source, so that no other array gets this id
    strip = _strips.get(name)
    if strip is None:
        strip = _strips[name] = _Strip(images, device, pad)
    return strip


class _Part:
    """Some images of a strip: their windows, unmoved, and labels, on the device."""

    def __init__(self, strip: _Strip, index: Index, labels: Index):
        device = strip.windows.device
        self.strip, self.starts = strip, torch.from_numpy(strip.starts(index)).to(device)
        self.labels = torch.from_numpy(labels[index]).to(device)


class Resident:
    """``Data`` of images in memory, for the seed of ``config``."""

    def __init__(self, images: Images, config: Training, share: tuple[int, int] = (0, 1)):
        self.share = Share(share, config.batch_size)
        self.device, self.seed, self.batch_size = config.device, config.seed, config.batch_size
        self.shape, self.classes, self.digest = images.shape, images.classes, images.digest
        self.augmented = config.augment == "crop-flip" or (config.augment == "auto" and images.shape == (3, 32, 32))
        self.index, held_out = split(len(images.train.labels), config)
        self.strip = _strip(images.train, config.device, PAD if self.augmented else 0)
        self.parts = {
            name: _Part(self.strip, i, images.train.labels) for name, i in (("train", self.index), ("validation", held_out))
        }
        test = np.arange(len(images.test.labels))
        self.parts["test"] = _Part(_strip(images.test, config.device, 0), test, images.test.labels)
        self.sizes = {name: len(part.labels) for name, part in self.parts.items()}
        self.per_epoch = self.sizes["train"] // self.batch_size
        self.labels = images.train.labels[self.index]
        self.mean, self.std = (x.to(config.device) for x in moments(images.train.images, self.index))
        rows = (x.expand(1, *self.shape).permute(0, 2, 3, 1).flatten(2).contiguous() for x in (self.mean, self.std))
        self._mean, self._std = rows  # broadcast over images only: a channel at a time, the arithmetic is ten times as slow
        self._together = max(1, TOGETHER // (4 * self._mean.numel() * self.share.size)) if config.device != "cpu" else 1
        self._ahead: dict[tuple[int, int], Tensor] = {}

    def batches(self, level: int, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of an epoch's batches, from batch ``first`` on."""
        ahead = self._ahead.pop((level, epoch), None)
        starts, labels = self._plan(level, epoch) if ahead is None else ahead
        for i in range(first, self.per_epoch, self._together):
            images = self._images(self.strip, starts[i : i + self._together].reshape(-1))
            yield from zip(images.split(self.share.size), labels[i : i + self._together], strict=True)
        self._ahead = {(level, epoch + 1): self._plan(level, epoch + 1)}  # while a GPU is still at this epoch's steps

    def evaluation(self, part: str, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """A part in its own order, in chunks of ``size``."""
        if part not in self.parts:
            raise ValueError(f"The parts are {', '.join(self.parts)}, not {part!r}.")
        strip, starts, labels = self.parts[part].strip, self.parts[part].starts, self.parts[part].labels
        for i in range(0, len(labels), size):
            yield self._images(strip, starts[i : i + size]), labels[i : i + size]

    def moves(self, level: int, epoch: int) -> Index:
        """Shift down, shift right (0 … 2·PAD) and mirror (0, 1) of every training image: (3, n)."""
        u = uniform(self.seed, "augment", level, epoch, size=3 * self.sizes["train"]).reshape(3, -1)
        return (u * [[2 * PAD + 1], [2 * PAD + 1], [2]]).astype(np.int64)

    def _plan(self, level: int, epoch: int) -> Tensor:
        """Windows and labels of the own part of an epoch's batches, on the device: (2, per_epoch, size)."""
        shown = order(self.seed, level, epoch, self.sizes["train"])
        moves = self.moves(level, epoch)[:, shown] if self.augmented else None
        plan = np.stack([self.strip.starts(self.index[shown], moves), self.labels[shown]])
        own = torch.from_numpy(np.ascontiguousarray(self.share.of(plan)))
        return own if self.device == "cpu" else own.pin_memory().to(self.device, non_blocking=True)

    def _images(self, strip: _Strip, starts: Tensor) -> Tensor:
        """The images of some windows, each channel with the mean 0 and the variance 1 that it has on the training part."""
        windows = strip.windows.index_select(0, starts).to(torch.float32).sub_(self._mean).div_(self._std)
        return windows.unflatten(2, (strip.width, strip.channels)).permute(0, 3, 1, 2)


def moments(images: NDArray[np.uint8], index: Index) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (1, C, 1, 1) of each channel, exact integers up to the division; a constant channel has 1."""
    counts = torch.zeros((images.shape[1], 256), dtype=torch.float64)
    for i in range(0, len(index), 1000):
        for channel, pixels in enumerate(torch.from_numpy(images[index[i : i + 1000]]).transpose(0, 1)):
            counts[channel] += torch.bincount(pixels.flatten(), minlength=256)
    levels = torch.arange(256, dtype=torch.float64)
    mean = (counts * levels).sum(1) / counts.sum(1)
    variance = (counts * (levels - mean[:, None]) ** 2).sum(1) / counts.sum(1)
    std = torch.where(variance > 0, variance.sqrt(), 1.0)
    return mean.to(torch.float32).reshape(1, -1, 1, 1), std.to(torch.float32).reshape(1, -1, 1, 1)
