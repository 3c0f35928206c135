"""Sign flips and alive counts, against counting one by one."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deep.metrics import alive, flips, level_flips

values = hnp.arrays(np.float32, 12, elements=st.sampled_from([-2.0, -0.0, 0.0, 0.5, 3.0]))
masks = hnp.arrays(bool, 12)


def one_by_one(before, after, mask) -> int:
    return sum(1 for b, a, m in zip(before, after, mask, strict=True) if m and (b >= 0) != (a >= 0))


def tensors(**arrays):
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


@given(values, values, masks)
def test_flips_against_brute_force(before, after, mask):
    assert flips(tensors(w=before), tensors(w=after), tensors(w=mask)) == {"w": one_by_one(before, after, mask)}


@given(masks)
def test_alive(mask):
    assert alive(tensors(w=mask)) == {"w": sum(mask.tolist())}


def test_counting_on_unequal_masks_is_wrong():
    """A pruned negative weight is stored as +0.0: counted off the mask, pruning itself would look like a flip."""
    before, mask = torch.tensor([-1.0, -2.0, 3.0, -4.0]), torch.tensor([True, False, True, False])
    after = torch.where(mask, before, 0.0)
    everywhere = torch.ones_like(mask)
    assert flips({"w": before}, {"w": after}, {"w": mask}) == {"w": 0}
    assert flips({"w": before}, {"w": after}, {"w": everywhere}) == {"w": 2}


def test_stored_rows_against_brute_force(stored):
    for run in stored.values():
        init, previous = run.levels[0].start, None
        for level in run.levels:
            row, final, mask = level.rows[-1], level.final, level.mask
            assert row["layers"] == {n: int(m.sum()) for n, m in mask.items()}
            assert row["alive"] == sum(row["layers"].values())
            references = {"start": level.start, "init": init} | ({"previous": previous} if previous else {})
            assert row["flips"].keys() == references.keys()
            for name, point in references.items():
                for layer, m in mask.items():
                    arrays = (t.numpy().ravel().tolist() for t in (point[layer], final[layer], m))
                    assert row["flips"][name][layer] == one_by_one(*arrays), (name, layer)
            previous = final


def test_imp_flips_against_start_are_those_against_init(stored):
    for level in stored["IMP"].levels:
        assert level.rows[-1]["flips"]["start"] == level.rows[-1]["flips"]["init"]


def test_layers_add_up():
    mask = tensors(a=np.array([True, True]), b=np.array([True, False]))
    before, after = (
        tensors(a=np.array([1.0, -1.0]), b=np.array([1.0, 1.0])),
        tensors(a=np.array([-1.0, 1.0]), b=np.array([1.0, -1.0])),
    )
    assert level_flips(mask, before, after, before, None) == {"start": {"a": 2, "b": 0}, "init": {"a": 2, "b": 0}}
