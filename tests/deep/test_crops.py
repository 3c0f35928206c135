"""Random and middle parts of images: their law, and second implementations of both."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from deep.crops import TRIES, draws, middle, random_part, rectangle
from deep.images import CROP

NUMBERS = 4 * TRIES + 1


def _noise(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def _rectangle(width, height, u):
    """All tries at once in NumPy, then the first one that fits."""
    share, aspect, x, y = u[: 4 * TRIES].reshape(TRIES, 4).T
    ratio = (3 / 4) * (16 / 9) ** aspect
    area = (0.08 + 0.92 * share) * width * height
    w, h = np.rint(np.sqrt(area * ratio)).astype(int), np.rint(np.sqrt(area / ratio)).astype(int)
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    if not fits.any():
        w0, h0 = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
        return (width - w0) // 2, (height - h0) // 2, (width - w0) // 2 + w0, (height - h0) // 2 + h0
    i = int(np.argmax(fits))
    left, top = int(x[i] * (width - w[i] + 1)), int(y[i] * (height - h[i] + 1))
    return left, top, left + int(w[i]), top + int(h[i])


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 2**32 - 1))
def test_a_rectangle_lies_in_the_image_and_equals_the_second_implementation(width, height, seed):
    u = np.random.default_rng(seed).random(NUMBERS)
    left, top, right, bottom = rectangle(width, height, u)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (left, top, right, bottom) == _rectangle(width, height, u)


def test_areas_ratios_and_places_have_their_laws():
    """On a square no try fails for its ratio alone below 3/4 of the area: there the share is uniform, the log ratio too."""
    u = draws(0, 0, 0, np.arange(20_000))
    boxes = np.array([rectangle(3000, 3000, row) for row in u])
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    share, ratio = w * h / 9e6, np.log(w / h) / math.log(4 / 3)
    small = share < 0.75
    assert stats.kstest((share[small] - 0.08) / 0.67, "uniform").pvalue > 1e-4
    assert stats.kstest((ratio[small] + 1) / 2, "uniform").pvalue > 1e-4
    place = (boxes[small, 0] + 0.5) / (3001 - w[small])
    assert stats.kstest(place, "uniform").pvalue > 1e-4
    assert abs(np.corrcoef(boxes[small, 0] / (3001 - w[small]), boxes[small, 1] / (3001 - h[small]))[0, 1]) < 0.04
    assert abs((u[:, -1] < 0.5).mean() - 0.5) < 0.02


def test_what_is_too_long_for_every_try_shows_its_middle():
    u = np.full(NUMBERS, 0.9)
    assert rectangle(400, 10, u) == (193, 0, 206, 10)
    assert rectangle(10, 400, u) == (0, 193, 10, 206)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_part_of_the_crops_own_size_is_shown_as_it_is(mirror):
    u = np.full(NUMBERS, 0.5)
    u[0], u[-1] = 1.0, 0.2 if mirror else 0.5
    image = _noise(CROP, CROP)
    assert np.array_equal(random_part(image, u), np.asarray(image)[:, :: -1 if mirror else 1])


def test_a_part_is_resized_alone_without_pixels_around_it():
    u = draws(3, 1, 4, np.arange(5))
    image = _noise(300, 260)
    for row in u:
        left, top, right, bottom = rectangle(300, 260, row)
        alone = Image.fromarray(np.asarray(image)[top:bottom, left:right])
        shown = np.asarray(alone.resize((CROP, CROP), Image.Resampling.BILINEAR))
        assert np.array_equal(random_part(image, row), shown[:, ::-1] if row[-1] < 0.5 else shown)


@pytest.mark.parametrize("size", [(256, 256), (256, 300), (301, 256)])
def test_the_middle_of_an_image_of_256_pixels_is_its_pixels(size):
    image = _noise(*size)
    left, top = round((size[0] - CROP) / 2), round((size[1] - CROP) / 2)
    assert np.array_equal(middle(image), np.asarray(image)[top : top + CROP, left : left + CROP])


@given(st.integers(40, 700), st.integers(40, 700))
@settings(max_examples=20, deadline=None)
def test_the_middle_is_where_it_was_in_the_image(width, height):
    """Resizing keeps a linear ramp, away from the borders, so that its values tell which place each pixel came from."""
    ramp = np.linspace(0, 250, width)[None, :, None].repeat(height, 0).repeat(3, 2)
    shown = middle(Image.fromarray(np.rint(ramp).astype(np.uint8)))
    assert shown.shape == (CROP, CROP, 3)
    resized = 256 * width // min(width, height)
    place = (round((resized - CROP) / 2) + np.arange(CROP) + 0.5) * width / resized - 0.5
    reach = max(1, width / resized)
    inner = (place > reach) & (place < width - 1 - reach)
    assert inner.sum() > CROP / 2
    assert shown[0, inner, 0] == pytest.approx(250 * place[inner] / (width - 1), abs=1.6)


@pytest.mark.parametrize("size", [(1, 1), (3, 60), (60, 3)])
def test_middles_of_the_smallest_images(size):
    shown = middle(Image.new("RGB", size, (9, 8, 7)))
    assert shown.shape == (CROP, CROP, 3)
    assert (shown == (9, 8, 7)).all()


def test_draws_depend_on_seed_level_epoch_and_image_and_on_nothing_else():
    images = np.array([4, 9, 2])
    u = draws(0, 1, 2, images)
    assert u.shape == (3, NUMBERS)
    assert np.array_equal(draws(0, 1, 2, images[::-1]), u[::-1])
    assert np.array_equal(draws(0, 1, 2, images[1:]), u[1:])
    others = [draws(1, 1, 2, images), draws(0, 2, 2, images), draws(0, 1, 3, images), draws(0, 2, 1, images)]
    assert len({row.tobytes() for block in (u, *others) for row in block}) == 15
