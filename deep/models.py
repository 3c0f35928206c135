"""The networks: the CIFAR ResNets of He et al. (2015) and LeNet-300-100, initialised by counters alone.

ResNet-(6n+2) has a 3×3 stem, three stages of n blocks with width, 2·width and 4·width channels, and 1×1 convolutions (option B)
where the shape changes. Parameters are named as in torchvision.
"""

import math

import torch
from torch import Tensor, nn

from theory.streams import generator

__all__ = ["LeNet", "ResNet", "build", "kaiming"]


class Block(nn.Module):
    """Two 3×3 convolutions with a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(inputs, outputs, stride) if stride != 1 or inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H/stride, W/stride)."""
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class ResNet(nn.Module):
    """ResNet-(6n+2) for small images."""

    def __init__(self, n: int, width: int, channels: int, classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self._stage(n, width, width, 1)
        self.layer2 = self._stage(n, width, 2 * width, 2)
        self.layer3 = self._stage(n, 2 * width, 4 * width, 2)
        self.fc = nn.Linear(4 * width, classes)

    @staticmethod
    def _stage(n: int, inputs: int, outputs: int, stride: int) -> nn.Sequential:
        return nn.Sequential(Block(inputs, outputs, stride), *(Block(outputs, outputs, 1) for _ in range(n - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, channels, H, W)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class LeNet(nn.Module):
    """LeNet-300-100: two hidden layers of 300 and 100 units."""

    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(inputs, 300), nn.Linear(300, 100), nn.Linear(100, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, channels, H, W)."""
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))


def build(name: str, width: int, shape: tuple[int, int, int], classes: int, seed: int) -> nn.Module:
    """The network ``name`` for images of ``shape`` (channels, height, width) with the initial weights of ``seed``."""
    with torch.device("meta"):  # no numbers are drawn from the global stream
        model = (
            LeNet(math.prod(shape), classes)
            if name == "lenet-300-100"
            else ResNet((int(name.removeprefix("resnet")) - 2) // 6, width, shape[0], classes)
        )
    return kaiming(model.to_empty(device="cpu"), seed)


@torch.no_grad()
def kaiming(model: nn.Module, seed: int) -> nn.Module:
    """Weights N(0, 2/fan_in), biases 0, batch norm the identity; each tensor has a stream of its own, keyed by the seed.

    >>> a, b = (kaiming(nn.Linear(3, 2), seed=1) for _ in range(2))
    >>> torch.equal(a.weight, b.weight)
    True
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_parameters()
        elif isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
            fan_in = math.prod(module.weight.shape[1:])
            normal = generator(seed, "init", f"{name}.weight").standard_normal(tuple(module.weight.shape))
            module.weight.copy_(torch.from_numpy(normal * math.sqrt(2 / fan_in)))
            if module.bias is not None:
                module.bias.zero_()
    return model
