"""Adaptive diagrams: the trials of the uniform one, its labels, fewer of them; laws of the refinement on drawn regions."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signescape
import simulate
from simulate import adaptive
from simulate.adaptive import adaptive_diagram, looks
from simulate.status import Status
from theory.streams import uniform

AXES = {"a0": np.linspace(-2, 2, 25).tolist(), "w1": np.linspace(-1.8, 2.2, 25).tolist()}
LAW = {"n": None, "d": 3, "t": 20, "eta": 0.2, "trials": 20, "init": "gaussian"}


@pytest.fixture(scope="module")
def found():
    return adaptive_diagram(LAW, AXES, coarse=4)


def trials(found):
    return int(found.n.isel(algorithm=0).sum())


def test_pixels_have_the_trials_of_the_uniform_diagram(found):
    for n in np.unique(found.n):
        if n:
            uniform_one = simulate.phase_diagram({**LAW, "trials": int(n)}, AXES)
            here = (found.n == n).to_numpy()
            for name in ("hits", "undecided", "counts"):
                assert (found[name].to_numpy()[here] == uniform_one[name].to_numpy()[here]).all()
    assert set(np.unique(found.n)) <= {0, *looks(20)}
    assert (found.counts.sum("status") == found.n).all()


def test_inferred_pixels_have_no_trials_and_are_marked(found):
    assert ((found.n == 0) == found.inferred).all()
    assert ((found.n.max("algorithm") - found.n.min("algorithm")) == 0).all()
    measured = ~found.inferred
    assert (found.above == (2 * found.hits > found.n)).where(measured, True).all()
    assert not found.decided.where(found.inferred, False).any()
    assert found.decided.where(found.n == 8, True).all()
    assert (found.n == 8).any()


def test_same_labels_for_far_fewer_trials(found):
    whole = simulate.phase_diagram(LAW, AXES)
    different = (found.above != (2 * whole.hits > whole.n)).mean()
    assert different < 0.01
    assert trials(found) < trials(whole) / 2.5


def test_finds_the_published_quadrant_exactly():
    """d = 1, noise-free: learned iff w > 0 and a > −w (T2a); no pixel lies on the boundary."""
    axes = {"a0": np.linspace(-1, 1, 40).tolist(), "w1": np.linspace(-0.9, 1.1, 40).tolist()}
    found = adaptive_diagram({"n": None, "d": 1, "trials": 1, "t": 200}, axes)
    a, w = np.meshgrid(axes["a0"], axes["w1"], indexing="ij")
    for name in ("IMP", "LRR"):
        assert (found.above.sel(algorithm=name).to_numpy() == (w > 0) & (a > -w)).all()
    assert trials(found) < 40 * 40 / 3


@pytest.mark.parametrize("change", [{"chunk": 100}, {"chunk": 1000, "workers": 2}])
def test_same_bits_whatever_chunk_and_workers(found, change):
    assert adaptive_diagram({**LAW, **change}, AXES, coarse=4).drop_attrs().identical(found.drop_attrs())


def test_same_bits_on_an_executor(found):
    with ThreadPoolExecutor(3) as executor:
        other = adaptive_diagram({**LAW, "chunk": 300}, AXES, coarse=4, executor=executor)
    assert other.drop_attrs().identical(found.drop_attrs())


def test_resumes_round_by_round(found, tmp_path, monkeypatch):
    out, done = tmp_path / "a.zarr", []
    real = adaptive._statuses

    def counts(*task):
        if len(done) == stop:
            raise KeyboardInterrupt
        done.append(task)
        return real(*task)

    law, stop = {**LAW, "chunk": 400}, 5
    monkeypatch.setattr(adaptive, "_statuses", counts)
    with pytest.raises(KeyboardInterrupt):
        adaptive_diagram(law, AXES, coarse=4, out=out)
    assert len(list((tmp_path / "a.zarr.parts").glob("*.npz"))) == 5
    stop = None
    more = adaptive_diagram(law, AXES, coarse=4, out=out)
    assert more.drop_attrs().identical(found.drop_attrs())
    total = len(done)
    adaptive_diagram(law, AXES, coarse=4)
    assert total == len(done) / 2 > 5
    assert simulate.load(out).identical(more)


def test_settings_are_axes_too():
    law = {"d": 2, "t": 10, "eta": 0.2, "trials": 10, "init": "gaussian"}
    axes = {"n": [20, 40, float("inf")], "w1": np.linspace(-1, 1, 9).tolist()}
    found = adaptive_diagram(law, axes, coarse=4)
    whole = simulate.phase_diagram({**law, "trials": 8}, axes)
    assert found.above.dims == ("samples", "w1", "algorithm")
    first = (found.n == 8).to_numpy()
    assert first.any()
    assert (found.hits.to_numpy()[first] == whole.hits.to_numpy()[first]).all()


def drawn(monkeypatch, probability, axes, **options):
    """An adaptive diagram of trials that learn with a given probability of each pixel (*grid, 2)."""
    flat = probability.reshape(-1, probability.shape[-1])

    def statuses(config, initial, pixels, trials):
        chance = uniform(np.asarray(pixels * 1000 + trials, np.uint64), "test", size=1)[:, 0]
        return {"status": np.where(chance < flat[pixels].T, Status.LEARNED, Status.STUCK).astype(np.int8)}

    monkeypatch.setattr(adaptive, "_statuses", statuses)
    return adaptive_diagram({"n": None, "d": 2, "trials": options.pop("trials", 1)}, axes, **options)


def square(size):
    return {"a0": np.arange(size) * 0.1, "w1": np.arange(size) * 0.1}


def edges_are_measured(found):
    """Wherever two neighbours differ in label, both were measured."""
    above, measured = found.above.to_numpy(), ~found.inferred.to_numpy()
    for axis in (0, 1):
        first, second = (np.s_[:-1, :], np.s_[1:, :]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        differ = (above[first] != above[second]).any(-1)
        if not (measured[first] & measured[second])[differ].all():
            return False
    return True


@given(
    size=st.integers(9, 40),
    coarse=st.integers(1, 9),
    angle=st.floats(0, 6.3),
    offset=st.floats(-0.5, 0.5),
    radius=st.floats(1, 3),
)
@settings(deadline=None, max_examples=60)
def test_half_planes_and_large_discs_are_found_exactly(size, coarse, angle, offset, radius):
    x, y = np.meshgrid(*[np.linspace(-1, 1, size)] * 2, indexing="ij")
    plane = x * np.cos(angle) + y * np.sin(angle) > offset
    centre = (1.2 * np.cos(angle), 1.2 * np.sin(angle))
    disc = np.hypot(x - centre[0], y - centre[1]) < radius
    truth = np.stack([plane, disc], -1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = drawn(monkeypatch, truth.astype(float), square(size), coarse=coarse)
    above = found.above.to_numpy()
    assert edges_are_measured(found)
    assert (above == truth)[~found.inferred.to_numpy()].all()
    assert (above == truth).mean() > 0.99
    assert (above == truth).all() or coarse > 1


@given(seed=st.integers(0, 1000), coarse=st.integers(1, 8))
@settings(deadline=None, max_examples=30)
def test_whatever_is_drawn_the_map_is_consistent(seed, coarse):
    rng = np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = drawn(monkeypatch, rng.random((17, 23, 2)) ** 4, {"a0": range(17), "w1": range(23)}, coarse=coarse)
    assert edges_are_measured(found)
    if coarse == 1:
        assert not found.inferred.any()


def test_small_islands_are_missed_as_documented_and_found_from_a_finer_start(monkeypatch):
    truth = np.zeros((33, 33, 2))
    truth[10:14, 18:22] = 1
    assert not drawn(monkeypatch, truth, square(33), coarse=8).above.any()
    for coarse in (1, 2, 4):
        assert (drawn(monkeypatch, truth, square(33), coarse=coarse).above == truth).all()


def test_noise_is_resolved_where_it_can_be(monkeypatch):
    """P rises from 0.02 to 0.98 over a band; the labels far from 1/2 are right, and hard pixels got more trials."""
    x = np.linspace(-1, 1, 65)
    chance = 0.02 + 0.96 / (1 + np.exp(-12 * (x[:, None] + 0.3 * np.sin(3 * x))))
    found = drawn(monkeypatch, np.stack([chance] * 2, -1), square(65), trials=200)
    wrong = found.above.to_numpy()[..., 0] != (chance > 0.5)
    assert not wrong[abs(chance - 0.5) > 0.2].any()
    assert wrong.mean() < 0.01
    n = found.n.to_numpy()[..., 0]
    assert n[(abs(chance - 0.5) < 0.02) & (n > 0)].mean() > 5 * n[(abs(chance - 0.5) > 0.4) & (n > 0)].mean()
    assert n.sum() < 200 * 65 * 65 / 10


@pytest.mark.parametrize(
    ("options", "text"),
    [({"coarse": 0}, "0"), ({"coarse": 2.5}, r"2\.5"), ({"share": 1.0}, r"1\.0"), ({"level": 0.0}, r"0\.0")],
)
def test_refuses(options, text):
    with pytest.raises(ValueError, match=text):
        adaptive_diagram(LAW, AXES, **options)


def test_command_line(capsys, tmp_path):
    words = ["--n=inf", "--d", "1", "--t", "20", "--trials", "2", "--axes", "a0=-1:1:9", "w1=-0.9:1.1:9"]
    words = ["simulate", "phase-diagram", *words, "--adaptive", "--coarse", "4"]
    path = str(tmp_path / "a.zarr")
    assert signescape.main([*words, "--json", "--out", path]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["coarse"] == 4
    assert 0 < document["above"]["IMP"] < 1
    assert signescape.main(["simulate", "phase-diagram", "--config", path, "--json", "--out", path]) == 0
    assert json.loads(capsys.readouterr().out) == document
    assert signescape.main(words) == 0
    assert "inferred" in capsys.readouterr().out
