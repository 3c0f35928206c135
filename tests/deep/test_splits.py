"""Parts of a data set and of a batch."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deep.config import Training
from deep.splits import Share, order, split


@given(st.integers(1, 200), st.floats(0, 0.9), st.integers(0, 5))
def test_training_and_validation_part_are_disjoint_ordered_and_of_the_asked_size(n, validation, seed):
    assume(round(validation * n) < n)
    train, held_out = split(n, Training(validation=validation, batch_size=1, seed=seed))
    assert (len(train), len(held_out)) == (n - round(validation * n), round(validation * n))
    assert sorted([*train, *held_out]) == list(range(n))
    assert (np.diff(train) > 0).all()
    assert (np.diff(held_out) > 0).all()


def test_a_subset_is_the_start_of_a_larger_one():
    small, large = (split(100, Training(subset=k, batch_size=1, validation=0.0))[0] for k in (20, 60))
    assert set(small) < set(large)
    assert set(small) != set(split(100, Training(subset=20, batch_size=1, validation=0.0, seed=1))[0])


@pytest.mark.parametrize(("settings", "words"), [({"subset": 1400}, "subset=1400"), ({"subset": 10}, "batch_size=48")])
def test_too_few_images(settings, words):
    with pytest.raises(ValueError, match=words):
        split(1437, Training(batch_size=48, **settings))


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 40))
def test_shares_of_all_processes_make_up_each_batch(world, size, n):
    batch = world * size
    images = order(0, 0, 0, n)
    shares = [Share((rank, world), batch).of(images) for rank in range(world)]
    whole = np.concatenate(shares, axis=1)
    assert whole.shape == (n // batch, batch)
    assert np.array_equal(whole.ravel(), images[: whole.size])


@pytest.mark.parametrize(
    ("share", "words"),
    [((0, 3), r"batch_size=16 can't be shared equally by 3 processes"), ((2, 2), r"not \(2, 2\)"), ((0, 0), r"not \(0, 0\)")],
)
def test_impossible_shares(share, words):
    with pytest.raises(ValueError, match=words):
        Share(share, 16)
