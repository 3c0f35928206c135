"""Mini-batch descent: three implementations, full batches, exact identities, orders and draws, ends, independence."""

import itertools
import sys

import numpy as np
import pytest
import torch
from scipy import stats

import simulate
from simulate import Config, sgd
from simulate.gd import TINY, BranchForce, End, SampleForce
from simulate.gd import descend as full
from simulate.sgd import descend, drive
from simulate.sgd_draws import normal_pairs, orders, samples, words
from simulate.sgd_draws_kernel import fresh, ordered
from simulate.sgd_torch import walk_with
from theory.one_input import branch_statistics
from theory.streams import bits, key

KEYS = np.arange(100, 200, dtype=np.uint64)


def problem(trials, d, n, sigma=0.2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((trials, d, n))
    y = np.maximum(X[:, 0], 0) + sigma * rng.standard_normal((trials, n))
    return X, y, rng.standard_normal(trials), rng.standard_normal((trials, d)) / np.sqrt(d)


def descend_by(way, *arguments, **options):
    """``descend`` by NumPy, or by torch on the CPU, in place of the kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sgd,
            "_compiled",
            lambda p, *rest: drive(p, *rest, sgd.walk if way == "numpy" else walk_with(torch.device("cpu"), p)),
        )
        return descend(*arguments, **options)


def agree(run, other, tolerance=1e-12):
    points = ((run.points[k][i], other.points[k][i]) for k in other.points for i in (0, 1))
    for x, z in [(run.a, other.a), (run.w, other.w), *points]:
        np.testing.assert_allclose(x, z, rtol=tolerance, atol=tolerance)
    assert run.points.keys() == other.points.keys()
    certain = (run.end != End.REST) & (other.end != End.REST)  # the epoch in which the last bit stops is rounding's to say
    assert (run.end == other.end)[certain].all()
    assert (run.steps == other.steps)[certain].all()


@pytest.mark.parametrize("way", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("d", "n", "batch", "momentum", "pruned"),
    [
        *[(1, 30, 1, 0.0, "none"), (3, 30, 7, 0.5, "none"), (3, 12, 12, 0.0, "frozen"), (9, 100, 10, 0.0, "zero")],
        *[(9, 40, 1, 0.0, "one left"), (3, 11, 1, 0.5, "frozen"), (9, 7, 5, 0.0, "none")],
    ],
)
def test_the_same_descent_three_times(way, d, n, batch, momentum, pruned):
    X, y, a, w = problem(11, d, n)
    mask = np.ones(w.shape, bool)
    if pruned != "none":
        mask = np.random.default_rng(d).random(w.shape) < (0.5 if pruned != "one left" else 0)
        mask[:, 0] = True
        w = np.where(mask | (pruned == "frozen"), w, 0.0)
    options = {"keys": KEYS[:11], "batch": batch, "level": 2, "mask": mask, "momentum": momentum}
    options |= {"at": [0, 3, 50, 200, 7.5, 10**9]}
    run = descend(X, y, a, w, 0.05 * (1 - momentum), 200, **options)
    agree(run, descend_by(way, X, y, a, w, 0.05 * (1 - momentum), 200, **options))
    assert (run.w[~mask] == w[~mask]).all()


@pytest.mark.parametrize("way", ["numpy", "torch"])
@pytest.mark.parametrize(
    ("d", "batch", "sigma", "inputs"), [(1, 1, 0.0, "gaussian"), (3, 10, 0.3, "uniform"), (4, 7, 0.1, "gaussian")]
)
def test_the_same_descent_on_the_population(way, d, batch, sigma, inputs):
    _, _, a, w = problem(6, d, 1)
    mask = np.arange(d) < max(1, d - 1)
    options = {"keys": KEYS[:6], "batch": batch, "sigma": sigma, "inputs": inputs, "at": [0, 65, 7.5]}
    options |= {"mask": np.broadcast_to(mask, w.shape)}
    agree(descend(None, None, a, w, 0.05, 150, **options), descend_by(way, None, None, a, w, 0.05, 150, **options))


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_a_batch_of_all_is_gradient_descent(momentum):
    X, y, a, w = problem(8, 3, 40)
    run = descend(X, y, a, w, 0.03, 300, keys=KEYS[:8], batch=40, momentum=momentum, at=[10])
    reference = full(SampleForce(X, y), a, w, 0.03, 300, momentum=momentum, at=[10])
    np.testing.assert_allclose(run.w, reference.w, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(run.points[10][0], reference.points[10][0], rtol=1e-12)
    one = np.take_along_axis(X, np.zeros((8, 1, 1), int), axis=1)
    alone = descend(one, y, a, w[:, :1], 0.03, 300, keys=KEYS[:8], batch=40, momentum=momentum)
    branches = full(BranchForce(*branch_statistics(one[:, 0], y)), a, w[:, :1], 0.03, 300, momentum=momentum)
    np.testing.assert_allclose(alone.w, branches.w, rtol=1e-11, atol=1e-11)


def naive(X, y, a, w, eta, momentum, batches):
    v, u = 0.0, np.zeros_like(w)
    for batch in batches:
        z = w @ X[:, batch]
        part = np.where(z > 0, y[batch] - a * z, 0.0) / len(batch)
        v, u = momentum * v + part @ z, momentum * u + a * (X[:, batch] @ part)
        a, w = a + eta * v, w + eta * u
    return a, w


@pytest.mark.parametrize(("batch", "momentum"), [(1, 0.0), (4, 0.0), (4, 0.9), (10, 0.0)])
def test_a_naive_loop_over_the_published_order(batch, momentum):
    """Every sample once an epoch, the last batch what is left; a control with replacement is told apart."""
    X, y, a, w = problem(3, 2, 10)
    run = descend(X, y, a, w, 0.02, 35, keys=KEYS[:3], batch=batch, level=1, momentum=momentum)
    for i in range(3):
        visits = [orders(key(key(KEYS[i : i + 1], "sgd order", 1), epoch), 10)[0] for epoch in range(35)]
        batches = [visit[j : j + batch] for visit in visits for j in range(0, 10, batch)][:35]
        assert sorted(np.concatenate(batches[: -(-10 // batch)])) == list(range(10))
        slow = naive(X[i], y[i], a[i], w[i], 0.02, momentum, batches)
        np.testing.assert_allclose(run.a[i], slow[0], rtol=1e-12)
        np.testing.assert_allclose(run.w[i], slow[1], rtol=1e-12, atol=1e-14)
        wrong = naive(X[i], y[i], a[i], w[i], 0.02, momentum, [np.random.default_rng(0).integers(0, 10, batch)] * 35)
        assert abs(run.a[i] - wrong[0]) > 1e-6


@pytest.mark.parametrize("batch", [1, 3])
def test_drift_of_the_conserved_quantity(batch):
    """T13, for a batch: c_{k+1} − c_k = η² ((w·G)² − a² ‖G‖²), G the batch's force; of one input c_k (1 − η² s² (β − p)²)."""
    X, y, a, w = problem(4, 3, 9)
    steps, eta = 12, 0.3
    run = descend(X, y, a, w, eta, steps, keys=KEYS[:4], batch=batch, at=range(steps + 1))
    order = [orders(key(key(KEYS[:4], "sgd order", 0), epoch), 9) for epoch in range(2 * batch)]
    for i, k in itertools.product(range(4), range(steps)):
        (a0, w0), (a1, w1) = ((run.points[j][0][i], run.points[j][1][i]) for j in (k, k + 1))
        epoch, slot = divmod(k, 9 // batch)
        visit = order[epoch][i, slot * batch : (slot + 1) * batch]
        z = w0 @ X[i][:, visit]
        G = X[i][:, visit] @ np.where(z > 0, y[i, visit] - a0 * z, 0.0) / batch
        drift = eta**2 * ((w0 @ G) ** 2 - a0**2 * (G @ G))
        assert (a1**2 - w1 @ w1) - (a0**2 - w0 @ w0) == pytest.approx(drift, abs=1e-12)
    one = X[:, :1]
    run = descend(one, y, a, w[:, :1], eta, 1, keys=KEYS[:4], batch=1)
    for i in range(4):
        x, label = one[i, 0, order[0][i, 0]], y[i, order[0][i, 0]]
        active, c = x * w[i, 0] > 0, a[i] ** 2 - w[i, 0] ** 2
        assert run.a[i] ** 2 - run.w[i, 0] ** 2 == pytest.approx(
            c * (1 - active * (eta * (label * x - a[i] * w[i, 0] * x * x)) ** 2), abs=1e-13
        )


def test_the_mean_step_is_the_full_gradient():
    """Over many keys, the first step is one of gradient descent."""
    X, y, a, w = (np.repeat(x, 4000, axis=0) for x in problem(1, 3, 50))
    keys = np.arange(4000, dtype=np.uint64)
    exact = full(SampleForce(X[:1], y[:1]), a[:1], w[:1], 0.1, 1)
    step = descend(X, y, a, w, 0.1, 1, keys=keys, batch=5)
    error = step.w.std(0) / np.sqrt(len(keys))
    assert (np.abs(step.w.mean(0) - exact.w[0]) < 4 * error).all()


def test_small_steps_go_to_gradient_flow():
    """Every sample once an epoch: the end differs from gradient descent with tiny steps by O(η)."""
    X, y, a, w = problem(12, 3, 40)
    flow = full(SampleForce(X, y), a, w, 2e-4, 10_000)
    runs = [descend(X, y, a, w, eta, round(2 / eta), keys=KEYS[:12], batch=4).w for eta in (0.02, 0.01, 0.005, 0.0025)]
    errors = [np.abs(run - flow.w).mean() for run in runs]
    slope = np.polyfit(np.log([8, 4, 2, 1]), np.log(errors), 1)[0]
    assert 0.8 < slope < 1.3


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_orders_are_permutations_and_the_kernel_has_the_same(n):
    keys = key(KEYS, "orders", n)
    found = orders(keys, n)
    assert (np.sort(found) == np.arange(n)).all()
    assert (ordered(keys, n) == found).all()


def chi_square(counts):
    return stats.chisquare(np.ravel(counts)).pvalue


def test_orders_are_uniform():
    """All 120 orders of five alike; of 50, each number in each place alike."""
    five = orders(key(np.arange(60_000, dtype=np.uint64), "five"), 5)
    codes = five @ 5 ** np.arange(5)
    counts = np.unique(codes, return_counts=True)[1]
    assert len(counts) == 120
    assert 1e-3 < chi_square(counts) < 1 - 1e-3
    many = ordered(key(np.arange(40_000, dtype=np.uint64), "fifty"), 50)
    places = np.stack([np.bincount(many[:, j], minlength=50) for j in range(50)])
    assert 1e-3 < stats.chi2.sf((((places - 800) ** 2) / 800).sum(), 49**2) < 1 - 1e-3


def test_faulty_orders_are_caught():
    """Negative controls of the test above: draws with replacement, and swaps with any place (a known error)."""
    rng = np.random.default_rng(0)
    naive = np.tile(np.arange(5), (60_000, 1))
    for i in range(5):
        j, rows = rng.integers(0, 5, len(naive)), np.arange(len(naive))
        naive[rows, i], naive[rows, j] = naive[rows, j].copy(), naive[:, i].copy()
    for drawn in (naive, rng.integers(0, 5, (60_000, 5))):
        counts = np.unique(drawn @ 5 ** np.arange(5), return_counts=True)[1]
        assert len(counts) != 120 or chi_square(counts) < 1e-6


def test_epochs_levels_and_trials_are_independent():
    """Pairs of orders of three, from neighbouring epochs, levels or trials: all 36 alike."""
    base = np.arange(40_000, dtype=np.uint64)

    def codes(keys, level, epoch):
        return orders(key(key(keys, "sgd order", level), epoch), 3) @ [4, 2, 1]

    first = codes(base, 0, 0)
    for other in (codes(base, 0, 1), codes(base, 1, 0), codes(base + np.uint64(1), 0, 0)):
        counts = np.unique(8 * first + other, return_counts=True)[1]
        assert len(counts) == 36
        assert 1e-3 < chi_square(counts) < 1 - 1e-3


def test_draws_are_the_same_bits_everywhere():
    inputs, noise = key(KEYS[:3], "x").view(np.int64), key(KEYS[:3], "e").view(np.int64)
    assert (words(inputs[:, None], np.arange(1, 9)) == bits(key(KEYS[:3], "x"), size=8).astype(np.int64)).all()
    for d, first, count, law in [(1, 0, 10, "gaussian"), (3, 7, 20, "gaussian"), (10, 8, 3, "uniform"), (2, 5, 9, "uniform")]:
        x, y = samples(inputs, noise, first, count, d, 0.3, law)
        other = samples(torch.from_numpy(inputs), torch.from_numpy(noise), first, count, d, 0.3, law)
        assert (other[0].numpy() == x).all()
        assert (other[1].numpy() == y).all()
        whole = samples(inputs, noise, 0, first + count, d, 0.3, law)
        assert (whole[0][:, first:] == x).all()
        assert (whole[1][:, first:] == y).all()
        rows, room = np.zeros(count * (d + 1)), np.empty(count + 1)
        one, other = inputs.view(np.uint64)[1], noise.view(np.uint64)[1]
        fresh(one, other, first, count, d, 0.3, law == "uniform", np.arange(d), rows, 0, d + 1, d, room, room.copy())
        assert (rows.reshape(count, -1)[:, :d] == x[1]).all()
        assert (rows.reshape(count, -1)[:, d] == y[1]).all()


def test_draws_have_their_laws():
    one = key(KEYS[:2], "law").view(np.int64)
    x, y = samples(one, one + 1, 0, 100_000, 4, 0.5, "gaussian")
    for j in range(4):
        assert stats.kstest(x[0, :, j], "norm").pvalue > 1e-3
    noise = (y - np.maximum(x[:, :, 0], 0)) / 0.5
    assert stats.kstest(noise[1], "norm").pvalue > 1e-3
    every = np.concatenate([x[0, 1:], noise[0, 1:, None], noise[0, :-1, None], x[1, 1:]], axis=1)
    for values in (every, every**2):
        assert np.abs(np.corrcoef(values.T) - np.eye(10)).max() < 5 / np.sqrt(1e5)
    x, _ = samples(one, one, 0, 50_000, 2, 0.0, "uniform")
    assert stats.kstest(x[1].ravel(), stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_normal_pairs_are_box_and_muller():
    rng = np.random.default_rng(0)
    first, second = rng.integers(-(2**63), 2**63, (2, 10_000))
    x, y = normal_pairs(first, second)
    u = (((first >> 11) & (2**53 - 1)) + 1) / 2.0**53
    np.testing.assert_allclose(np.hypot(x, y), np.sqrt(-2 * np.log(u)), rtol=2e-15, atol=1e-300)
    turn = (second.view(np.uint64) >> np.uint64(9)) / 2.0**55  # the quarter and the place in it
    angle = np.arctan2(y, x) / (2 * np.pi)
    np.testing.assert_allclose((angle - turn + 0.125 + 0.5) % 1.0, 0.5, atol=1e-15)
    extreme = np.array([0, 2**11 - 1, -1, -(2**11)])
    assert np.isfinite(normal_pairs(extreme, extreme)).all()


@pytest.mark.parametrize("batch", [1, 4])
def test_a_trial_never_feels_the_others(batch):
    X, y, a, w = problem(21, 5, 33)
    w[::4] *= 1e-3
    a[::4] = -3.0  # so that some end early
    whole = descend(X, y, a, w, 0.2, 700, keys=KEYS[:21], batch=batch, at=[100])
    for rows in ([4], [20, 3, 7], list(range(9))):
        some = descend(X[rows], y[rows], a[rows], w[rows], 0.2, 700, keys=KEYS[rows], batch=batch, at=[100])
        for x, z in zip((*some[:2], *some[3:], *some.points[100]), (*whole[:2], *whole[3:], *whole.points[100]), strict=True):
            assert (x == z[rows]).all()
    assert (descend(X, y, a, w, 0.2, 100, keys=KEYS[:21], batch=batch).w == whole.points[100][1]).all()


@pytest.mark.parametrize("device", ["kernel", "numpy", "torch"])
def test_how_trials_end(device):
    go = descend if device == "kernel" else lambda *x, **o: descend_by(device, *x, **o)
    X, y, _, _ = problem(6, 2, 50, sigma=0.0)
    a = np.array([1e3, 1.0, 1.0, 1.1, 1e160, 1.0])
    w = np.array([[1, 1], [0, 0], [1, 0], [-0.01, 0], [1, 1], [-0.5, 0.3]])
    mask = np.array([[1, 1], [1, 1], [1, 1], [1, 0], [1, 1], [1, 1]], bool)
    X[5], w[5] = np.abs(X[5]), [-1, -2]  # no sample activates it
    run = go(X, y, a, w, 0.1, 60_000 if device == "kernel" else 200, keys=KEYS[:6], batch=10, mask=mask, at=[5, 50_000])
    ends = [End.DIVERGED, End.COLLAPSED, End.REST, End.COLLAPSED, End.DIVERGED, End.REST]
    assert run.end.tolist() == (ends if device == "kernel" else [*ends[:3], End.TIME, *ends[4:]])
    assert run.steps[[1, 2, 5]].tolist() == [1, 5, 5]
    assert np.isfinite(run.a).all()
    assert np.isfinite(run.w).all()
    assert (run.w[5] == w[5]).all()
    assert (run.points[50_000][1] == run.w).all()
    if device == "kernel":
        assert -TINY < run.w[3, 0] < 0
        again = go(X, y, a, w, 0.1, int(run.steps[3]) - 1, keys=KEYS[:6], batch=10, mask=mask)
        assert again.end[3] == End.TIME


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_whoever_rests_has_stopped_for_good(momentum):
    """None of all 220 batches changes a bit."""
    X, _, a, w = problem(40, 2, 12, seed=3)
    X[:5], w[:5] = np.abs(X[:5]), -np.abs(w[:5])  # no sample activates these
    y = np.maximum(X[:, 0] + 0.5 * X[:, 1], 0)  # a weight that goes to 0 has ever finer bits to change
    run = descend(X, y, a, w, 0.02, 40_000, keys=KEYS[:40], batch=3, momentum=momentum)
    rest = np.flatnonzero(run.end == End.REST)
    alive = rest[(np.vecdot(X[rest].swapaxes(1, 2), run.w[rest, None]) > 0).any(-1)]
    assert set(range(5)) <= set(rest)
    assert (run.w[:5] == w[:5]).all()
    assert len(alive) > 0 or momentum > 0
    batches = list(itertools.combinations(range(12), 3))
    for i in rest:
        x = np.stack([X[i][:, list(batch)] for batch in batches])
        a, w = np.repeat(run.a[i], len(x)), np.repeat(run.w[[i]], len(x), axis=0)
        step = descend(x, np.stack([y[i, list(batch)] for batch in batches]), a, w, 0.02, 1, keys=KEYS[[0] * len(x)], batch=3)
        assert (step.w == w).all()
        assert (step.a == a).all()


def test_underflow_is_no_escape():
    """Online noise-free descent of one input, w < 0, only decays: it collapses below ``TINY`` and never learns."""
    a, w = np.linspace(0.7, 0.9, 8), np.full((8, 1), -0.1)  # η x² a² < 1: no jump (T13), |x| ≤ 8.6
    run = descend(None, None, a, w, 0.016, 200_000, keys=KEYS[:8], batch=2)
    assert (run.end == End.COLLAPSED).all()
    assert ((run.w < 0) & (run.w > -TINY)).all()
    noisy = descend(None, None, a, w, 0.016, 20_000, keys=KEYS[:8], batch=2, sigma=0.5)
    assert (noisy.w > 0).any()


def test_the_population_is_descended_to_the_teacher():
    w = np.array([[0.5, 0.5, -0.3]] * 4)
    run = descend(None, None, np.ones(4), w, 0.05, 20_000, keys=KEYS[:4], batch=4)
    np.testing.assert_allclose(run.a[:, None] * run.w, [[1, 0, 0]] * 4, atol=1e-6)


SMALL = {"n": 40, "d": 3, "sigma": 0.3, "t": 30.0, "trials": 11, "init": "bounded", "engine": "sgd"}


@pytest.mark.parametrize("given", [{"batch": 1}, {"batch": 7, "momentum": 0.5}, {"batch": 5, "n": None}])
def test_trials_do_not_depend_on_chunks(given):
    config = {**SMALL, **given, "algorithms": ("IMP", "WR(time=2)", "LRR"), "levels": 2, "keep": (2, 1)}
    whole = simulate.trials({**config, "chunk": 1000})
    assert whole.drop_attrs().identical(simulate.trials({**config, "chunk": 1}).drop_attrs())
    assert not whole.drop_attrs().identical(simulate.trials({**config, "seed": 1}).drop_attrs())
    assert whole.learned.any()


@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        ({"batch": 0}, "not 0"),
        ({"batch": 41}, "1 to n = 40, not 41"),
        ({"batch": 2.5}, "2.5"),
        ({}, "batch=None"),
        ({"engine": "gd", "batch": 3}, "batch=3"),
    ],
)
def test_settings_that_make_no_sense(given, quoted):
    with pytest.raises(ValueError, match=quoted):
        Config(**{**SMALL, **given})


@pytest.mark.parametrize("batch", [0, 21, True, 1.5])
def test_batches_that_make_no_sense(batch):
    X, y, a, w = problem(1, 2, 20)
    with pytest.raises(ValueError, match=f"not {batch!r}"):
        descend(X, y, a, w, 0.1, 1, keys=KEYS[:1], batch=batch)


def test_no_steps_and_no_numba(monkeypatch):
    X, y, a, w = problem(3, 2, 20)
    still = descend(X, y, a, w, 0.1, 0, keys=KEYS[:3], batch=2, at=[0])
    assert (still.w == w).all()
    assert (still.points[0][0] == a).all()
    assert (still.end == End.TIME).all()
    run = descend(X, y, a, w, 0.1, 50, keys=KEYS[:3], batch=2)
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in ("sgd_kernel", "sgd_march", "sgd_draws_kernel", "vectors"):
        monkeypatch.delitem(sys.modules, f"simulate.{name}", raising=False)
        monkeypatch.delattr(simulate, name, raising=False)
    agree(descend(X, y, a, w, 0.1, 50, keys=KEYS[:3], batch=2), run)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_no_gpu_is_one_sentence():
    X, y, a, w = problem(1, 2, 20)
    with pytest.raises(ValueError, match=r"device='cuda' needs a GPU"):
        descend(X, y, a, w, 0.1, 1, keys=KEYS[:1], batch=2, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("n", "batch", "momentum"), [(40, 1, 0.0), (40, 7, 0.5), (40, 40, 0.0), (None, 3, 0.0)])
def test_cuda_is_the_cpu_to_rounding(n, batch, momentum):
    X, y, a, w = problem(9, 3, n or 1)
    data = (X, y) if n else (None, None)
    options = {"keys": KEYS[:9], "batch": batch, "momentum": momentum, "at": [0, 33, 200]}
    run = descend(*data, a, w, 0.03, 200, **options)
    agree(descend(*data, a, w, 0.03, 200, device="cuda", **options), run, 1e-10)
