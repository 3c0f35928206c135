"""The synthetic limit of ``deep_throughput``: model and optimiser alone, fed from one tensor on the device. No project code.

No augmentation, masks, metrics or logging; channels_last, fused SGD, autocast and torch.compile as asked for. Run by
``deep_throughput``; for each line on standard input it trains one epoch and prints its seconds.
"""

import argparse
import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, relu

SIZES = {"resnet20": (16, (3, 3, 3), (1, 2, 2)), "resnet18": (64, (2, 2, 2, 2), (1, 2, 2, 2))}


def convolution(inputs, outputs, size, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
    )  # fmt: skip


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.second = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, stride)

    def forward(self, x):
        return relu(self.second(relu(self.first(x), inplace=True)) + self.shortcut(x), inplace=True)


def resnet(name):
    """ResNet-20 or ResNet-18 for images of 32×32 pixels."""
    width, depths, strides = SIZES[name]
    layers, inputs = [convolution(3, width, 3), nn.ReLU(inplace=True)], width
    for i, (depth, stride) in enumerate(zip(depths, strides, strict=True)):
        for j in range(depth):
            layers.append(Block(inputs, width * 2**i, stride if j == 0 else 1))
            inputs = width * 2**i
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def settings():
    """What all three contestants are told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=SIZES, default="resnet20")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compile", choices=("none", "default", "reduce-overhead", "max-autotune"), default="none")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), default="float32")
    parser.add_argument("--deterministic", action="store_true", help="of ours alone: kernels that give the same bits again")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    return parser


class Turns:
    """An epoch of warm-up (three on a GPU), then one for each line on standard input: its seconds, the peak memory so far."""

    def __init__(self, asked, parameters):
        self.device, self.parameters, self.warm = asked.device, parameters, 1 if asked.device == "cpu" else 3
        self._start()

    def _start(self):
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def done(self):
        """An epoch ended. Returns when the next one is asked for; ends the process when none will be."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        found = {"wall": time.perf_counter() - self.wall, "processor": time.process_time() - self.processor}
        self.warm -= 1
        if self.warm <= 0:
            print(
                json.dumps({"parameters": self.parameters} if self.warm == 0 else found | {"peak": peak(self.device)}),
                flush=True,
            )
            if not sys.stdin.readline():
                sys.exit()
        self._start()


def peak(device):
    """Bytes: allocated on the GPU, or resident in the main memory."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    asked = settings().parse_args()
    torch.set_num_threads(asked.threads)
    torch.set_float32_matmul_precision("high" if asked.precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = asked.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    net = resnet(asked.model).to(asked.device, memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, fused=True)
    images = torch.randn(asked.images, 3, 32, 32, device=asked.device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (asked.images,), device=asked.device)

    def loss(x, y):
        with torch.autocast(asked.device, torch.bfloat16, enabled=asked.precision == "bfloat16"):
            outputs = net(x)
        return cross_entropy(outputs.float(), y)

    mode = None if asked.compile == "default" else asked.compile
    compiled = loss if asked.compile == "none" else torch.compile(loss, mode=mode)

    turns = Turns(asked, sum(p.numel() for p in net.parameters()))
    while True:
        for i in range(0, asked.images - asked.batch + 1, asked.batch):
            optimiser.zero_grad()
            compiled(images[i : i + asked.batch], labels[i : i + asked.batch]).backward()
            optimiser.step()
        turns.done()


if __name__ == "__main__":
    main()
