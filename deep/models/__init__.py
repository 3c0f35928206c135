"""The networks by name: ``build(name, shape, classes, seed, …)``, initialised by counters alone.

| name | what it is | parameters (millions) |
|---|---|---|
| resnet20, resnet32, resnet56 | CIFAR ResNets of [1], 1×1 projections where the shape changes (option B) | 0.27, 0.47, 0.86 |
| resnet18, resnet34, resnet50 | ImageNet ResNets of [1]; stride of a bottleneck on its 3×3 convolution | 11.7, 21.8, 25.6 |
| vgg16, vgg19, vgg16_bn, vgg19_bn | configurations D and E of [2], without and with batch norm | 138, 144, 138, 144 |
| lenet-300-100 | two hidden layers, as in [3], on 28×28 pixels | 0.27 |
| conv2, conv4, conv6 | 2, 4, 6 convolutions and three linear layers, as in [3] and [4], on CIFAR | 4.3, 2.4, 2.3 |

ResNet-18/34/50 and VGG have a ``stem``: "imagenet" is torchvision's network, down to the names and shapes of its state dict;
"cifar" starts a ResNet with a 3×3 convolution of stride 1 and no max pool, and ends a VGG with a global average pool and one
linear layer, as in [5]. "auto" takes "cifar" for images of at most 64 pixels a side. ``width`` scales all hidden layers.

[1] He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. arXiv 1512.03385, 2015.
[2] Simonyan, Zisserman. Very Deep Convolutional Networks for Large-Scale Image Recognition. arXiv 1409.1556, 2014.
[3] Frankle, Carbin. The Lottery Ticket Hypothesis. arXiv 1803.03635, 2018.
[4] Zhou, Lan, Liu, Yosinski. Deconstructing Lottery Tickets: Zeros, Signs, and the Supermask. arXiv 1905.01067, 2019.
[5] Frankle, Dziugaite, Roy, Carbin. Stabilizing the Lottery Ticket Hypothesis. arXiv 1903.01611, 2019.
"""

from theory.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "names": "INITS NAMES STEMS check_network",
        "construction": "build skeleton",
        "initial": "initialise",
        "resnet": "ResNet",
        "vgg": "VGG",
        "plain": "ConvNet LeNet",
    },
)
