"""Which images a seed trains on and holds out, in what order an epoch shows them, and what one process has of a batch."""

import numpy as np
from numpy.typing import NDArray

from theory.streams import generator

from .config import Training

__all__ = ["Share", "order", "split"]

Index = NDArray[np.int64]


def split(n: int, config: Training) -> tuple[Index, Index]:
    """Indices, ascending, of training and validation images among n: the first and the next ones in the seed's random order.

    Raises ValueError where there are not enough for the subset or for a batch.
    """
    train = n - round(config.validation * n) if config.subset is None else config.subset
    held_out = n - train if config.subset is None else round(config.validation * train)
    if train + held_out > n:
        raise ValueError(f"subset={config.subset} with {held_out} validation images is more than the {n} images in train/.")
    if config.batch_size > train:
        raise ValueError(f"batch_size={config.batch_size} is more than the {train} training images.")
    chosen = generator(config.seed, "split").permutation(n)
    return np.sort(chosen[:train]), np.sort(chosen[train : train + held_out])


def order(seed: int, level: int, epoch: int, n: int) -> Index:
    """The order in which an epoch shows its n images.

    >>> order(0, 1, 2, 5).tolist() == order(0, 1, 2, 5).tolist(), sorted(order(0, 1, 2, 5).tolist())
    (True, [0, 1, 2, 3, 4])
    """
    return generator(seed, "order", level, epoch).permutation(n)


class Share:
    """The contiguous part of each batch that process ``rank`` of ``world`` trains on.

    >>> Share((1, 2), 4).of(np.arange(9)).tolist()
    [[2, 3], [6, 7]]
    """

    def __init__(self, share: tuple[int, int], batch_size: int):
        self.rank, self.world = share
        if not 0 <= self.rank < self.world:
            raise ValueError(f"share is (rank, world) with 0 <= rank < world, not {share!r}.")
        if batch_size % self.world:
            raise ValueError(f"batch_size={batch_size} can't be shared equally by {self.world} processes.")
        self.batch_size = batch_size

    @property
    def size(self) -> int:
        """Images of a batch that are this process's own."""
        return self.batch_size // self.world

    def of(self, images: Index) -> Index:
        """Of an epoch's images in order (…, n) its own: (…, whole batches, size)."""
        whole = images.shape[-1] // self.batch_size * self.batch_size
        return images[..., :whole].reshape(*images.shape[:-1], -1, self.world, self.size)[..., self.rank, :]
