"""What a training sees of its images: training, validation and test part, and batches in an order made by counters.

All images lie on the device as uint8. The order of an epoch and the shift and mirror of each image in it depend on (seed,
level, epoch) alone, so any epoch can be made again without the ones before it.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from theory.streams import generator, uniform

from .config import Training
from .images import Images, Split

__all__ = ["PAD", "Part", "Parts"]

PAD = 4
"""Black pixels around an image before a random crop of its own size."""


class Part:
    """Images (n, C, H, W) uint8 and labels (n,) on a device."""

    def __init__(self, split: Split, device: str):
        self.images = torch.from_numpy(split.images).to(device)
        self.labels = torch.from_numpy(split.labels).to(device)

    def __len__(self) -> int:
        return len(self.labels)


class Parts:
    """The training, validation and test part of ``images`` for the seed of ``config``."""

    def __init__(self, images: Images, config: Training):
        train, held_out = _split(len(images.train.labels), config)
        self.train, self.validation = (
            Part(Split(images.train.images[i], images.train.labels[i]), config.device) for i in (train, held_out)
        )
        self.test = Part(images.test, config.device)
        self.seed, self.batch_size = config.seed, config.batch_size
        self.augmented = config.augment == "crop-flip" or (config.augment == "auto" and images.shape == (3, 32, 32))
        self.mean, self.std = _moments(self.train.images)
        self._windows = _windows(self.train.images) if self.augmented else None

    @property
    def per_epoch(self) -> int:
        """Whole batches an epoch; the few images left over differ from epoch to epoch."""
        return len(self.train) // self.batch_size

    def batches(self, level: int, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels of an epoch's batches, from batch ``first`` on."""
        n, device = len(self.train), self.train.labels.device
        order = torch.from_numpy(generator(self.seed, "order", level, epoch).permutation(n)).to(device)
        moves = self._moves(level, epoch) if self.augmented else None
        for i in range(first, self.per_epoch):
            index = order[i * self.batch_size : (i + 1) * self.batch_size]
            images = self.train.images[index] if moves is None else self._moved(index, moves[:, index])
            yield self.normalised(images), self.train.labels[index]

    def normalised(self, images: Tensor) -> Tensor:
        """float32 with the mean 0 and the variance 1 that each channel has on the training part."""
        return images.to(torch.float32, memory_format=torch.channels_last).sub_(self.mean).div_(self.std)

    def _moves(self, level: int, epoch: int) -> Tensor:
        """Shift down, shift right (0 … 2·PAD) and mirror (0, 1) of every training image: (3, n)."""
        u = uniform(self.seed, "augment", level, epoch, size=3 * len(self.train)).reshape(3, -1)
        return torch.from_numpy((u * [[2 * PAD + 1], [2 * PAD + 1], [2]]).astype(np.int64)).to(self.train.labels.device)

    def _moved(self, index: Tensor, moves: Tensor) -> Tensor:
        assert self._windows is not None
        crops = self._windows[index, :, moves[0], moves[1]]
        return torch.where(moves[2].bool()[:, None, None, None], crops.flip(-1), crops)


def _split(n: int, config: Training) -> tuple[np.ndarray, np.ndarray]:
    """Indices of training and validation images: the first and the next ones in the seed's random order."""
    train = n - round(config.validation * n) if config.subset is None else config.subset
    held_out = n - train if config.subset is None else round(config.validation * train)
    if train + held_out > n:
        raise ValueError(f"subset={config.subset} with {held_out} validation images is more than the {n} images in train/.")
    if config.batch_size > train:
        raise ValueError(f"batch_size={config.batch_size} is more than the {train} training images.")
    order = generator(config.seed, "split").permutation(n)
    return np.sort(order[:train]), np.sort(order[train : train + held_out])


def _moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, exact integers up to the division; a constant channel has 1."""
    counts = torch.stack([torch.bincount(c.flatten(), minlength=256) for c in images.transpose(0, 1).cpu()]).to(torch.float64)
    levels = torch.arange(256, dtype=torch.float64)
    mean = (counts * levels).sum(1) / counts.sum(1)
    variance = (counts * (levels - mean[:, None]) ** 2).sum(1) / counts.sum(1)
    std = torch.where(variance > 0, variance.sqrt(), 1.0)
    mean, std = (x.to(torch.float32).to(images.device).reshape(1, -1, 1, 1) for x in (mean, std))
    return mean, std


def _windows(images: Tensor) -> Tensor:
    """Every crop of the padded images as a view: (n, C, 2·PAD + 1, 2·PAD + 1, H, W)."""
    h, w = images.shape[2:]
    return functional.pad(images, (PAD,) * 4).unfold(2, h, 1).unfold(3, w, 1)
