"""The neuron with flips inside a level, fixed signs and donors: parts put together, projection, one engine against another."""

from dataclasses import replace

import numpy as np
import pytest

import simulate
from simulate import Config, NeuronTrainer
from simulate.data import draw, trial_keys
from simulate.gd import End, PopulationForce, SampleForce, descend
from theory.algorithms import Algorithm, At, Level, Rewind, flipped, levels
from theory.criteria import Criterion
from theory.names import algorithm

SMALL = {"n": 40, "d": 3, "sigma": 0.3, "t": 20.0, "trials": 8, "init": "bounded", "keep": 2}
ENGINES = [
    {"engine": "gd"},
    {"engine": "active-set"},
    {"engine": "flow"},
    {"engine": "gd", "n": None, "sigma": 0.0},
    {"engine": "reduced", "n": None, "sigma": 0.0},
    {"engine": "flow", "n": None, "sigma": 0.0},
]
NAMES = [f"{e['engine']}{' population' * ('n' in e)}" for e in ENGINES]
EVERY = At(6.0, "time")


def trainer_of(**settings):
    config = Config(**SMALL | settings)
    return NeuronTrainer(config, draw(config, trial_keys(config, np.arange(config.trials))))


def begun(trainer, kept=(0, 1)):
    """Level 1 from the initial values with some weights kept."""
    mask = np.isin(np.arange(trainer.config.d), kept) & trainer.everything["w"]
    return {"a": trainer.trials.a0, "w": np.where(mask, trainer.trials.w0, 0.0)}, {"w": mask}


def train(trainer, rewind, kept=(0, 1), level=1):
    return trainer.train(*begun(trainer, kept), level, frozenset(), rewind)


def same(one, other, rtol=0.0):
    for x, y in ((one["final"][n], other["final"][n]) for n in "aw"):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
def test_without_flips_a_level_in_parts_is_the_level_to_the_bit(engine):
    """No share, a share that rounds to no weight, level 0: one and the same call."""
    trainer = trainer_of(**engine)
    plain = train(trainer, Rewind())
    for rewind, level in (
        (Rewind(flip_every=EVERY), 1),
        (Rewind(flip=0.2, flip_every=EVERY), 1),
        (Rewind(flip=1.0, flip_every=EVERY), 0),
    ):
        found = train(trainer, rewind, level=level)
        same(found, plain)
        assert np.array_equal(found["descent"]["steps"], plain["descent"]["steps"])
        assert np.array_equal(found["descent"]["end"], plain["descent"]["end"])


@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
def test_parts_in_a_row_are_the_level(engine, monkeypatch):
    """Interrupted where nothing flips: gd to the bit, other descent to its stated rounding, the flow to its tolerance."""
    trainer = trainer_of(**engine)
    plain = train(trainer, Rewind())
    monkeypatch.setattr(Rewind, "flips", lambda self, keys, mask, level, k, batch: {n: m & False for n, m in mask.items()})
    found = train(trainer, Rewind(flip=1.0, flip_every=EVERY))
    same(found, plain, {"gd": 0.0, "active-set": 1e-10, "reduced": 1e-10, "flow": 1e-7}[trainer.config.engine])


@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
@pytest.mark.parametrize("every", [EVERY, At(65)])
def test_flips_lie_between_the_parts(engine, every):
    """Exactly the share, at each whole span inside the level, drawn for this trial, level and time."""
    trainer = trainer_of(**engine)
    flow, eta, t = trainer.config.engine == "flow", trainer.config.eta, trainer.config.t
    rewind, (params, mask) = Rewind(flip=0.5, flip_every=every), begun(trainer)
    span = every.count(step=eta, time=1.0)
    ends = [span, 2 * span, 3 * span, t]
    assert 3 * span < t < 4 * span
    state, now = params, 0.0
    for k, end in enumerate(ends):
        if k:
            flips = rewind.flips(trainer.keys, mask, 2, k, 1)
            assert (flips["w"].sum(-1) == 1).all()
            state = flipped(state, flips)
        long = end - now if flow else (round(end / eta) - round(now / eta)) * eta
        part = NeuronTrainer(trainer.config.but(t=long), trainer.trials)
        state, now = part.train(state, mask, 1, frozenset(), Rewind())["final"], end
    found = train(trainer, rewind, level=2)
    same(found, {"final": state})
    assert not np.allclose(found["final"]["w"], train(trainer, Rewind(), level=2)["final"]["w"])


def test_engines_agree_on_flips():
    runs = {e: train(trainer_of(engine=e), Rewind(flip=0.5, flip_every=EVERY)) for e in ("gd", "active-set")}
    same(runs["gd"], runs["active-set"], 1e-10)
    small = train(trainer_of(eta=0.005), Rewind(flip=0.5, flip_every=EVERY))
    same(small, train(trainer_of(engine="flow"), Rewind(flip=0.5, flip_every=EVERY)), 0.03)
    runs = {e: train(trainer_of(engine=e, n=None, sigma=0.0), Rewind(flip=0.5, flip_every=EVERY)) for e in ("gd", "reduced")}
    same(runs["gd"], runs["reduced"], 1e-10)


@pytest.mark.parametrize("engine", [{"engine": "gd"}, {"engine": "active-set"}, {"engine": "flow"}])
def test_trials_flip_alike_whatever_runs_beside(engine):
    """Each alone, and the same through ``trials`` in chunks, with weights that are alive in other numbers beside."""
    law = "LRR(flip=0.5, flip_every='time=6', fraction=0.4, signs='free')"
    whole = simulate.trials({**SMALL, **engine, "algorithms": (law,)})
    assert whole.drop_attrs().identical(simulate.trials({**SMALL, **engine, "algorithms": (law,), "chunk": 1}).drop_attrs())
    assert not np.array_equal(whole.w, simulate.trials({**SMALL, **engine, "algorithms": ("LRR(fraction=0.4)",)}).w)


def test_what_is_at_rest_wakes_when_it_flips_and_what_has_diverged_stays():
    trainer = trainer_of(n=None, sigma=0.0, t=400.0)
    calm, found = (train(trainer, r, kept=(0,)) for r in (Rewind(), Rewind(flip=1.0, flip_every=At(200.0, "time"))))
    resting = calm["descent"]["end"] == End.REST
    assert resting.any()
    assert (found["descent"]["steps"][resting] > calm["descent"]["steps"][resting]).all()
    wild = trainer_of(eta=5.0, t=200.0, sigma=0.0, init="gaussian")
    calm, found = (train(wild, r) for r in (Rewind(), Rewind(flip=0.5, flip_every=At(100.0, "time"))))
    gone = (calm["descent"]["end"] == End.DIVERGED) & (calm["descent"]["steps"] <= 20)
    assert gone.any()
    for n in "aw":
        assert np.array_equal(found["final"][n][gone], calm["final"][n][gone])
    assert np.array_equal(found["descent"]["steps"][gone], calm["descent"]["steps"][gone])


def projected(force, a, w, eta, steps, mask):
    """Projected descent from its definition, step by step, trial by trial."""
    a, w, side = a.copy(), w.copy(), np.where(w < 0, -1.0, 1.0)
    for _ in range(steps):
        G = force(a, w)
        a, w = a + eta * (w * G).sum(-1), w + eta * a[:, None] * G * mask
        w = np.where(side * w < 0, 0.0, w)
    return a, w


@pytest.mark.parametrize("n", [40, None])
def test_fixed_signs_are_projected_descent(n):
    trainer = trainer_of(n=n, sigma=0.3 if n else 0.0)
    (params, mask), config = begun(trainer), trainer.config
    found, free = train(trainer, Rewind(signs="fixed")), train(trainer, Rewind())
    force = PopulationForce() if n is None else SampleForce(trainer.trials.X, trainer.trials.y)
    a, w = projected(force, params["a"], params["w"], config.eta, config.steps, mask["w"])
    np.testing.assert_allclose(found["final"]["a"], a, rtol=1e-10)
    np.testing.assert_allclose(found["final"]["w"], w, rtol=1e-10)
    crossed = (free["final"]["w"] * params["w"]).min(-1) < -1e-3
    assert crossed.any()
    assert ((found["final"]["w"] * params["w"]) >= 0).all()
    zero = found["final"]["w"] == 0
    assert zero[crossed].any()
    assert not np.signbit(found["final"]["w"][zero]).any()
    same(train(trainer, Rewind(signs="fixed"), level=0), free)


def test_projection_only_acts_where_a_sign_would_change():
    """And it does not depend on blocks: more trials than a block, with momentum."""
    rng = np.random.default_rng(0)
    a, w, mask = rng.standard_normal(60), rng.standard_normal((60, 3)), np.ones((60, 3), bool)
    X = rng.standard_normal((60, 3, 20))
    y = np.maximum(X[:, 0], 0) + 0.3 * rng.standard_normal((60, 20))
    for momentum in (0.0, 0.9):
        free, held = (descend(SampleForce(X, y), a, w, 0.02, 200, momentum=momentum, fixed=f) for f in (False, True))
        ways = descend(SampleForce(X, y), a, w, 0.02, 200, momentum=momentum, at=range(201)).points.values()
        quiet = (np.stack([p[1] for p in ways]) * w >= 0).all((0, 2))
        assert 0 < quiet.sum() < 60
        assert np.array_equal(free.w[quiet], held.w[quiet])
        assert (held.w * w >= 0).all()
        alone = descend(SampleForce(X[50:], y[50:]), a[50:], w[50:], 0.02, 200, momentum=momentum, fixed=True, mask=mask[50:])
        assert np.array_equal(alone.w, held.w[50:])


@pytest.mark.parametrize("kept", [(0,), (1,)])
@pytest.mark.parametrize("n", [40, None])
def test_one_fixed_weight_is_known_to_every_engine_of_full_batches(kept, n):
    """With noise the free weight crosses zero in some trials, the fixed one rests there: the flow is the limit of descent."""
    settings = {"n": n, "sigma": 0.6 if n else 0.0, "t": 30.0, "trials": 20, "keep": 1}
    engines = ["gd", "active-set", "flow"] if n else ["gd", "reduced", "flow"]
    runs = {e: train(trainer_of(**settings, engine=e), Rewind(signs="fixed"), kept) for e in engines}
    same(runs["gd"], runs[engines[1]])
    small = trainer_of(**settings, eta=0.01)
    same(train(small, Rewind(signs="fixed"), kept), runs["flow"], 0.04)
    free = train(small, Rewind(), kept)["final"]["w"]
    crossed = (free * small.trials.w0)[:, kept[0]] < -0.02
    assert crossed.any() == (n is not None and kept == (0,))  # for other inputs β− < 0 < β+
    assert (runs["flow"]["final"]["w"][crossed] == 0).all()
    with pytest.raises(AssertionError):
        same(train(small, Rewind(signs="fixed"), kept), {"final": {"a": 0 * small.trials.a0, "w": free}}, 0.04)


@pytest.mark.parametrize(
    ("settings", "spec", "sentence"),
    [
        ({"engine": "active-set"}, "LRR(signs='fixed')", "of 2 weights are fixed by engine='gd', not by engine='active-set'"),
        ({"engine": "flow"}, "LRR(signs='fixed')", "of 2 weights are fixed by engine='gd', not by engine='flow'"),
        ({"engine": "reduced", "n": None, "sigma": 0.0}, "LRR(signs='fixed')", "not by engine='reduced'"),
        ({"engine": "sgd", "batch": 4}, "LRR(signs='fixed')", "engine='gd', not by engine='sgd'"),
        ({"engine": "sgd", "batch": 4}, "LRR(flip=0.5, flip_every='time=6')", "reduced and flow, not with engine='sgd'"),
        ({"momentum": 0.5}, "LRR(flip=0.5, flip_every='time=6')", "not with momentum=0.5"),
        ({}, "LRR(flip=0.5, flip_every='time=0.05')", "every step of eta = 0.1"),
        ({}, "LRR(flip=0.5, flip_every='epoch=3')", "epoch=3"),
        ({}, "IMP(masks='donor')", "'donor mask'; this trainer has init, final"),
    ],
)
def test_what_an_engine_lacks_is_one_sentence(settings, spec, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        simulate.trials({**SMALL, "trials": 2, **settings, "algorithms": (spec,)})
    assert "\n" not in str(error.value)


def test_the_start_flips_in_every_engine():
    for settings in ({"engine": "sgd", "batch": 4}, {"engine": "flow"}, {"momentum": 0.5}):
        laws = "LRR(flip=0.5)", "LRR"
        found = simulate.trials({**SMALL, **settings, "algorithms": laws})
        one, other = (found.restart_w.sel(algorithm=law).to_numpy() for law in laws)
        assert ((one != other).sum(-1) == 1).all()
        assert np.array_equal(abs(one), abs(other))


SNIP = Criterion("snip", ("gradient", "final"), lambda g, f: abs(g * f))


def test_a_donor_and_a_gradient():
    trainer = trainer_of(sigma=0.3)
    donor = list(levels(algorithm("LRR(count=(2, 1))"), trainer, trainer.start, trainer.everything, 2))
    trainer.donor = donor
    law = algorithm("IMP(sign='donor', masks='donor')")
    for level, lent in zip(levels(law, trainer, trainer.start, trainer.everything, 2), donor, strict=True):
        assert np.array_equal(level.mask["w"], lent.mask["w"])
        if level.index:
            signs = np.where(lent.points["final"]["w"] < 0, -1.0, 1.0)
            assert np.array_equal(level.start["w"], np.where(lent.mask["w"], abs(trainer.trials.w0) * signs, 0.0))
    with pytest.raises(ValueError, match="'donor mask'"):
        list(levels(law, trainer, trainer.start, trainer.everything, 3))
    points = {"final": trainer.start}
    found = trainer.supply(frozenset({"gradient", "momentum"}), points, trainer.everything, 1)
    assert list(found) == ["gradient"]
    for i in range(3):
        shift = 1e-6 * (np.arange(3) == i)
        up, down = (_losses(trainer, trainer.trials.a0, trainer.trials.w0 + s * shift) for s in (1, -1))
        np.testing.assert_allclose(found["gradient"]["w"][:, i], (up - down) / 2e-6, atol=1e-6)
    up, down = (_losses(trainer, trainer.trials.a0 + s * 1e-6, trainer.trials.w0) for s in (1, -1))
    np.testing.assert_allclose(found["gradient"]["a"], (up - down) / 2e-6, atol=1e-6)
    scored = simulate.trials({**SMALL, "algorithms": (replace(algorithm("LRR"), name="snip", criterion=SNIP), "LRR")})
    assert scored.mask.isel(algorithm=0).sum() == scored.mask.isel(algorithm=1).sum()
    uniform = {"n": None, "sigma": 0.0, "inputs": "uniform", "engine": "sgd", "batch": 2, "t": 1.0}
    with pytest.raises(ValueError, match="'gradient'"):
        simulate.trials({**SMALL, **uniform, "algorithms": (Algorithm("snip", criterion=SNIP),)})


def _losses(trainer, a, w):
    z = np.einsum("bd,bdn->bn", w, trainer.trials.X)
    return ((a[:, None] * np.maximum(z, 0) - trainer.trials.y) ** 2).mean(-1) / 2


def test_trials_at_rest_stay_so_in_a_level_that_begins_with_zeros():
    trainer = trainer_of()
    params, mask = begun(trainer)
    zeros = {"a": params["a"], "w": 0 * params["w"]}
    found = trainer.train(zeros, mask, 1, frozenset(), Rewind(flip=1.0, flip_every=EVERY))
    assert isinstance(Level(1, mask, zeros, found).points["descent"], dict)
    assert not found["final"]["w"].any()
    assert not np.signbit(found["final"]["w"]).any()
