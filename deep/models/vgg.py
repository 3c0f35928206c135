"""VGG-16 and VGG-19 (Simonyan & Zisserman 2014): five stages of 3×3 convolutions, parameters named as in torchvision."""

import torch
from torch import Tensor, nn

__all__ = ["DEPTHS", "VGG", "AdaptiveMean"]

DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions of each stage."""


class AdaptiveMean(nn.Module):
    """(B, C, H, W) → (B, C, n, n): the mean over n × n rectangles that cover the image, as ``nn.AdaptiveAvgPool2d(n)``.

    Rectangle i of n covers the rows ⌊i·H/n⌋ to ⌈(i + 1)·H/n⌉ - 1. Unlike torch's own layer it has a deterministic gradient on
    CUDA, and it costs nothing where the image has n × n pixels already.

    >>> AdaptiveMean(2)(torch.arange(3.0).reshape(1, 1, 1, 3)).tolist()
    [[[[0.5, 1.5], [0.5, 1.5]]]]
    """

    def __init__(self, n: int):
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        for axis in (2, 3):
            size = x.shape[axis]
            if size != self.n:
                edges = [(i * size // self.n, -(-(i + 1) * size // self.n)) for i in range(self.n)]
                x = torch.stack([x.narrow(axis, start, end - start).mean(axis) for start, end in edges], axis)
        return x


class VGG(nn.Module):
    """Stages of width, 2·width, 4·width, 8·width and 8·width channels, with a 2×2 max pool after each.

    The "imagenet" stem ends as published: means over 7 × 7 rectangles, linear layers of 64·width, 64·width and ``classes``
    units, dropout of 1/2 after the first two. The "cifar" stem has no last max pool: the mean over the image and one linear
    layer follow, as in "Stabilizing the Lottery Ticket Hypothesis".
    """

    def __init__(self, depths: tuple[int, ...], norm: bool, width: int, channels: int, classes: int, stem: str = "cifar"):
        super().__init__()
        stages = [width << min(i, 3) for i in range(len(depths))]
        layers: list[nn.Module] = []
        for outputs, depth in zip(stages, depths, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, outputs, 3, 1, 1), *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU(True)]
                channels = outputs
            layers.append(nn.MaxPool2d(2, 2))
        large = stem == "imagenet"
        self.features = nn.Sequential(*(layers if large else layers[:-1]))
        self.avgpool = AdaptiveMean(7 if large else 1)
        self.classifier = _published_head(channels, 64 * width, classes) if large else nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, channels, H, W)."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _published_head(inputs: int, hidden: int, classes: int) -> nn.Sequential:
    first = (nn.Linear(49 * inputs, hidden), nn.ReLU(True), nn.Dropout(0.5))
    return nn.Sequential(*first, nn.Linear(hidden, hidden), nn.ReLU(True), nn.Dropout(0.5), nn.Linear(hidden, classes))
