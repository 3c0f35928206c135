"""Residual networks: those for small images in three stages (He et al. 2015, section 4.2) and those for ImageNet in four.

A stage halves the image (but for the first) and doubles the channels; where the shape changes the shortcut is a 1×1
convolution with batch norm (option B). Parameters are named as in torchvision.
"""

import torch
from torch import Tensor, nn

__all__ = ["DEPTHS", "BasicBlock", "Bottleneck", "ResNet"]


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, width, ⌈H/stride⌉, ⌈W/stride⌉)."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """A 3×3 convolution, which has the stride, between two 1×1 ones, with a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, 4·width, ⌈H/stride⌉, ⌈W/stride⌉)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(y)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


Block = type[BasicBlock] | type[Bottleneck]

DEPTHS: dict[str, tuple[Block, tuple[int, ...]]] = {
    "resnet20": (BasicBlock, (3, 3, 3)),
    "resnet32": (BasicBlock, (5, 5, 5)),
    "resnet56": (BasicBlock, (9, 9, 9)),
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
}
"""The kind of block, and how many of them each stage has."""


class ResNet(nn.Module):
    """Stages of blocks with width, 2·width, 4·width, … channels (times the block's expansion), mean pool, linear layer.

    The "cifar" stem is a 3×3 convolution of stride 1, the "imagenet" stem a 7×7 one of stride 2 and a 3×3 max pool of stride 2.
    """

    def __init__(self, block: Block, blocks: tuple[int, ...], width: int, channels: int, classes: int, stem: str = "cifar"):
        super().__init__()
        large = stem == "imagenet"
        self.conv1 = nn.Conv2d(channels, width, *((7, 2, 3) if large else (3, 1, 1)), bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if large else nn.Identity()
        self.stages = [f"layer{i + 1}" for i in range(len(blocks))]
        inputs = width
        for i, stage in enumerate(self.stages):
            made = []
            for j in range(blocks[i]):
                made.append(block(inputs, width << i, 2 if i and not j else 1))
                inputs = (width << i) * block.expansion
            self.add_module(stage, nn.Sequential(*made))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, channels, H, W)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return self.fc(torch.mean(x, (2, 3)))
