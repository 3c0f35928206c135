"""Safetensors files in fewer bytes: back to the same bits, whatever they hold, and one sentence for what is damaged."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load, save
from safetensors.torch import save as save_torch

from deep.tensor_bytes import expand, expand_masks, shrink, shrink_masks

ARRAYS = st.dictionaries(
    st.text("abc.é", min_size=1, max_size=4),
    st.sampled_from(["<f4", "<f8", "<f2", "<i8", "|b1", "|u1"]).flatmap(
        lambda kind: hnp.arrays(np.dtype(kind), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    min_size=1,
    max_size=4,
)


@given(ARRAYS)
@settings(max_examples=150, deadline=None)
def test_back_to_the_same_bytes(arrays):
    content = save({name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()})
    header, packed = shrink(content)
    assert expand(header, packed) == content


def test_special_values_survive_and_pruned_weights_cost_a_bit():
    weights = torch.zeros(8000)
    weights[:6] = torch.tensor([-0.0, math.nan, math.inf, -math.inf, 1e-45, 3.0])
    content = save_torch({"w": weights, "n": torch.tensor(7)}, {"note": "x"})
    header, packed = shrink(content)
    assert expand(header, packed) == content
    assert load(packed)["planes_4"].shape == (4, 6)  # −0.0 is no +0.0
    assert len(packed) < 8000 / 8 + 400


def masks(levels: int, n: int, seed: int = 0) -> list[bytes]:
    gone = np.random.default_rng(seed).integers(0, levels, n)
    return [save({"a": (gone > k)[: n // 2], "b": (gone > k)[n // 2 :].reshape(-1, 1)}) for k in range(-1, levels - 1)]


@pytest.mark.parametrize("levels", [1, 2, 11, 255, 300])
def test_masks_back_to_the_same_bytes(levels):
    contents = masks(levels, 1000)
    header, packed = shrink_masks(contents)
    assert [expand_masks(header, packed, i) for i in range(levels)] == contents
    assert len(packed) < 1000 * (1 if levels < 256 else 2) + 200


def test_masks_that_are_not_nested_are_refused():
    contents = masks(4, 100)
    with pytest.raises(ValueError, match="mask of level 2 is no subset"):
        shrink_masks([contents[0], contents[2], contents[1]])
    with pytest.raises(ValueError, match="mask of level 0"):
        shrink_masks(contents[1:])
    with pytest.raises(ValueError, match="differ in names or shapes"):
        shrink_masks([contents[0], save({"a": np.ones(3, dtype=bool)})])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        (2**60).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"\xff\xfe",
        (2).to_bytes(8, "little") + b"{}" + b"more",
        save({"w": np.ones(3)})[:-1],
    ],
)
def test_what_is_no_safetensors_file_is_refused(content):
    with pytest.raises(ValueError, match=r"safetensors file"):
        shrink(content)


def test_gaps_and_strange_headers_are_refused():
    for entry in ({"data_offsets": [4, 8], "shape": [1]}, {"data_offsets": [0, 7], "shape": [2]}, {"shape": [1]}, 3):
        header = json.dumps({"w": entry})
        with pytest.raises(ValueError, match="safetensors file"):
            expand(header, save({"planes_4": np.zeros((4, 1), dtype=np.uint8)}))


def test_damaged_packed_values_are_refused():
    header, packed = shrink(save({"w": np.float32([0, 0, 0, 1, 2])}))
    good = load(packed)
    huge = header.replace("[5]", f"[{10**12}]").replace("[0,20]", f"[0,{4 * 10**12}]")
    for head, arrays in (
        (header, {}),
        (header, {"planes_4": good["planes_4"]}),
        (header, good | {"planes_4": good["planes_4"][:3]}),
        (header, good | {"there_4": np.zeros(1, dtype=np.uint8)}),
        (header, good | {"there_4": np.zeros(0, dtype=np.uint8)}),
        (huge, good),
        (huge, {"planes_4": good["planes_4"]}),
    ):
        with pytest.raises(ValueError, match="packed values"):
            expand(head, save(arrays))
    with pytest.raises(ValueError, match="Packed values can't be read"):
        expand(header, b"x")
    with pytest.raises(ValueError, match="packed masks"):
        expand_masks(header, packed, 1)


def test_a_variant_that_drops_signs_of_zero_is_caught():
    """Negative control: zeros found by value, not by bits, would lose −0.0."""
    content = save({"w": np.float32([-0.0, 0.0, 0.0, 0.0])})
    values = load(content)["w"]
    assert save({"w": np.where(values != 0, values, np.float32(0))}) != content
    assert expand(*shrink(content)) == content
