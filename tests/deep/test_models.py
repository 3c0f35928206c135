"""The networks: sizes as published, initial weights that depend on seed and name alone, any image that the pools allow."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from deep.masks import prunable_names
from deep.models import NAMES, build, initialise, skeleton
from deep.models.initial import PIECE
from theory.streams import generator

CIFAR, IMAGENET = (3, 32, 32), (3, 224, 224)
STEMMED = ("resnet18", "resnet34", "resnet50", "vgg16", "vgg19", "vgg16_bn", "vgg19_bn")
ARCHITECTURES = [(name, "auto") for name in NAMES] + [(name, "imagenet") for name in STEMMED]


def count(name, shape, classes, **options):
    return sum(p.numel() for p in skeleton(name, shape, classes, **options).parameters())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("vgg16", 138_357_544),
        ("vgg16_bn", 138_365_992),
        ("vgg19", 143_667_240),
        ("vgg19_bn", 143_678_248),
    ],
)
def test_sizes_of_the_imagenet_networks(name, parameters):
    assert count(name, IMAGENET, 1000) == parameters


def convolution(inputs, outputs, kernel):
    """Weights of a convolution without bias, with its batch norm."""
    return inputs * outputs * kernel**2 + 2 * outputs


@pytest.mark.parametrize(
    ("name", "n", "parameters"), [("resnet20", 3, 272_474), ("resnet32", 5, 466_906), ("resnet56", 9, 855_770)]
)
def test_sizes_of_the_cifar_resnets(name, n, parameters):
    """He et al.: 0.27 M, 0.46 M, 0.85 M with identity shortcuts; the two projections (option B) add 2,752."""
    by_hand = convolution(3, 16, 3) + 2 * n * sum(convolution(c, c, 3) for c in (16, 32, 64)) + 64 * 10 + 10
    by_hand += sum(convolution(c, 2 * c, 3) - convolution(2 * c, 2 * c, 3) for c in (16, 32))  # first convolution of a stage
    assert parameters - by_hand == sum(convolution(c, 2 * c, 1) for c in (16, 32)) == 2752
    assert count(name, CIFAR, 10) == parameters


def test_sizes_of_the_lottery_ticket_networks():
    """Layer by layer from Frankle & Carbin's description: 266 K, 4.3 M (38 K of them in convolutions), 2.4 M (260 K), 1.1 M."""
    assert count("lenet-300-100", (1, 28, 28), 10) == 785 * 300 + 301 * 100 + 101 * 10 == 266_610
    pairs = [(9 * a + 1) * b + (9 * b + 1) * b for a, b in ((3, 64), (64, 128), (128, 256))]
    dense = (256 + 1) * 256 + (256 + 1) * 10
    assert count("conv2", CIFAR, 10) == pairs[0] + (64 * 16 * 16 + 1) * 256 + dense == 4_301_642
    assert count("conv4", CIFAR, 10) == sum(pairs[:2]) + (128 * 8 * 8 + 1) * 256 + dense == 2_425_930
    assert count("conv6", CIFAR, 10) == sum(pairs) + (256 * 4 * 4 + 1) * 256 + dense == 2_262_602
    published_head = (49 * 512 + 1) * 4096 + 4097 * 4096 + 4097 * 1000
    assert count("vgg19_bn", CIFAR, 10) == 143_678_248 - published_head + 513 * 10 == 20_040_522  # 20.0 M
    assert count("resnet18", CIFAR, 10) == 11_689_512 - 512 * 990 - 990 - 64 * 3 * (49 - 9)


@pytest.mark.parametrize(("name", "stem"), ARCHITECTURES)
@given(width=st.integers(1, 9))
@settings(max_examples=3, deadline=None)
def test_width_scales_every_hidden_layer_in_proportion(name, stem, width):
    width *= 3 if name == "lenet-300-100" else 1  # its second layer has a third of the units
    one, four = (skeleton(name, (3, 64, 64), 7, w, stem) for w in (width, 4 * width))
    first, *_, last = prunable_names(one)
    assert one.get_parameter(first).shape[0] == width
    for (parameter, a), (_, b) in zip(one.named_parameters(), four.named_parameters(), strict=True):
        outputs = 1 if parameter.rpartition(".")[0] == last.rpartition(".")[0] else 4
        assert b.shape[0] == outputs * a.shape[0]
        if parameter in prunable_names(one):
            assert b.shape[1] == (1 if parameter == first else 4) * a.shape[1]


@pytest.mark.parametrize(
    ("name", "parameter", "last"),
    [
        ("resnet20", "conv1.weight", [-0.08260376751422882, 0.26565566658973694, 0.59394770860672]),
        ("resnet20", "layer2.0.downsample.0.weight", [-0.0987229123711586, -0.6857894062995911, 0.8464863300323486]),
        ("resnet20", "fc.weight", [0.19036197662353516, -0.09776651859283447, -0.5372341871261597]),
        ("lenet-300-100", "fc1.weight", [-0.4087158143520355, 0.3325963020324707, 0.6642424464225769]),
    ],
)
def test_initial_numbers_are_those_of_stored_runs(name, parameter, last):
    """Printed by the code before this package; another stream would orphan the runs that were stored with it."""
    weight = build(name, (1, 8, 8), 10, seed=3, width=2 if name == "resnet20" else None).get_parameter(parameter)
    assert weight.flatten()[-3:].tolist() == pytest.approx(last, rel=1e-6)


@pytest.mark.parametrize("init", ["kaiming", "kaiming-fan-out", "glorot"])
@pytest.mark.parametrize("name", ["resnet20", "resnet50", "vgg16_bn", "lenet-300-100", "conv4"])
def test_each_tensor_is_its_own_stream_times_a_deviation(name, init):
    model = build(name, CIFAR, 10, seed=5, width=6, init=init)
    for parameter, value in model.named_parameters():
        if parameter in prunable_names(model):
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(value)
            variance = {"kaiming": 2 / fan_in, "kaiming-fan-out": 2 / fan_out, "glorot": 2 / (fan_in + fan_out)}[init]
            numbers = generator(5, "init", parameter).standard_normal(tuple(value.shape)) * math.sqrt(variance)
            assert torch.equal(value, torch.from_numpy(numbers).float())
        else:
            identity = parameter.endswith("weight")  # of a batch norm; all others are biases
            assert torch.equal(value, torch.full_like(value, float(identity)))
    for buffer, value in model.named_buffers():
        assert torch.equal(value, torch.full_like(value, float(buffer.endswith("running_var"))))


@pytest.mark.parametrize(("init", "variance"), [("kaiming", 2 / 576), ("kaiming-fan-out", 2 / 1152), ("glorot", 2 / 1728)])
def test_variances(init, variance):
    weight = build("resnet20", CIFAR, 10, seed=0, width=64, init=init).state_dict()["layer2.0.conv1.weight"]
    assert weight.shape == (128, 64, 3, 3)
    assert float(weight.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / weight.numel()))  # four standard errors
    assert abs(float(weight.mean())) < 4 * math.sqrt(variance / weight.numel())


def test_pieces_change_no_value():
    weight = initialise(nn.Linear(1025, PIECE // 512), seed=2).weight  # two pieces and a bit
    numbers = generator(2, "init", "weight").standard_normal(tuple(weight.shape)) * math.sqrt(2 / 1025)
    assert torch.equal(weight, torch.from_numpy(numbers).float())


def test_a_tensor_does_not_depend_on_the_rest_of_the_network():
    small, large = (build(name, CIFAR, classes, seed=4, width=3) for name, classes in (("resnet20", 10), ("resnet32", 7)))
    shared = [n for n, p in small.named_parameters() if n in large.state_dict() and p.dim() == 4]
    assert "layer3.2.conv2.weight" in shared
    assert all(torch.equal(small.get_parameter(n), large.get_parameter(n)) for n in shared)


def test_initial_weights_depend_on_the_seed_alone_and_leave_the_global_stream_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = build("resnet20", (1, 8, 8), 10, seed=1, width=4).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    same, other = (build("resnet20", (1, 8, 8), 10, seed=s, width=4).state_dict() for s in (1, 2))
    assert all(torch.equal(one[n], same[n]) for n in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])


def test_a_lazy_layer_has_no_shape_to_initialise():
    with pytest.raises(ValueError, match=r"The weight '0\.weight' is lazy"):
        initialise(nn.Sequential(nn.LazyLinear(3)), seed=0)


@given(
    architecture=st.sampled_from(ARCHITECTURES),
    channels=st.integers(1, 4),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    classes=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_image_that_the_pools_leave_a_pixel_of(architecture, channels, height, width, classes):
    name, stem = architecture
    halved = {"conv2": 1, "conv4": 2, "conv6": 3}.get(name, 0) or (4 + (stem == "imagenet") if name.startswith("vgg") else 0)
    shape = (channels, height, width)
    if min(height, width) >> halved == 0:
        with pytest.raises(ValueError, match=f"at least {2**halved}×{2**halved} pixels, not {height}×{width}"):
            build(name, shape, classes, seed=0, width=1, stem=stem)
    else:
        assert build(name, shape, classes, seed=0, width=1, stem=stem)(torch.zeros(2, *shape)).shape == (2, classes)


@pytest.mark.parametrize(("name", "stem"), ARCHITECTURES)
def test_every_parameter_takes_part(name, stem):
    """The loss has a gradient in each of them."""
    model = build(name, CIFAR, 10, seed=0, width=6, stem=stem).eval()
    images = torch.randn(4, *CIFAR, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(model(images), torch.arange(4)).backward()
    assert all(p.grad is not None and bool(p.grad.abs().max() > 0) for p in model.parameters())
    weights = {n for n, p in model.named_parameters() if p.dim() > 1}
    assert weights == set(prunable_names(model))


@torch.no_grad()
@pytest.mark.parametrize(("name", "depth"), [("lenet-300-100", 0), ("conv2", 2), ("conv4", 4), ("conv6", 6)])
def test_plain_networks_against_a_second_implementation(name, depth):
    g = torch.Generator().manual_seed(0)
    images = torch.randn(3, 2, 13, 22, generator=g)
    model = build(name, tuple(images.shape[1:]), 5, seed=0, width=7)
    weights = [p.copy_(torch.randn(p.shape, generator=g)) if p.dim() == 1 else p for p in model.parameters()]
    x = images
    for i in range(depth):
        x = F.conv2d(F.pad(x, (1, 1, 1, 1)), weights[2 * i], weights[2 * i + 1]).clamp(min=0)
        if i % 2:
            h, w = x.shape[2] // 2, x.shape[3] // 2
            x = x[:, :, : 2 * h, : 2 * w].reshape(3, -1, h, 2, w, 2).amax((3, 5))
    x = x.reshape(3, -1)
    for i in (depth, depth + 1, depth + 2):
        x = x @ weights[2 * i].T + weights[2 * i + 1]
        x = x.clamp(min=0) if i < depth + 2 else x
    torch.testing.assert_close(model(images), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", STEMMED)
def test_auto_stem_is_for_64_pixels(name):
    def names(side, stem="auto"):
        return {n: tuple(p.shape) for n, p in skeleton(name, (3, 33, side), 10, 2, stem).state_dict().items()}

    assert names(64) == names(64, "cifar") == names(65, "cifar") != names(65, "imagenet")
    assert names(65) == names(65, "imagenet") == names(64, "imagenet")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "resnet21"}, r"Unknown model 'resnet21'; known are resnet20, .*Did you mean 'resnet\d+'\?"),
        ({"name": 20}, "The model is a name or module:FACTORY, not 20"),
        ({"width": 0}, "width is a whole number of at least 1, not 0"),
        ({"width": True}, "not True"),
        ({"width": 2.0}, r"not 2\.0"),
        ({"stem": "tiny"}, "stem is auto or cifar or imagenet, not 'tiny'"),
        ({"stem": "cifar"}, "'resnet20' has one stem only, so stem is left at 'auto', not 'cifar'"),
        ({"init": "zeros"}, "init is kaiming or kaiming-fan-out or glorot, not 'zeros'"),
        ({"shape": (3, 32)}, r"\(channels, height, width\) in whole numbers, not \(3, 32\)"),
        ({"shape": (3, 0, 32)}, r"not \(3, 0, 32\)"),
        ({"shape": 32}, "not 32"),
        ({"classes": 0}, "classes is a whole number of at least 1, not 0"),
        ({"name": "math:pi"}, "The model 'math:pi' is a float, not a function of"),
        ({"name": "math:tau_"}, "The model 'math:tau_' can't be imported: AttributeError"),
        ({"name": "no.such:NET"}, "The model 'no.such:NET' can't be imported: ModuleNotFoundError"),
        ({"name": ":NET"}, "The model ':NET' can't be imported"),
        ({"name": "math:tau", "width": 3}, "'math:tau' sets its own widths, so width is left at None, not 3"),
        ({"name": "math:tau", "stem": "imagenet"}, "'math:tau' has one stem only"),
        ({"name": "math:gcd", "shape": (3, 0, 32)}, r"not \(3, 0, 32\)"),
    ],
)
def test_bad_input(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**{"name": "resnet20", "shape": CIFAR, "classes": 10, "seed": 0} | options)


def test_only_a_built_in_network_has_a_skeleton():
    with pytest.raises(ValueError, match="not 'math:gcd'"):
        skeleton("math:gcd", CIFAR, 10)


FACTORIES = """
import math
import torch
from torch import nn

class Scaled(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.layer = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 4), nn.LayerNorm(4))
        self.norm, self.out = nn.BatchNorm1d(4), nn.Linear(4, classes, bias=False)
        self.scale = nn.Parameter(torch.randn(4))
        nn.init.constant_(self.layer[2].weight, 3.0)
        nn.init.constant_(self.norm.weight, 3.0)

    def forward(self, x):
        return self.out(self.norm(self.layer(x)) * self.scale)

def one_argument(shape): ...
def text(shape, classes): return "a network"
def broken(shape, classes): raise KeyError("own error")
INSTANCE = nn.Linear(2, 2)
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    (tmp_path / "networks_from_outside.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "networks_from_outside"
    sys.modules.pop("networks_from_outside", None)


def test_a_network_from_outside(outside):
    """Its linear layers and batch norm have the built-in rule; what else it drew depends on the seed, and disturbs nobody."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = build(f"{outside}:Scaled", (1, 8, 8), 3, seed=1, init="glorot")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    same, other = (build(f"{outside}:Scaled", (1, 8, 8), 3, seed=s, init="glorot") for s in (1, 2))
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.scale, other.scale)
    numbers = generator(1, "init", "layer.1.weight").standard_normal((4, 64)) * math.sqrt(2 / 68)
    assert torch.equal(one.layer[1].weight, torch.from_numpy(numbers).float())
    assert one.layer[2].weight.tolist() == [3] * 4
    assert one.norm.weight.tolist() == [1] * 4
    assert one(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        ("one_argument", r"is called as FACTORY\(shape, classes\), but: too many positional arguments"),
        ("text", "returns a str, not a torch.nn.Module"),
        ("INSTANCE", "is a Linear, not a function of"),
    ],
)
def test_what_is_no_factory(outside, attribute, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(f"{outside}:{attribute}", (1, 8, 8), 3, seed=1)


def test_an_error_of_the_factory_itself_is_passed_on_and_the_global_stream_restored(outside):
    before = torch.get_rng_state()
    with pytest.raises(KeyError, match="own error"):
        build(f"{outside}:broken", (1, 8, 8), 3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_names_need_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"  # any import of it fails
        "from deep.models import NAMES, check_network\n"
        "[check_network(name) for name in NAMES]; print(*NAMES)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == list(NAMES)
