"""The networks of "The Lottery Ticket Hypothesis" that have neither shortcuts nor batch norm: LeNet-300-100 and Conv-2/4/6."""

import torch
from torch import Tensor, nn

__all__ = ["ConvNet", "LeNet"]


class LeNet(nn.Module):
    """Two hidden layers of ``width`` and width/3 (rounded, at least one) units: 300 and 100 as published."""

    def __init__(self, inputs: int, width: int, classes: int):
        super().__init__()
        second = max(round(width / 3), 1)
        self.fc1, self.fc2, self.fc3 = nn.Linear(inputs, width), nn.Linear(width, second), nn.Linear(second, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, channels, H, W)."""
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))


class ConvNet(nn.Module):
    """Conv-2/4/6: pairs of 3×3 convolutions with width, 2·width, 4·width channels, a 2×2 max pool after each pair (an odd last
    row or column is dropped), then linear layers of 4·width, 4·width and ``classes`` units.
    """

    def __init__(self, convolutions: int, width: int, shape: tuple[int, int, int], classes: int):
        super().__init__()
        (inputs, height, rest), pairs = shape, convolutions // 2
        self.convolutions = [f"conv{i + 1}" for i in range(convolutions)]
        for i, name in enumerate(self.convolutions):
            self.add_module(name, nn.Conv2d(inputs, width << i // 2, 3, 1, 1))
            inputs = width << i // 2
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(inputs * (height >> pairs) * (rest >> pairs), 4 * width)
        self.fc2, self.fc3 = nn.Linear(4 * width, 4 * width), nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, channels, H, W)."""
        for i, name in enumerate(self.convolutions):
            x = torch.relu(getattr(self, name)(x))
            x = self.pool(x) if i % 2 else x
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))
