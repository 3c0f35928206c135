"""An ordinary training loop for ``deep_throughput``: DataLoader with workers, single PIL images, Python masks after each step.

As in many public codes: images are cropped and mirrored by PIL, made tensors and normalised one by one in worker processes;
float masks are multiplied into the weights after the optimiser's step; loss and accuracy are read after each batch. Eager.
"""

import random

import numpy as np
import torch
from deep_bare import Turns, resnet, settings
from PIL import Image, ImageOps
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

MEAN, STD = np.float32([0.4914, 0.4822, 0.4465]), np.float32([0.247, 0.243, 0.262])


class Images(Dataset):
    """Random images, augmented as usual."""

    def __init__(self, n):
        rng = np.random.default_rng(0)
        self.images, self.labels = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, n)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = ImageOps.expand(Image.fromarray(self.images[i]), 4)
        left, top = random.randint(0, 8), random.randint(0, 8)
        image = image.crop((left, top, left + 32, top + 32))
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = (np.asarray(image, np.float32) / 255 - MEAN) / STD
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy()), int(self.labels[i])


def main():
    asked = settings().parse_args()
    torch.set_num_threads(asked.threads)
    torch.backends.cudnn.benchmark = True
    net = resnet(asked.model).to(asked.device)
    masks = {n: (torch.rand_like(p) < 0.5).float() for n, p in net.named_parameters() if p.dim() > 1}
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    loader = DataLoader(
        Images(asked.images), asked.batch, shuffle=True, num_workers=asked.workers, drop_last=True, persistent_workers=True,
        pin_memory=asked.device == "cuda",
    )  # fmt: skip

    turns = Turns(asked, sum(p.numel() for p in net.parameters()))
    while True:
        total = correct = 0
        for images, labels in loader:
            x, y = images.to(asked.device, non_blocking=True), labels.to(asked.device, non_blocking=True)
            optimiser.zero_grad()
            with torch.autocast(asked.device, torch.bfloat16, enabled=asked.precision == "bfloat16"):
                outputs = net(x)
                loss = cross_entropy(outputs, y)
            loss.backward()
            optimiser.step()
            with torch.no_grad():
                for name, p in net.named_parameters():
                    if name in masks:
                        p.mul_(masks[name])
            total += loss.item() * len(y)
            correct += (outputs.argmax(1) == y).sum().item()
        turns.done()


if __name__ == "__main__":
    main()
