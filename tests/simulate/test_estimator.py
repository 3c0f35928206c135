"""Sequential estimates: the same trials, fixed looks, resumed to the same bits; control variates whose mean is the true one."""

import json
from itertools import islice

import numpy as np
import pytest
from scipy.stats import beta

import signescape
import simulate
import theory
from simulate import estimator
from simulate.config import Config
from simulate.control import prediction
from simulate.estimator import batch_ends
from simulate.run_trials import finished

LAW = {"n": 40, "d": 3, "sigma": 0.3, "t": 5, "eta": 0.5, "seed": 5, "algorithms": ("IMP", "LRR", "dense")}
WAY = {"half_width": 0.09, "sequential": True, "paired": True}


@pytest.fixture(scope="module")
def found():
    return simulate.estimate(LAW, **WAY)


def test_looks_are_fixed_in_advance():
    ends = list(islice(batch_ends(), 60))
    steps = np.diff([0, *ends])
    assert (steps[:8] == 64).all()
    assert (np.diff(steps) >= 0).all()
    assert 1.12 < ends[-1] / ends[-2] < 1.13
    assert list(batch_ends(70)) == [64, 70]
    assert list(batch_ends(5)) == [5]


def test_stops_at_the_first_look_that_is_narrow_enough(found):
    assert found.kind == "anytime"
    assert found.n == list(islice(batch_ends(), found.batches))[-1]
    learned = simulate.trials({**LAW, "trials": found.n}).learned.to_numpy()
    concentration = simulate.trials_needed(0.09) / 20

    def widest(n):
        hits = learned[:, :n]
        low, high = simulate.confidence_sequence(hits.sum(-1), n, concentration=concentration)
        pairs = [(hits[j], hits[i]) for i in range(3) for j in range(i + 1, 3)]
        ends = [simulate.difference_sequence((x & ~y).sum(), (y & ~x).sum(), n) for x, y in pairs]
        return max((high - low).max(), *(b - a for a, b in ends)) / 2

    widths = [widest(n) for n in batch_ends(found.n)]
    assert widths[-1] <= 0.09
    assert min(widths[:-1]) > 0.09
    assert [found[name].hits for name in LAW["algorithms"]] == learned.sum(-1).tolist()


@pytest.mark.parametrize("change", [{"chunk": 7}, {"chunk": 20, "workers": 3}])
def test_same_whatever_chunk_and_workers(found, change):
    assert simulate.estimate({**LAW, **change}, **WAY) == found


def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(found, tmp_path, monkeypatch):
    out, calls = tmp_path / "e.zarr", []

    def dies(config, start, end, *rest, **more):
        calls.append(start)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return finished(config, start, end, *rest, **more)

    monkeypatch.setattr(estimator, "finished", dies)
    with pytest.raises(KeyboardInterrupt):
        simulate.estimate(LAW, **WAY, out=out)
    assert not out.exists()
    stored = {path: path.stat().st_mtime_ns for path in (tmp_path / "e.zarr.parts").glob("*.npz")}
    assert stored
    kept = {}

    def looked(config, start, end, *rest, **more):
        kept.update({path: path.stat().st_mtime_ns for path in stored})
        return finished(config, start, end, *rest, **more)

    monkeypatch.setattr(estimator, "finished", looked)
    assert simulate.estimate(LAW, **WAY, out=out) == found
    assert kept == stored
    monkeypatch.setattr(estimator, "finished", None)
    assert simulate.estimate(LAW, **WAY, out=out) == found
    assert simulate.load(out).sizes["trial"] == found.n
    with pytest.raises(ValueError, match="half_width"):
        simulate.estimate(LAW, **{**WAY, "half_width": 0.1}, out=out)


def test_ends_at_most_there():
    found = simulate.estimate(LAW, 0.01, sequential=True, most=100)
    assert (found.n, found.batches) == (100, 2)
    assert found["IMP"].high - found["IMP"].low > 0.02


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sequential": True}, "needs the half width"),
        ({"half_width": 0.1, "sequential": True, "most": 0}, "0"),
        ({"half_width": 0.7, "sequential": True}, r"0\.7"),
        ({"paired": True}, "paired=True"),
        ({"most": 5}, "most=5"),
    ],
)
def test_refuses(options, text):
    with pytest.raises(ValueError, match=text):
        simulate.estimate(LAW, **options)


KNOWN = (
    "IMP",
    "LRR",
    "dense",
    "restart(sign='final')",
    "restart(sign='final', criterion='movement')",
    "restart(magnitude='constant', sign='final')",
)


@pytest.mark.parametrize("init", ["balanced", "bounded", "gaussian", "gaussian(sigma_a=0.5)"])
@pytest.mark.parametrize("d", [1, 2, 9])
def test_a_prediction_has_the_probability_it_states(init, d):
    """On 20,000 starts, at a level that one test in a million misses."""
    config = Config(d=d, init=init, n=None)
    a0, w0 = theory.initialisation(init).sample(np.random.default_rng(d), d, 20_000)
    names = (*KNOWN, "WR(time=3.2)") if init == "balanced" and d > 1 else KNOWN if d > 1 else KNOWN[:3]
    for name in names:
        known = prediction(config, theory.algorithm(name))
        hits = known(a0, w0).sum()
        low = beta.ppf(5e-7, hits, 20_001 - hits) if hits else 0
        high = beta.isf(5e-7, hits + 1, 20_000 - hits) if hits < 20_000 else 1
        assert low - known.error <= known.exact <= high + known.error


@pytest.mark.parametrize(
    ("change", "name", "text"),
    [
        ({}, "random", "draws"),
        ({}, "restart(magnitude='reinit', sign='final')", "draws"),
        ({}, "restart(sign='random')", "draws"),
        ({"init": "bounded"}, "WR(time=3.2)", "balanced"),
        ({"keep": 2}, "IMP", "keep=2"),
        ({"levels": 2}, "IMP", "levels=2"),
        ({"a0": [1.0], "w0": [[1.0, 0.0, 0.0]]}, "IMP", "no law"),
    ],
)
def test_no_prediction_without_a_known_probability(change, name, text):
    with pytest.raises(ValueError, match=text):
        prediction(Config(d=3, n=None).but(**change), theory.algorithm(name))


def test_controls_are_much_narrower_and_hold_the_truth():
    law = {"n": None, "d": 5, "t": 100, "trials": 500, "algorithms": ("IMP", "LRR", "random")}
    found = simulate.estimate(law, control=True)
    for name, exact in (("IMP", 0.25), ("LRR", 0.5)):
        control, plain = found.controls[name], found[name]
        assert control.exact == exact
        assert control.low <= exact <= control.high
        assert control.high - control.low < (plain.high - plain.low) / 3
        assert control.equivalent > 9 * 500
        assert control.n == 500
    assert list(found.uncontrolled) == ["random"]
    assert found.proportions == simulate.estimate(law).proportions
    early = simulate.estimate({**law, "algorithms": ("IMP", "LRR")}, 0.03, sequential=True, control=True)
    assert early.n < simulate.trials_needed(0.03) / 2
    assert all(c.high - c.low <= 0.06 for c in early.controls.values())


def test_command_line(capsys, tmp_path):
    words = ["--n", "inf", "--d", "2", "--t", "20", "--algorithms", "LRR", "random", "--half-width", "0.1", "--sequential"]
    words = ["simulate", "estimate", *words, "--paired", "--control", "--most", "200"]
    assert signescape.main([*words, "--json"]) == 0
    out = capsys.readouterr().out
    document = json.loads(out)
    assert document["kind"] == "anytime"
    assert document["controls"]["LRR"]["exact"] == 0.5
    config = tmp_path / "c.json"
    config.write_text(out)
    assert signescape.main(["simulate", "estimate", "--config", str(config), "--json"]) == 0
    assert capsys.readouterr().out == out
    path = str(tmp_path / "e.zarr")
    assert signescape.main([*words, "--out", path]) == 0
    shown = capsys.readouterr()
    assert "theory as control" in shown.out
    assert "No control for random" in shown.err
    assert signescape.main(["simulate", "estimate", "--config", path, "--json", "--out", path]) == 0
    assert json.loads(capsys.readouterr().out)["proportions"] == document["proportions"]
