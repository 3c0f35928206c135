"""Pruning semantics, part 1: masks and counts. Each row is a law of an engine: ours keeps it, faulty variants fail.

The questions are those of the project's table of pruning semantics; the variants are small copies of what public codes do.
A law returns the sentences that an engine breaks, and each variant is listed with the one that it must break. Rows of analyses
that are not part of the engine (linear connectivity, Hessian, learned supermask) are tested with those analyses.
"""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from deep.masks import Masked, prunable_names
from theory.algorithms import Algorithm

from .semantics import broken

# Where does the mask act?


def small():
    """Convolution, batch norm, linear layer; always the same initial values."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


def train(net, n=5):
    """Steps with momentum and weight decay; the optimiser."""
    g = torch.Generator().manual_seed(1)
    images, labels = torch.randn(16, 1, 8, 8, generator=g), torch.randint(0, 10, (16,), generator=g)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(n):
        optimiser.zero_grad()
        cross_entropy(net(images), labels).backward()
        getattr(net, "before_step", int)()
        optimiser.step()
        getattr(net, "after_step", int)()
    return optimiser


class Beside(nn.Module):
    """A network with masks beside it; the variants say where they act."""

    def __init__(self, model):
        super().__init__()
        self.model, self.parameters_by_name = model, dict(model.named_parameters())
        self.masks = {n: torch.ones_like(p, dtype=torch.bool) for n, p in model.named_parameters() if p.dim() > 1}

    def forward(self, x):
        return self.model(x)

    @torch.no_grad()
    def load(self, params, masks):
        self.model.load_state_dict(params)
        for n, m in masks.items():
            self.masks[n].copy_(m)
            self.parameters_by_name[n].masked_fill_(~m, 0)

    def snapshot(self):
        return {n: t.clone() for n, t in self.model.state_dict().items()}

    @torch.no_grad()
    def apply_masks(self):
        for n, m in self.masks.items():
            self.parameters_by_name[n].mul_(m)


class DataInForward(Beside):
    """data *= mask in the forward pass: gradient and momentum stay dense."""

    def forward(self, x):
        self.apply_masks()
        return self.model(x)


class AfterTheStep(Beside):
    """The mask after the optimiser's step: the stored weights are right, the momentum of the pruned ones is not."""

    after_step = Beside.apply_masks


class ByValue(Beside):
    """Gradients are cut where the value is below a small number, as if all weights were positive."""

    def before_step(self):
        for n in self.masks:
            p = self.parameters_by_name[n]
            p.grad[p.detach() < 1e-6] = 0


class MinusZero(Masked):
    """Pruned by multiplication: a negative weight becomes −0.0."""

    def load(self, params, mask):
        super().load(params, mask)
        with torch.no_grad():
            for n, p in self.parameters_by_name.items():
                p.copy_(params[n] * mask[n] if n in mask else params[n])


class NewBuffers(Masked):
    """Puts new mask tensors in place of the old ones, which a compiled graph has seen."""

    def load(self, params, mask):
        super().load(params, mask)
        for slot in self._slots.values():
            slot.mask = slot.mask.clone()


class TwiceMasked(Masked):
    """An all-ones mask that is not neutral: the weights that stay are scaled up, as dropout does."""

    def forward(self, x):
        return super().forward(x * (1 + 1e-6))


def where_the_mask_acts(kind):
    net, dense = kind(small()), small()
    g, places = torch.Generator().manual_seed(2), {n: m.data_ptr() for n, m in net.masks.items()}
    masks = {n: torch.rand(m.shape, generator=g) < 0.5 for n, m in net.masks.items()}
    start = net.snapshot()
    net.load(start, masks)
    optimiser = train(net)
    end, own = net.snapshot(), net.parameters_by_name
    dead = torch.cat([end[n][~m] for n, m in masks.items()])
    memory = [(own[n].grad, optimiser.state[own[n]]["momentum_buffer"]) for n in masks]
    taught = {s: torch.cat([own[n].grad[m & (end[n] * s > 0)] != 0 for n, m in masks.items()]) for s in (1, -1)}
    whole = kind(small())
    train(whole)
    train(dense)
    return broken(
        pruned_weights_stay_plus_zero=(dead == 0).all() and not torch.signbit(dead).any(),
        pruned_weights_have_no_gradient_and_no_momentum=all(
            (t[~m] == 0).all() for m, both in zip(masks.values(), memory, strict=True) for t in both
        ),
        weights_of_both_signs_learn=all(x.float().mean() > 0.9 for x in taught.values()),
        ones_are_the_dense_network=all(torch.equal(whole.snapshot()[n], t) for n, t in dense.state_dict().items()),
        masks_change_in_place=places == {n: m.data_ptr() for n, m in net.masks.items()},
    )


# How many are pruned?


def ours(score, mask, fraction, keys=0):
    """One pruning of one tensor of scores ≥ 0."""
    law, stub = Algorithm("x", fraction=fraction), SimpleNamespace(keys=np.uint64(keys), batch=0)
    return law.prune({"init": {"w": score}, "final": {"w": score}}, {"w": mask}, 1, stub)["w"]


def _number(fraction, mask):
    return min(round(fraction * int(mask.sum())), int(mask.sum()) - 1)


def one_more(score, mask, fraction, keys=0):
    """Keeps what is above the k-th smallest, counted from 0 (open_lth)."""
    return mask & (score > score[mask].sort().values[_number(fraction, mask)])


def float_floor(score, mask, fraction, keys=0):
    """int(0.29 · 100) = 28."""
    return _kept(score, mask, int(fraction * int(mask.sum())))


def resurrected(score, mask, fraction, keys=0):
    """A threshold among all scores, those of pruned weights too, and a new mask without regard to the old one."""
    stays = int(mask.sum()) - _number(fraction, mask)
    return score >= score.flatten().sort(descending=True).values[stays - 1]


def with_all_ties(score, mask, fraction, keys=0):
    """Keeps what is at least the threshold: all the equal ones."""
    return mask & (score >= score[mask].sort().values[_number(fraction, mask)])


def by_index(score, mask, fraction, keys=0):
    """Ties by a stable sort: of equal scores the first coordinates stay, the teacher's before all others."""
    return _kept(score, mask, _number(fraction, mask))


def none_left(score, mask, fraction, keys=0):
    """Prunes all of them where the fraction is 1."""
    return _kept(score, mask, round(fraction * int(mask.sum())))


def unchecked(score, mask, fraction, keys=0):
    """A weight that is not a number counts as 0."""
    return ours(score.nan_to_num(), mask, fraction, keys)


def _kept(score, mask, k):
    order = torch.where(mask, score, -1).argsort(descending=True, stable=True)
    new = torch.zeros_like(mask)
    new[order[: int(mask.sum()) - k]] = True
    return new


def _cases():
    g = torch.Generator().manual_seed(0)
    for n in (1, 2, 5, 100):
        for fraction in (0.0, 0.2, 0.29, 0.5, 1.0):
            for values in (2, 5, 10**6):
                score, mask = torch.randint(0, values, (n,), generator=g).double(), torch.rand(n, generator=g) < 0.7
                mask[int(torch.randint(0, n, (1,), generator=g))] = True
                yield score, mask, fraction
        yield torch.rand(n, generator=g).double(), torch.ones(n, dtype=torch.bool), 0.29


def how_many_are_pruned(prune):
    found = [(score, mask, fraction, prune(score, mask, fraction)) for score, mask, fraction in _cases()]
    tied, n = (torch.ones(10).double(), torch.ones(10, dtype=torch.bool)), 600
    first = sum(bool(prune(*tied, 0.5, keys)[0]) for keys in range(n))
    try:
        prune(torch.tensor([1.0, torch.nan, 2.0]).double(), torch.ones(3, dtype=torch.bool), 0.4)
        refuses = False
    except ValueError:
        refuses = True
    return broken(
        exactly_round_of_fraction_times_alive_go=all(
            int(new.sum()) == max(1, int(m.sum()) - round(Fraction(str(f)) * int(m.sum()))) for _, m, f, new in found
        ),
        pruned_weights_stay_pruned=all(not (new & ~m).any() for _, m, _, new in found),
        the_largest_stay=all(
            s[m & ~new].max() <= s[m & new].min() for s, m, _, new in found if (m & ~new).any() and (m & new).any()
        ),
        of_equal_ones_no_coordinate_is_favoured=abs(first / n - 0.5) < 5 * (0.25 / n) ** 0.5,
        not_a_number_is_refused=refuses,
    )


# What is the fraction a fraction of?


def ours_by_level(total, fraction, n):
    """Weights alive after each of n prunings."""
    law, counts = Algorithm("x", fraction=fraction), [np.array(total)]
    for i in range(n):
        counts.append(law.stays(counts[-1], i + 1))
    return counts[1:]


def fraction_of_the_alive(count):
    found, left, expected = count(10_007, 0.2, 25), 10_007, []
    for _ in range(25):
        left -= round(Fraction(1, 5) * left)
        expected.append(left)
    return broken(
        each_level_prunes_a_fifth_of_the_alive=all(abs(a - b) <= 1 for a, b in zip(found, expected, strict=True)),
        counts_are_exact_integers=[np.asarray(x).dtype.kind for x in found] == ["i"] * 25 and list(map(int, found)) == expected,
    )


# Which weights can be pruned?


class Various(nn.Module):
    """A stem, a norm, a transposed convolution, a bare parameter, a classifier."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2)
        self.up, self.table = nn.ConvTranspose1d(2, 2, 3), nn.Embedding(3, 4)
        self.scale, self.head = nn.Parameter(torch.ones(2, 2)), nn.Linear(4, 2)


def what_is_prunable(names):
    found = set(names(Various()))
    return broken(
        the_stem_is="stem.weight" in found,
        the_classifier_is="head.weight" in found,
        every_convolution_is="up.weight" in found,
        no_bias_and_no_batch_norm_is=not any(n.endswith("bias") or n.startswith("norm") for n in found),
        nothing_else_is=found <= {"stem.weight", "up.weight", "head.weight"},
    )


def by_name(model):
    """Whatever is called a weight."""
    return [n for n, _ in model.named_parameters() if n.endswith("weight")]


def matrices(model):
    """Whatever has two axes."""
    return [n for n, p in model.named_parameters() if p.dim() > 1]


ROWS = {
    where_the_mask_acts: (
        Masked,
        {
            DataInForward: "pruned weights stay plus zero",
            AfterTheStep: "pruned weights have no gradient and no momentum",
            ByValue: "weights of both signs learn",
            MinusZero: "pruned weights stay plus zero",
            NewBuffers: "masks change in place",
            TwiceMasked: "ones are the dense network",
        },
    ),
    how_many_are_pruned: (
        ours,
        {
            one_more: "exactly round of fraction times alive go",
            float_floor: "exactly round of fraction times alive go",
            none_left: "exactly round of fraction times alive go",
            with_all_ties: "exactly round of fraction times alive go",
            resurrected: "pruned weights stay pruned",
            by_index: "of equal ones no coordinate is favoured",
            unchecked: "not a number is refused",
        },
    ),
    fraction_of_the_alive: (
        ours_by_level,
        {
            lambda total, f, n: [total - int(f * i * total) for i in range(1, n + 1)]: "each level prunes a fifth of the alive",
            lambda total, f, n: [total * (1 - f) ** i for i in range(1, n + 1)]: "counts are exact integers",
            lambda total, f, n: [round(total * (1 - f) ** i) for i in range(1, n + 1)]: "counts are exact integers",
        },
    ),
    what_is_prunable: (
        prunable_names,
        {
            lambda model: prunable_names(model)[1:]: "the stem is",
            lambda model: prunable_names(model)[:-1]: "the classifier is",
            lambda model: [n for n in prunable_names(model) if n != "up.weight"]: "every convolution is",
            by_name: "no bias and no batch norm is",
            matrices: "nothing else is",
        },
    ),
}
FAULTY = [(law, engine, sentence) for law, (_, variants) in ROWS.items() for engine, sentence in variants.items()]


@pytest.mark.parametrize("law", ROWS, ids=lambda law: law.__name__)
def test_our_engine_keeps_the_law(law):
    assert law(ROWS[law][0]) == []


@pytest.mark.parametrize(("law", "engine", "sentence"), FAULTY, ids=lambda x: str(getattr(x, "__name__", x)))
def test_a_faulty_variant_breaks_it(law, engine, sentence):
    assert sentence in law(engine)
