"""What several test modules share."""

import functools

import pytest


def _has_gpu():
    torch = pytest.importorskip("torch")
    return torch.cuda.is_available()


@pytest.fixture(params=["cpu", "torch", "cuda"])
def run(request, monkeypatch):
    """The population engine that the test module names as ``ENGINE`` (function, its module, its name in ``population_torch``):
    compiled, by torch on CPU tensors, by torch on a GPU."""
    function, module, by_torch = request.module.ENGINE
    if request.param == "cuda" and not _has_gpu():
        pytest.skip("there is no GPU")
    if request.param == "torch":
        torch = pytest.importorskip("torch")
        from simulate import population_torch

        on_cpu = functools.partial(getattr(population_torch, by_torch), torch.device("cpu"))
        monkeypatch.setattr(module, "_solver", lambda _: on_cpu)
    return functools.partial(function, device="cpu" if request.param == "torch" else request.param)
