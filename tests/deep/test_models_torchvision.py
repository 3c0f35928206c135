"""ResNet and VGG are torchvision's: names and shapes by formula, the function by a second implementation, and by torchvision
itself where it is installed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from deep.models import build, skeleton
from deep.models.vgg import AdaptiveMean

BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet20": (3, 3, 3),
    "resnet56": (9, 9, 9),
}
VGG16 = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
VGG19 = "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M"
PLANS = {"vgg16": VGG16, "vgg16_bn": VGG16, "vgg19": VGG19, "vgg19_bn": VGG19}
LARGE = ("resnet18", "resnet34", "resnet50", *PLANS)


def norm_shapes(name, channels):
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")} | {
        f"{name}.num_batches_tracked": ()
    }


def resnet_shapes(name, width, channels, classes, kernel):
    """The state dict of a ResNet, in its order."""
    wide = 4 if name == "resnet50" else 1
    out = {"conv1.weight": (width, channels, kernel, kernel)} | norm_shapes("bn1", width)
    inputs = width
    for stage, blocks in enumerate(BLOCKS[name]):
        c = width * 2**stage
        kinds = [(1, c), (3, c), (1, 4 * c)] if wide == 4 else [(3, c), (3, c)]
        for block in range(blocks):
            prefix, before = f"layer{stage + 1}.{block}", inputs
            for i, (k, outputs) in enumerate(kinds, 1):
                out |= {f"{prefix}.conv{i}.weight": (outputs, before, k, k)} | norm_shapes(f"{prefix}.bn{i}", outputs)
                before = outputs
            if block == 0 and (stage > 0 or inputs != wide * c):
                out |= {f"{prefix}.downsample.0.weight": (wide * c, inputs, 1, 1)} | norm_shapes(
                    f"{prefix}.downsample.1", wide * c
                )
            inputs = wide * c
    return out | {"fc.weight": (classes, inputs), "fc.bias": (classes,)}


def vgg_layers(name, width=64):
    """(index in ``features``, channels or "M")."""
    index, out = 0, []
    for word in PLANS[name].split():
        out.append((index, word if word == "M" else int(word) * width // 64))
        index += 1 if word == "M" else 3 if name.endswith("bn") else 2  # convolution, (batch norm,) ReLU
    return out


def vgg_shapes(name, width, channels, classes, head):
    out = {}
    for i, c in vgg_layers(name, width):
        if c != "M":
            out |= {f"features.{i}.weight": (c, channels, 3, 3), f"features.{i}.bias": (c,)}
            out |= norm_shapes(f"features.{i + 1}", c) if name.endswith("bn") else {}
            channels = c
    sizes = {
        "classifier.0": (64 * width, 49 * channels),
        "classifier.3": (64 * width, 64 * width),
        "classifier.6": (classes, 64 * width),
    }
    for layer, shape in sizes.items() if head == "imagenet" else [("classifier", (classes, channels))]:
        out |= {f"{layer}.weight": shape, f"{layer}.bias": shape[:1]}
    return out


@pytest.mark.parametrize(("width", "channels", "classes"), [(64, 3, 1000), (3, 1, 7)])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("name", [*BLOCKS, *PLANS])
def test_names_and_shapes_in_torchvisions_order(name, stem, width, channels, classes):
    if name in PLANS:
        expected = vgg_shapes(name, width, channels, classes, stem)
    else:
        expected = resnet_shapes(name, width, channels, classes, 7 if stem == "imagenet" and name in LARGE else 3)
    network = skeleton(name, (channels, 32, 32), classes, width, stem if name in LARGE else "auto")
    assert [(n, tuple(t.shape)) for n, t in network.state_dict().items()] == list(expected.items())


@pytest.mark.parametrize(
    ("name", "entry", "shape"),
    [
        ("resnet18", "layer4.0.downsample.0.weight", (512, 256, 1, 1)),
        ("resnet50", "layer1.0.downsample.1.running_var", (256,)),
        ("resnet50", "layer3.5.conv3.weight", (1024, 256, 1, 1)),
        ("vgg16", "features.28.weight", (512, 512, 3, 3)),
        ("vgg16_bn", "features.41.running_mean", (512,)),
        ("vgg19", "features.34.bias", (512,)),
        ("vgg19_bn", "features.49.weight", (512, 512, 3, 3)),
        ("vgg19", "classifier.6.weight", (1000, 4096)),
    ],
)
def test_entries_of_the_published_files(name, entry, shape):
    """Read off torchvision 0.29.2: the formulas above, which the test before trusts, may not be wrong in the same way."""
    assert tuple(skeleton(name, (3, 224, 224), 1000).state_dict()[entry].shape) == shape


def random_state(network, seed=0):
    """Numbers for every entry, none of them at the identity; variances are positive."""
    g = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var") or (tensor.dim() == 1 and name.endswith("weight")):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=g))
        elif tensor.is_floating_point():
            scale = (2 / tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 0.1
            tensor.copy_(torch.randn(tensor.shape, generator=g) * scale)
    return network


def norm(x, state, name, training):
    statistics = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return F.batch_norm(x, *statistics, state[f"{name}.weight"], state[f"{name}.bias"], training, 0.1, 1e-5)


def resnet(state, x, name, stem, training=False, stride_at=2, pool=True):
    """A ResNet as functions of its state dict; ``stride_at`` and ``pool`` make faulty ones."""
    large = stem == "imagenet"
    x = F.relu(norm(F.conv2d(x, state["conv1.weight"], None, *((2, 3) if large else (1, 1))), state, "bn1", training))
    x = F.max_pool2d(x, 3, 2, 1) if large and pool else x
    for stage, blocks in enumerate(BLOCKS[name]):
        for block in range(blocks):
            prefix, stride, y = f"layer{stage + 1}.{block}", 2 if stage and not block else 1, x
            convolutions = [i for i in (1, 2, 3) if f"{prefix}.conv{i}.weight" in state]
            for i in convolutions:
                weight = state[f"{prefix}.conv{i}.weight"]
                strided = i == (stride_at if convolutions[-1] == 3 else 1)
                y = norm(
                    F.conv2d(y, weight, None, stride if strided else 1, weight.shape[-1] // 2),
                    state,
                    f"{prefix}.bn{i}",
                    training,
                )
                y = y if i == convolutions[-1] else F.relu(y)
            if f"{prefix}.downsample.0.weight" in state:
                x = norm(
                    F.conv2d(x, state[f"{prefix}.downsample.0.weight"], None, stride), state, f"{prefix}.downsample.1", training
                )
            x = F.relu(x + y)
    return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), state["fc.weight"], state["fc.bias"])


def vgg(state, x, name, stem, training=False, pooled=7):
    """A VGG as functions of its state dict; another number of ``pooled`` rectangles is a faulty one."""
    layers = vgg_layers(name)
    for i, c in layers if stem == "imagenet" else layers[:-1]:
        if c == "M":
            x = F.max_pool2d(x, 2)
            continue
        x = F.conv2d(x, state[f"features.{i}.weight"], state[f"features.{i}.bias"], padding=1)
        x = F.relu(norm(x, state, f"features.{i + 1}", training) if name.endswith("bn") else x)
    if stem == "cifar":
        return F.linear(x.mean((2, 3)), state["classifier.weight"], state["classifier.bias"])
    x = F.interpolate(F.adaptive_avg_pool2d(x, pooled), 7).flatten(1)  # the interpolation acts on faulty ones only
    for i in (0, 3):
        x = F.dropout(F.relu(F.linear(x, state[f"classifier.{i}.weight"], state[f"classifier.{i}.bias"])), 0.5, training)
    return F.linear(x, state["classifier.6.weight"], state["classifier.6.bias"])


def outputs(name, stem, shape, training=False, **fault):
    """Logits and state dict afterwards: of the network, and of the second implementation."""
    network = random_state(build(name, shape, 5, seed=0, width=4, stem=stem)).double().train(training)
    state = {n: t.clone() for n, t in network.state_dict().items()}
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1)).double()
    torch.manual_seed(0)  # of the dropout
    ours = network(images)
    torch.manual_seed(0)
    theirs = (vgg if name in PLANS else resnet)(state, images, name, stem, training, **fault)
    return ours, theirs, network.state_dict(), state


@torch.no_grad()
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("name", "stem", "shape"),
    [(n, s, i) for n in LARGE for s, i in (("cifar", (3, 20, 17)), ("imagenet", (1, 40, 75)), ("imagenet", (2, 32, 257)))]
    + [(n, "auto", i) for n in ("resnet20", "resnet56") for i in ((1, 8, 8), (3, 9, 75))],
)
def test_the_function_against_a_second_implementation(name, stem, shape, training):
    """In training the batch's statistics are used, and the running ones move by a tenth."""
    ours, theirs, after, state = outputs(name, stem, shape, training)
    assert ours.std() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    floats = [n for n, t in state.items() if t.is_floating_point()]
    torch.testing.assert_close({n: after[n] for n in floats}, {n: state[n] for n in floats}, rtol=1e-10, atol=1e-10)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "stem", "fault"),
    [
        ("resnet50", "imagenet", {"stride_at": 1}),  # the stride of He et al., not of torchvision
        ("resnet50", "cifar", {"stride_at": 1}),
        ("resnet18", "imagenet", {"pool": False}),
        ("vgg16", "imagenet", {"pooled": 1}),
    ],
)
def test_the_second_implementation_tells_faulty_networks(name, stem, fault):
    ours, theirs, *_ = outputs(name, stem, (3, 96, 96), **fault)
    assert (ours - theirs).abs().max() > 1e-3 * ours.std()


@given(st.integers(1, 9), st.integers(1, 20), st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_adaptive_mean_is_torchs_with_its_gradient(n, height, width):
    images = torch.randn(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    ours, theirs = (images.clone().requires_grad_() for _ in range(2))
    a, b = AdaptiveMean(n)(ours), F.adaptive_avg_pool2d(theirs, n)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    weights = torch.arange(a.numel()).reshape(a.shape)
    for y in (a, b):
        (y * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("name", LARGE)
def test_torchvision_itself(name):
    """State dicts go both ways, and the function is the same."""
    torchvision = pytest.importorskip("torchvision")
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)(weights=None)
    ours, theirs = (m.to_empty(device="cpu").eval() for m in (skeleton(name, (3, 224, 224), 1000), theirs))
    images = torch.randn(2, 3, 160, 224, generator=torch.Generator().manual_seed(0))
    random_state(ours)
    for source, target in ((ours, theirs), (theirs, ours)):
        target.load_state_dict(source.state_dict(), strict=True)
        a, b = target(images), source(images)
        torch.testing.assert_close(a, b, rtol=0, atol=2e-6 * float(b.abs().max()))
        next(theirs.parameters()).mul_(2)  # news to carry on the way back
